"""A deputy carries commands out: quicker, and otherwise nobody can tell."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyboard
import leftovers
import pytest

from runtime.cli import start
from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.start")
WAITING = ("build", "-q", "-")
"""A command that waits for its standard input."""


@pytest.fixture
def deputy(engine: Engine) -> Iterator[int]:
    """Its number. There is one for this session after two commands."""
    for _ in range(2):
        assert onggi("ps").returncode == 0
    place = start.meeting_place()
    assert place is not None
    until(lambda: os.path.exists(place))
    (pid,) = deputies(engine.root)
    yield pid
    leftovers.end_launchers(engine.root)
    for left in (engine.root / "run").glob("deputy-*"):
        left.unlink()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def onggi(*line: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "ONGGI_LANG": "en", **more}
    return subprocess.run(
        [*ONGGI, *line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )


def begin(*line: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*ONGGI, *line], stdin=pipe, stdout=pipe, stderr=pipe)


def deputies(root: Path) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = os.fsencode(root) in (folder / "cmdline").read_bytes().split(b"\0")
            if ours and (folder / "comm").read_text() == "onggi-deputy\n":
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_begun(command: int) -> bool:
    """It has let go of the connection by which it was asked for."""
    try:
        links = [os.readlink(link) for link in Path(f"/proc/{command}/fd").iterdir()]
    except OSError:
        return False
    return bool(links) and not any(link.startswith(("socket:", "anon_inode:")) for link in links)


def reads(command: int) -> bool:
    """It waits for its standard input, a pipe."""
    try:
        return "pipe_read" in Path(f"/proc/{command}/wchan").read_text()
    except OSError:
        return False


def sockets(pid: int) -> list[str]:
    folder = Path(f"/proc/{pid}/fd")
    found = [os.readlink(folder / name) for name in os.listdir(folder)]
    return [each for each in found if each.startswith("socket:")]


def test_the_same_is_said_and_the_same_code_returned(deputy: int, engine: Engine) -> None:
    engine.containers.create("onggi/base", "true", name="jar")
    lines = [
        ("ps", "-a", "-q"),
        ("inspect", "jar"),
        ("rm", "nobody"),
        ("ps", "--nonsense"),
        ("rm",),
    ]
    for line in lines:
        for more in ({}, {"ONGGI_LANG": "ko"}, {"LC_ALL": "C"}):
            here, there = onggi(*line, ONGGI_DEPUTY="0", **more), onggi(*line, **more)
            assert there.args == here.args
            assert (there.returncode, there.stdout, there.stderr) == (
                (here.returncode, here.stdout, here.stderr)
            )
    until(lambda: deputies(engine.root) == [deputy])  # its last fork may be about to end


def test_it_is_forked_where_everything_is_imported(deputy: int, tmp_path: Path) -> None:
    command = begin(*WAITING)
    until(lambda: any(map(has_begun, children(deputy))))
    (child,) = children(deputy)
    until(lambda: os.getpgid(child) == os.getpgid(command.pid))
    until(lambda: not sockets(child))  # it has let go of the deputy's
    assert os.readlink(f"/proc/{child}/cwd") == str(Path.cwd())
    assert sorted(os.listdir(f"/proc/{child}/fd"))[:3] == ["0", "1", "2"]
    said, _ = command.communicate(b"FROM scratch\nLABEL a=b\n", timeout=60)
    assert (command.returncode, said[:7]) == (0, b"sha256:")
    until(lambda: not children(deputy))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_in_the_same_way(deputy: int, number: int) -> None:
    command = begin(*WAITING)
    until(lambda: any(map(has_begun, children(deputy))))
    command.send_signal(number)
    command.communicate(timeout=60)
    assert command.returncode == -number
    until(lambda: not children(deputy))


def test_an_interrupt_is_an_exit_code(deputy: int) -> None:
    command = begin(*WAITING)
    until(lambda: any(map(reads, children(deputy))))
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 130


GROUP = """
import os, sys
from runtime.cli import start
os.write(1, b"!")
sys.exit(start.main())
"""
"""A command that says when its first line is about to run: what comes before is Python's own."""


