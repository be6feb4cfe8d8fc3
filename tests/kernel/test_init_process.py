"""--init: process 1 hands on signals, reaps orphans, and ends as the program ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import CommandNotStarted

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"


def sh(engine: Engine, script: str, **options: Any) -> Container:
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], detach=True, init=True, **options
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_program_is_not_process_1_and_its_exit_code_is_the_container_s(engine: Engine) -> None:
    container = sh(engine, "echo $$; cat /proc/1/comm; exit 7")
    assert container.wait()["StatusCode"] == 7
    pid, name = container.logs().split()
    assert int(pid) > 1
    assert name == b"onggi-init"
    assert container.attrs["HostConfig"]["Init"] is True
    assert sh(engine, "kill -9 $$").wait()["StatusCode"] == 137


def test_a_signal_without_a_handler_ends_it(engine: Engine) -> None:
    """As process 1 it would not: it would be killed after ten seconds (137)."""
    container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True, init=True)
    container.stop(timeout=60)
    assert container.exit_code == 143


def test_signals_are_handed_on(engine: Engine) -> None:
    container = sh(
        engine, "trap 'echo got it; exit 4' USR1; echo ready; while :; do sleep 0.02; done"
    )
    until(lambda: bool(container.logs()))
    container.kill("USR1")
    assert container.wait()["StatusCode"] == 4
    assert container.logs() == b"ready\ngot it\n"


def zombies(container: Container) -> int:
    states = []
    for row in container.top()["Processes"]:
        pid = next(word for word in row if word.isdigit())
        states.append(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0])
    return states.count("Z")


def test_orphans_are_reaped(engine: Engine) -> None:
    script = "(sh -c 'sleep 0.1' &); (sh -c 'sleep 0.1' &); sleep 60"
    container = sh(engine, script)
    code, said = container.exec_run(["sh", "-c", "sleep 1; ls -d /proc/[0-9]* | wc -l"])
    assert code == 0
    # Process 1, the shell and its sleep; and of this exec: sh, ls, wc, or fewer by now.
    assert int(said) <= 6
    assert zombies(container) == 0


def test_nobody_inside_can_look_into_process_1(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    for question in ("cat /proc/1/mem", "cat /proc/1/maps", "readlink /proc/1/exe"):
        assert container.exec_run(question).exit_code != 0
    assert container.exec_run("ls /proc/1/fd").output == b"0\n1\n2\n"


def test_a_command_that_is_not_there_is_said_as_ever(engine: Engine) -> None:
    with pytest.raises(CommandNotStarted) as refusal:
        engine.containers.run(IMAGE, ["nosuch"], detach=True, init=True)
    assert refusal.value.exit_code == 127


def test_a_user_and_a_restart(engine: Engine) -> None:
    container = sh(
        engine,
        "id -u; exit 1",
        user="student",
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 1},
    )
    until(lambda: container.logs() == b"1000\n1000\n")
    container.stop()
    assert container.exit_code == 1
