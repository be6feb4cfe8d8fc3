"""The unmodified docker command against `onggi serve`: what it says is what it says to dockerd.

Every transcript (tests/transcripts.py) is typed again, with each client of this host, at one
server. Then somebody sits at a real terminal.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keyboard import Keyboard
from reference import clean, running_ours
from transcripts import FOLDER, Client, Host, Session, clients, play, read

pytestmark = pytest.mark.needs("containers", "docker", "docker-registry")

IMAGE = "onggi/base"
SHELL = ("sh", "-c", "PS1='# ' exec sh -i")
"""A shell with a prompt that is known."""

INTERRUPT, LEAVE, END = b"\x03", b"\x10\x11", b"\x04"

Sit = Callable[..., Keyboard]


@pytest.fixture(scope="module")
def host(base_state: Path) -> Iterator[Host]:
    """Our server, for all tests of this file."""
    with running_ours(base_state) as running:
        yield running


@pytest.fixture(params=clients(), ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_a_client_says_what_it_says_to_dockerd(name: str, client: Client, host: Host) -> None:
    told = play(read(FOLDER / f"{name}.txt"), host, client)
    clean(host)
    assert not told, "\n".join(["not as recorded from dockerd:", *told])


# ── At a terminal ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def docker(host: Host, client: Client) -> Iterator[Session]:
    """Somebody with a shell beside the terminal."""
    with host.session(client) as session:
        yield session
    clean(host)


@pytest.fixture
def sit(docker: Session, client: Client, monkeypatch: pytest.MonkeyPatch) -> Sit:
    """Begins a docker command on a terminal."""
    for name, value in docker.environment.items():
        monkeypatch.setenv(name, value)

    def begin(*words: str, **options: Any) -> Keyboard:
        return Keyboard(*words, program=[client.program], **options)

    return begin


def said(session: Session, line: str) -> str:
    """What a command says, having succeeded."""
    code, output, errors = session.run(line)
    assert code == 0, errors
    return output.strip()


def test_a_shell_in_a_new_container(sit: Sit, docker: Session) -> None:
    with sit("run", "-it", "--name", "web", IMAGE, *SHELL, size=(31, 97)) as keyboard:
        keyboard.wait_until_raw()
        keyboard.see("# ")
        keyboard.type("until [ \"$(stty size)\" = '31 97' ]; do sleep 0.1; done; tty\r")
        keyboard.see("/dev/pts/0\r\n")
        keyboard.type("trap 'echo caught' INT; cat; echo then $?\r")
        keyboard.see("then $?\r\n")
        keyboard.type("one\r")
        keyboard.see("one\r\none\r\n")
        keyboard.type(INTERRUPT)
        keyboard.see("^C")
        keyboard.see("# ")
        keyboard.type("exit 7\r")
        assert keyboard.exit_code() == 7
        assert keyboard.is_as_before
    assert said(docker, "docker inspect -f '{{.State.ExitCode}}' web") == "7"


def test_the_window_changes(sit: Sit) -> None:
    script = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done'
    with sit("run", "-it", "--rm", IMAGE, "sh", "-c", script, size=(20, 60)) as keyboard:
        keyboard.see("ready\r\n")
        keyboard.resize_until("42 111\r\n", 42, 111)
        keyboard.type(INTERRUPT)
        assert keyboard.exit_code() == 130


def test_leave_and_come_back(sit: Sit, docker: Session) -> None:
    with sit("run", "-it", "--name", "web", IMAGE, *SHELL) as keyboard:
        keyboard.see("# ")
        keyboard.type("here=yes\r")
        keyboard.see("# ")
        keyboard.type(LEAVE)
        assert keyboard.exit_code() == 0
        assert keyboard.is_as_before
    assert said(docker, "docker ps --format '{{.Names}} {{.State}}'") == "web running"
    with sit("attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("echo still $here\r")
        keyboard.see("still yes\r\n")
        keyboard.type("exit 5\r")
        assert keyboard.exit_code() == 5
    with sit("start", "-ai", "web") as keyboard:
        keyboard.see("# ")
        keyboard.type(END)
        assert keyboard.exit_code() == 0


def test_one_more_shell_in_a_container(sit: Sit, docker: Session) -> None:
    said(docker, f"docker run -d --name web {IMAGE} sleep 1000")
    with sit("exec", "-it", "-e", "X=in", "web", *SHELL, size=(33, 99)) as keyboard:
        keyboard.see("# ")
        keyboard.type("until [ \"$(stty size)\" = '33 99' ]; do sleep 0.1; done; echo $X side\r")
        keyboard.see("in side\r\n")
        keyboard.type("until [ \"$(stty size)\" = '22 66' ]; do sleep 0.1; done; echo small\r")
        keyboard.see("small\r\n")  # typed
        keyboard.resize_until("small\r\n", 22, 66)
        keyboard.type("exit 9\r")
        assert keyboard.exit_code() == 9
        assert keyboard.is_as_before


def test_ctrl_c_without_a_terminal_inside_is_a_signal(sit: Sit, docker: Session) -> None:
    script = 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.1; done'
    with sit("run", "--name", "web", IMAGE, "sh", "-c", script) as keyboard:
        keyboard.see("ready")
        keyboard.type(INTERRUPT)
        keyboard.see("caught")
        assert keyboard.exit_code() == 3


def test_what_is_watched_until_ctrl_c(sit: Sit, docker: Session) -> None:
    script = "echo ready; exec sleep 1000"
    said(docker, f"docker run -d --name web {IMAGE} sh -c '{script}'")
    for words, seen in ((("logs", "-f", "web"), "ready"), (("stats",), "web"), (("events",), "")):
        with sit(*words) as keyboard:
            if not seen:
                said(docker, f"docker run --rm --name other {IMAGE} true")
            keyboard.see(seen or "name=other")
            keyboard.type(INTERRUPT)
            keyboard.exit_code()
    assert said(docker, "docker ps --format '{{.Names}}'") == "web"


def test_a_client_that_is_killed_leaves_its_container_alone(sit: Sit, docker: Session) -> None:
    with sit("run", "-it", "--name", "web", IMAGE, *SHELL) as keyboard:
        keyboard.see("# ")
        keyboard.process.send_signal(signal.SIGKILL)
        keyboard.process.wait()
    with sit("attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("echo still here\r")
        keyboard.see("\r\nstill here\r\n")
        keyboard.type("exit\r")
        assert keyboard.exit_code() == 0
