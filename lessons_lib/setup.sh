# Make .venv in this work tree: pinned packages (constraints.txt) and Onggi itself, editable.
#
# Started by `make setup` in the top folder, on a machine that may have nothing but a shell:
# so what is missing is said here, in Korean and in English, with the command that helps.
set -eu

say() {
    printf '%s\n%s\n' "$1" "$2" >&2
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# The plain python3 comes first: it is the one that a newcomer means.
choose_python() {
    incomplete=
    for python in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
        is_new_enough "$python" || continue
        if can_make_environments "$python"; then
            return
        fi
        incomplete=${incomplete:-$python}
    done
    if [ -n "$incomplete" ]; then
        package=$(basename "$incomplete")-venv
        say "Debian 패키지 $package이(가) 없습니다: sudo apt install $package" \
            "The Debian package $package is missing: sudo apt install $package"
    else
        say "Python 3.11 이상이 필요합니다: sudo apt install python3 python3-venv (Debian 12, Ubuntu 24.04 이상)" \
            "Python 3.11 or newer is needed: sudo apt install python3 python3-venv (Debian 12, Ubuntu 24.04 or newer)"
    fi
    exit 1
}

# An environment that was moved or copied still points to its first place.
is_whole() {
    .venv/bin/pip --version 2>/dev/null | grep -qF "$PWD/.venv/"
}

install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --constraint constraints.txt "$@"
}

if ! is_whole; then
    choose_python
    "$python" -m venv --clear .venv
fi
say "필요한 파이썬 패키지를 .venv에 설치합니다. 처음 한 번만 1분쯤 걸립니다." \
    "Installing the Python packages into .venv. Only this first time it takes a minute or so."
# setuptools goes first, so that building Onggi itself uses the pinned one and nothing else.
# editable_mode=compat: a path instead of a finder, whose imports would slow every start of Python.
if ! { install setuptools && install --no-build-isolation --config-settings editable_mode=compat \
    --editable '.[lab,test]'; }; then
    say "설치하지 못했습니다. 인터넷 연결이나 pip 설정을 확인하고 다시 실행해 주세요." \
        "That failed. Check the network or pip's settings, then run it again."
    exit 1
fi