def test_an_interrupt_at_any_moment(deputy: int, engine: Engine) -> None:
    """From its first line to its end, to the whole process group as a key does it: it has done its
    work or says 130, there are no traces of Python, and the deputy goes on as it was.
    """
    moments = random.Random(3)
    codes = set()
    line = [sys.executable, "-c", GROUP, "ps", "-a"]
    longest_s = 0.05
    for turn in range(30):
        pipe = subprocess.PIPE
        with subprocess.Popen(line, stdout=pipe, stderr=pipe, process_group=0) as command:
            assert command.stdout is not None and command.stderr is not None
            assert command.stdout.read(1) == b"!"
            began = time.monotonic()
            if turn >= 5:
                time.sleep(moments.uniform(0, longest_s))
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(command.pid, signal.SIGINT)
            _, said = command.communicate(timeout=60)
            if turn < 5:
                longest_s = max(longest_s, time.monotonic() - began)
        if b'File "<string>"' in said and b"start.py" not in said:
            continue  # before it had come to its first line
        if (command.returncode, said) == (-signal.SIGINT, b""):
            continue  # after its last one, when Python has given its signals back
        assert command.returncode in (0, 130), (turn, command.returncode, said)
        assert b"Traceback" not in said, said.decode()
        codes.add(command.returncode)
    assert codes == {0, 130}
    until(lambda: not children(deputy))
    assert deputies(engine.root) == [deputy]


def test_whoever_is_killed_takes_his_command_along(deputy: int) -> None:
    command = begin(*WAITING)
    until(lambda: any(map(has_begun, children(deputy))))
    command.kill()
    command.communicate(timeout=60)
    until(lambda: not children(deputy))


def test_a_killed_deputy_is_no_answer(deputy: int) -> None:
    command = begin(*WAITING)
    until(lambda: any(map(has_begun, children(deputy))))
    os.kill(deputy, signal.SIGKILL)
    command.communicate(timeout=60)
    assert command.returncode == -signal.SIGKILL
    assert onggi("ps").returncode == 0


def test_others_circumstances_are_refused(deputy: int) -> None:
    """With another umask it would not be what it would have become here."""
    command = subprocess.Popen(
        ["sh", "-c", 'umask 027; exec "$@"', "sh", *ONGGI, *WAITING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, _ = command.communicate(b"FROM scratch\nLABEL a=b\n", timeout=60)
    assert (command.returncode, said[:7]) == (0, b"sha256:")
    assert children(deputy) == []


def test_a_place_of_somebody_elses_is_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start.meeting_place() == f"{engine.root}/run/deputy-{os.getsid(0)}.sock"
    (engine.root / "run").chmod(0o755)
    assert start.meeting_place() is None
    (engine.root / "run").chmod(0o700)
    monkeypatch.setenv("ONGGI_ROOT", str(engine.root / "nothing"))
    assert start.meeting_place() is None


def test_keys_reach_it(engine: Engine) -> None:
    """On a terminal: Ctrl-C comes from the kernel, to the whole group, and once."""
    onggi_line = " ".join(ONGGI)
    script = (
        f"trap : INT; {onggi_line} ps -q; {onggi_line} ps -q; "
        f"while ! ls {engine.root}/run | grep -q 'deputy-.*sock'; do sleep 0.1; done; "
        f"echo there; {onggi_line} build -q -; echo code $?"
    )
    with keyboard.Keyboard("-c", script, program=["sh"]) as keys:
        keys.see(b"there")
        (pid,) = deputies(engine.root)
        until(lambda: bool(children(pid)))
        group = os.getpgid(keys.process.pid)
        until(lambda: os.getpgid(children(pid)[0]) == group)
        keys.type("\x03")
        keys.see(b"code 130")
    leftovers.end_launchers(engine.root)
    for left in (engine.root / "run").glob("deputy-*"):
        left.unlink()
