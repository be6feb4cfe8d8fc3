"""A container's terminal, used by somebody at a real one."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from keyboard import ONGGI, Keyboard

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
SHELL = ("sh", "-c", "PS1='# ' exec sh -i")
"""A shell with a prompt that is known."""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def shell(engine: Engine, **options: Any) -> Container:
    """A shell on a terminal, in the background."""
    container: Container = engine.containers.run(
        IMAGE, list(SHELL), tty=True, stdin_open=True, detach=True, **options
    )
    return container


def test_a_session(engine: Engine) -> None:
    with Keyboard("run", "-it", "--name", "web", IMAGE, *SHELL, size=(31, 97)) as keyboard:
        keyboard.wait_until_raw()
        keyboard.see("# ")
        keyboard.type("stty size; tty; echo $TERM; ls -l /dev/console; ls /proc/self/fd\r")
        seen = keyboard.see("# ").decode()
        assert "31 97\r\n/dev/pts/0\r\nxterm\r\n" in seen, "the size was right from the beginning"
        assert re.search(r"crw--w---- +1 root +tty .*/dev/console", seen)
        assert seen.split()[-5:-1] == ["0", "1", "2", "3"], "3 is ls's own"
        keyboard.type("exit 7\r")
        assert keyboard.exit_code() == 7
        assert keyboard.is_as_before
    container = engine.containers.get("web")
    assert container.logs(stderr=False).startswith(b"# "), "everything is in the log"
    assert container.exit_code == 7


def test_the_master_is_nowhere_inside_and_the_slave_has_no_name_outside(engine: Engine) -> None:
    container = shell(engine)
    for pid in Cgroup(container.id).processes():
        folder = f"/proc/{pid}/fd"
        targets = {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
        # A shell keeps its terminal also under a number of its own, for job control.
        assert set(targets.values()) == {"/dev/pts/0"} or set(targets.values()) == {
            "/dev/pts/0",
            "/dev/tty",
        }
        assert not any("ptmx" in target for target in targets.values())
        inside = os.stat(f"{folder}/0")
    if os.path.exists("/dev/pts/0"):
        outside = os.stat("/dev/pts/0")
        assert outside.st_dev != inside.st_dev


def test_ctrl_c_is_a_key(engine: Engine) -> None:
    with Keyboard("run", "-it", "--name", "web", IMAGE, *SHELL) as keyboard:
        keyboard.see("# ")
        keyboard.type("trap 'echo caught' INT; cat; echo then $?\r")
        keyboard.see("then $?\r\n")
        keyboard.type("one\r")
        keyboard.see("one\r\none\r\n")
        keyboard.type(b"\x03")
        keyboard.see("^C")
        keyboard.see("# ")
        keyboard.type("echo still here\r")
        keyboard.see("\r\nstill here\r\n")
        keyboard.type(b"\x04")
        keyboard.exit_code()
        assert keyboard.is_as_before


def test_the_window_changes(engine: Engine) -> None:
    script = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done'
    with Keyboard("run", "-it", "--rm", IMAGE, "sh", "-c", script, size=(20, 60)) as keyboard:
        keyboard.see("ready\r\n")
        keyboard.resize(42, 111)
        keyboard.see("42 111\r\n")
        keyboard.type(b"\x03")
        assert keyboard.exit_code() == 130


def test_leave_and_come_back(engine: Engine) -> None:
    with Keyboard("run", "-it", "--name", "web", IMAGE, *SHELL) as keyboard:
        keyboard.see("# ")
        keyboard.type("here=yes\r")
        keyboard.see("# ")
        keyboard.type(b"\x10\x11")
        assert keyboard.exit_code() == 0
        assert keyboard.is_as_before
    assert engine.containers.get("web").status == "running"
    with Keyboard("attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("\r")
        keyboard.see("# ")
        keyboard.type("echo was $here; stty size\r")
        keyboard.see("was yes\r\n24 80\r\n")
        keyboard.type(b"\x10\x11")
        assert keyboard.exit_code() == 1, "as docker attach"
        assert keyboard.is_as_before
    with Keyboard("attach", "--detach-keys", "ctrl-a,x", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type(b"\x01x")
        assert keyboard.exit_code() == 1
    with Keyboard("attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("exit 5\r")
        assert keyboard.exit_code() == 5
        assert keyboard.is_as_before


def test_start_again_at_the_keyboard(engine: Engine) -> None:
    container = shell(engine, name="web")
    container.kill()
    with Keyboard("start", "-ai", "web", size=(33, 66)) as keyboard:
        keyboard.see("# ")
        keyboard.type("stty size; exit 4\r")
        keyboard.see("33 66\r\n")
        assert keyboard.exit_code() == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_ends_us_the_terminal_is_as_before(engine: Engine, number: int) -> None:
    shell(engine, name="web")
    with Keyboard("attach", "web") as keyboard:
        keyboard.wait_until_raw()
        keyboard.process.send_signal(number)
        assert keyboard.exit_code() in (-number, 130)
        assert keyboard.is_as_before
    assert engine.containers.get("web").status == "running"


def test_several_sit_at_one_terminal(engine: Engine) -> None:
    shell(engine, name="web")
    with Keyboard("attach", "web") as first, Keyboard("attach", "web") as second:
        first.wait_until_raw()
        second.wait_until_raw()
        first.type("echo from-$((1+0))\r")
        for keyboard in (first, second):
            keyboard.see("from-1\r\n")
        second.type("echo from-$((1+1))\r")
        for keyboard in (first, second):
            keyboard.see("from-2\r\n")
        first.process.kill()
        first.process.wait()
        second.type("echo from-$((1+2))\r")
        second.see("from-3\r\n")


def test_exec_at_the_keyboard(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    with Keyboard("exec", "-it", "web", "sh", size=(30, 90)) as keyboard:
        keyboard.wait_until_raw()
        keyboard.type("PS1='# '; stty size; tty; echo $TERM; ls /proc/self/fd\r")
        seen = keyboard.see("3\r\n").decode()
        assert seen.split()[-8:] == ["30", "90", "/dev/pts/0", "xterm", "0", "1", "2", "3"]
        (exec_id,) = container.exec_ids
        assert container.exec_inspect(exec_id)["ProcessConfig"]["tty"] is True
        keyboard.resize(40, 100)
        until(lambda: b"40 100" in container.exec_run("stty -F /dev/pts/0 size").output)
        keyboard.type(b"cat\r")
        keyboard.type(b"abc\r")
        keyboard.see("abc\r\nabc\r\n")
        keyboard.type(b"\x03")
        keyboard.see("# ")
        keyboard.type("exit 9\r")
        assert keyboard.exit_code() == 9
        assert keyboard.is_as_before
    noted = container.exec_inspect(exec_id)
    assert (noted["Running"], noted["ExitCode"], noted["Pid"]) == (False, 9, 0)
    assert container.exec_ids == []


def test_leave_a_command_or_be_killed_and_it_runs_on(engine: Engine) -> None:
    container = engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    script = "echo ready; sleep 0.5; seq 1 30000; echo done > /done; sleep 1000"
    with Keyboard("exec", "-it", "web", "sh", "-c", script) as keyboard:
        keyboard.see("ready\r\n")
        keyboard.type(b"\x10\x11")
        assert keyboard.exit_code() == 1
        assert keyboard.is_as_before
    until(lambda: container.exec_run("test -e /done").exit_code == 0)
    container.exec_run("rm /done")
    with Keyboard("exec", "-it", "web", "sh", "-c", script) as keyboard:
        keyboard.see("ready\r\n")
    until(lambda: container.exec_run("test -e /done").exit_code == 0)
    assert len(container.exec_ids) == 2


@pytest.mark.parametrize("command", ["/nothing", "/etc/hosts"])
def test_a_command_that_cannot_be_started(engine: Engine, command: str) -> None:
    engine.containers.run(IMAGE, ["sleep", "1000"], name="web", detach=True)
    code = 127 if command == "/nothing" else 126
    for words in (("exec", "-it", "web", command), ("run", "-it", "--rm", IMAGE, command)):
        with Keyboard(*words) as keyboard:
            assert keyboard.exit_code() == code
            assert keyboard.is_as_before


def test_only_a_terminal_can_be_the_keyboard_of_one(engine: Engine) -> None:
    shell(engine, name="web")
    for words in (["run", "-it", IMAGE, "sh"], ["exec", "-it", "web", "sh"], ["attach", "web"]):
        done = subprocess.run([*ONGGI, *words], input=b"", capture_output=True, check=False)
        assert (done.returncode, b"not a terminal" in done.stderr) == (1, True), done.stderr
    assert len(engine.containers.list(all=True)) == 1


def test_a_terminal_without_a_keyboard(engine: Engine) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo yes; echo no >&2"
    done = subprocess.run(
        [*ONGGI, "run", "-t", "--rm", IMAGE, "sh", "-c", script], capture_output=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"yes\r\nno\r\n", b"", 0)
    container = engine.containers.run(IMAGE, ["sleep", "1000"], detach=True)
    output = container.exec_run(["sh", "-c", script], tty=True)
    assert output == (0, b"yes\r\nno\r\n")


def test_another_user_may_use_its_terminal(engine: Engine) -> None:
    script = "echo > /dev/tty; stat -c '%u %g %a' /dev/pts/0; cat /dev/stdin"
    with Keyboard("run", "-it", "--rm", "-u", "1234:99", IMAGE, "sh", "-c", script) as keyboard:
        keyboard.see("1234 5 620\r\n")
        keyboard.type("hello\r")
        keyboard.see("hello\r\nhello\r\n")
        keyboard.type(b"\x04")
        assert keyboard.exit_code() == 0


def test_a_program_that_closes_its_terminal_keeps_nobody_busy(engine: Engine) -> None:
    script = "exec 0<&- 1>&- 2>&-; sleep 1; echo back > /dev/tty; sleep 1000"
    container = engine.containers.run(IMAGE, ["sh", "-c", script], tty=True, detach=True)
    until(lambda: bool(container.logs() == b"back\r\n"))


def test_korean_is_erased_as_a_whole(engine: Engine) -> None:
    with Keyboard("run", "-it", "--rm", IMAGE, "sh", "-c", "echo ready; cat") as keyboard:
        keyboard.see("ready\r\n")
        keyboard.type("항아\x7f\x7f옹기\r".encode())
        keyboard.see("\r\n옹기\r\n")
        keyboard.type(b"\x04")
        assert keyboard.exit_code() == 0


def test_everything_written_before_the_end_is_seen(engine: Engine) -> None:
    script = "seq 1 20000; exit 3"
    with Keyboard("run", "-it", "--rm", IMAGE, "sh", "-c", script) as keyboard:
        keyboard.see("\r\n20000\r\n")
        assert keyboard.exit_code() == 3


def test_the_last_words_on_a_terminal_are_heard(engine: Engine) -> None:
    """The kernel hands them on a moment later, which may be after the program's end."""
    container = engine.containers.run(IMAGE, ["sleep", "600"], detach=True)
    for _ in range(50):
        execution = container.execution(("echo", "heard"), tty=True)
        said = b""
        while not execution.has_ended:
            select.select([execution.fileno()], [], [])
            while piece := execution.take():
                said += piece[1]
        execution.close()
        assert said == b"heard\r\n"
