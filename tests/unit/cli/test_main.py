"""The edge: words led to commands, errors to one sentence, endings to exit codes.

Nothing here needs privilege: what is asked for is refused or explained before anything runs.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from recorder import recording

from runtime.cli import start
from runtime.cli.commands import NOUNS, TOP, aliases, paths
from runtime.cli.main import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONGGI_ROOT", str(tmp_path / "state"))
    monkeypatch.setenv("ONGGI_LANG", "en")


def told(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    code = main(line)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("path", paths())
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], path: str) -> None:
    code, out, err = told(capsys, *path.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage:  onggi {path}")
    assert "--help" in out


@pytest.mark.parametrize("line", [(), ("--help",), ("help",), ("-h",)])
def test_everything_is_listed(capsys: pytest.CaptureFixture[str], line: tuple[str, ...]) -> None:
    code, out, _ = told(capsys, *line)
    assert code == 0
    assert all(f"\n  {word} " in out for word in TOP)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_lists_its_verbs(capsys: pytest.CaptureFixture[str], noun: str) -> None:
    code, out, _ = told(capsys, noun)
    assert code == 0
    assert NOUNS[noun].summary in out


def test_help_for_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "help", "image", "ls") == told(capsys, "image", "ls", "--help")


def test_aliases_are_docker_s() -> None:
    assert set(aliases(paths()["ps"])) == {
        "onggi ps",
        "onggi container ls",
        "onggi container list",
        "onggi container ps",
    }


def test_help_in_korean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONGGI_LANG", "ko")
    _, out, _ = told(capsys, "run", "--help")
    assert "이미지로 새 컨테이너를 만들어 실행" in out
    assert "메모리 제한" in out


@pytest.mark.parametrize(
    ("line", "code"),
    [
        # As the docker client 28 ends, tried one by one.
        (("bogus",), 1),
        (("image", "bogus"), 1),
        (("--bogus",), 125),
        (("ps", "--bogus"), 125),
        (("ps", "extra"), 1),
        (("run",), 1),
        (("run", "--bogus", "image"), 125),
        (("run", "-m", "foo", "image"), 125),
        (("run", "--cpus", "x", "image"), 125),
        (("run", "--rm=maybe", "image"), 125),
        (("run", "-e"), 125),
        (("rm",), 1),
        (("rm", "--"), 1),
        (("tag", "one"), 1),
        (("logs",), 1),
        (("exec", "container"), 1),
        (("stop", "-t", "x", "container"), 125),
        (("images", "a", "b"), 1),
    ],
)
def test_what_cannot_be_understood(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], code: int
) -> None:
    got, out, err = told(capsys, *line)
    assert (got, out) == (code, "")
    assert err.startswith("onggi: ")
    assert "--help'" in err


@pytest.mark.parametrize(
    ("line", "meant"),
    [(("buidl",), "'onggi build'"), (("image", "hisotry"), "'onggi image history'")],
)
def test_a_mistyped_command_is_guessed(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], meant: str
) -> None:
    code, _, err = told(capsys, *line)
    assert (code, err.splitlines()[1]) == (1, f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (("run", "--pull", "x", "x"), 125, "onggi: invalid pull option: 'x'"),
        (("create", "--stop-signal", "x", "x"), 125, "onggi: no such signal: x"),
        (("start", "nosuch"), 1, "onggi: no such container: nosuch"),
        (("start", "-a", "one", "two"), 1, "onggi: only one container can be attached to"),
        (("logs", "nosuch"), 1, "onggi: no such container: nosuch"),
        (("rm", "nosuch"), 1, "onggi: no such container: nosuch"),
        (("rm", "-f", "nosuch"), 0, "onggi: no such container: nosuch"),
        (("rmi", "nosuch"), 1, "onggi: no such image: nosuch"),
        (("rmi", "-f", "nosuch"), 0, "onggi: no such image: nosuch"),
        (("exec", "nosuch", "true"), 1, "onggi: no such container: nosuch"),
        (("inspect", "nosuch"), 1, "onggi: no such object: nosuch"),
        (("inspect", "--type", "task", "x"), 1, "onggi: no such type: task"),
        (("spec", "nosuch"), 1, "onggi: no such container: nosuch"),
        (("history", "nosuch"), 1, "onggi: no such image: nosuch"),
        (("ps", "--filter", "exited"), 125, "onggi: not a filter: exited"),
        (("ps", "--format", "{{.Nmae}"), 1, "onggi: in the format, an opening {{"),
    ],
)
def test_what_the_engine_refuses(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], code: int, message: str
) -> None:
    got, _, err = told(capsys, *line)
    assert got == code
    assert err.startswith(message)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (("search", "alpine"), 1, "onggi: not supported yet: onggi search"),
        (("run", "--storage-opt", "size=1G", "x"), 125, "onggi: not supported yet: --storage-opt"),
        (("create", "--gpus", "all", "x"), 125, "onggi: not supported yet: --gpus"),
    ],
)
def test_what_docker_has_and_onggi_has_not_yet(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], code: int, message: str
) -> None:
    got, _, err = told(capsys, *line)
    assert got == code
    assert err.startswith(message)


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (("run", "nosuch/image", "true"), 125, "onggi: no such image: nosuch/image"),
        (("create", "nosuch/image"), 1, "onggi: no such image: nosuch/image"),
        (("build", "/nosuch/context"), 1, "onggi: the build context is not a directory"),
    ],
)
def test_what_the_engine_refuses_even_to_root(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], code: int, message: str
) -> None:
    got, _, err = told(capsys, *line)
    assert got == code
    assert err.startswith(message)


def test_nothing_there_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "ps") == (
        0,
        "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n",
        "",
    )
    assert told(capsys, "images")[1] == "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n"
    assert told(capsys, "ps", "-q") == (0, "", "")
    assert told(capsys, "inspect", "nosuch")[1] == "[]\n"


def test_a_question_that_nobody_answers_is_a_no(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert told(capsys, "system", "prune")[0] == 1
    assert told(capsys, "system", "prune", "-f")[1] == "Total reclaimed space: 0B\n"


def test_a_state_directory_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONGGI_ROOT", "/proc/onggi")
    code, _, err = told(capsys, "ps")
    assert code == 1
    assert err.startswith("onggi: the state directory cannot be written: /proc/onggi")


def onggi(*line: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    """The command as a program; `shell` is what follows it on a shell's line."""
    command = " ".join([sys.executable, "-m", "runtime.cli.main", *line, shell])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_that_stops_early_is_no_error() -> None:
    done = onggi("--help", shell="| sleep 0.2")
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_a_full_disk_is_one_sentence() -> None:
    done = onggi("--help", shell="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.strip() == "onggi: No space left on device"


@pytest.mark.parametrize("line", [("--help",), ("bogus",)])
def test_starting_loads_little(line: tuple[str, ...]) -> None:
    script = (
        "import sys; from runtime.cli.main import main; main(sys.argv[1:]); "
        "print([name for name in sys.modules if name.startswith('runtime.engine')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *line], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


HEAVY = frozenset(
    (
        *("asyncio", "base64", "dataclasses", "email", "http.client", "ipaddress", "logging"),
        *("pathlib", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.parse"),
    )
)
"""What a list of an engine elsewhere is shown without: each takes a part of the time of it all."""


def test_a_list_from_elsewhere_loads_little(tmp_path: Path) -> None:
    script = (
        "import sys; from runtime.cli.main import main; "
        "code = main(sys.argv[1:]); print(code, *sorted(sys.modules))"
    )
    with recording(tmp_path / "s", "1.47"):
        done = subprocess.run(
            [sys.executable, "-c", script, "--host", f"unix://{tmp_path}/s", "ps"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    code, *loaded = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert not HEAVY & {*loaded}
    client = {name for name in loaded if name.startswith("runtime.api.client.")}
    assert {name.rpartition(".")[2] for name in client} == {
        *("address", "containers", "engine", "http"),
    }
    engine = [name for name in loaded if name.startswith("runtime.engine.")]
    assert engine == ["runtime.engine.durations"]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("ps -a", "ps"),
        ("--host unix:///s ps", "ps"),
        ("-H unix:///s ps", "ps"),
        ("--host=unix:///s ps", "ps"),
        ("--host", ""),
        ("--tls --host tcp://x ps", "--tls"),
        ("", ""),
    ],
)
def test_which_command_a_deputy_is_asked_for(line: str, command: str) -> None:
    assert start.command_in(line.split()) == command
