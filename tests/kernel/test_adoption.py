"""kill -9 of a monitor: the container runs on, and the next call of the engine gives it another.

Nothing that was written is lost, and how it ends is known where the kernel tells it to others than
the parent (Linux 6.15); elsewhere it is said that nobody saw it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.linux import process
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"


def sh(engine: Engine, script: str, **options: Any) -> Container:
    container: Container = engine.containers.run(
        IMAGE, ["sh", "-c", script], detach=True, **options
    )
    return container


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill_monitor(container: Container) -> None:
    """By the row as it is, without a look that would have it adopted."""
    row = container.row
    os.kill(row["monitor_pid"], signal.SIGKILL)
    until(lambda: not process.is_alive(row["monitor_pid"], row["monitor_start"]))


def monitor_of(container: Container) -> int:
    """As it is written down now, without a look that would have the container adopted."""
    row = container.database.one("SELECT monitor_pid FROM containers WHERE id = ?", container.id)
    assert row is not None
    return int(row["monitor_pid"])


def succeed(container: Container) -> None:
    """Kill its monitor, and wait until whoever listens has had the container adopted."""
    killed = monitor_of(container)
    os.kill(killed, signal.SIGKILL)
    until(lambda: monitor_of(container) != killed)


@pytest.mark.needs("pidfd exit")
def test_it_runs_on_and_is_adopted(engine: Engine) -> None:
    script = "echo one; until test -f /go; do sleep 0.02; done; echo two; exit 7"
    container = sh(engine, script)
    until(lambda: container.logs() == b"one\n")
    pid, monitor = container.pid, container.row["monitor_pid"]
    kill_monitor(container)
    container.reload()
    assert (container.status, container.pid) == ("running", pid)
    assert container.row["monitor_pid"] != monitor
    assert process.is_alive(container.row["monitor_pid"], container.row["monitor_start"])
    assert container.exec_run("touch /go").exit_code == 0
    assert container.wait()["StatusCode"] == 7
    assert container.logs() == b"one\ntwo\n"
    assert container.attrs["State"]["Error"] == ""
    until(lambda: not any(each.exists() for each in Cgroup(container.id).directories()))
    container.start()
    container.remove(force=True)


@pytest.mark.needs("pidfd exit")
def test_what_waits_in_the_pipes_is_not_lost(engine: Engine) -> None:
    script = "until test -f /go; do sleep 0.02; done; seq 1 5000; touch /done; sleep 60"
    container = sh(engine, script)
    root = container.root_path
    kill_monitor(container)
    (root / "go").touch()
    until((root / "done").exists)  # all of it is in the pipe, and nobody reads
    assert container.logs() == b""
    container.reload()
    numbers = b"".join(b"%d\n" % number for number in range(1, 5001))
    until(lambda: container.logs() == numbers)
    container.kill()
    assert container.exit_code == 137


WAIT = """
import sys
from runtime.engine import Engine
print(Engine(sys.argv[1]).containers.get(sys.argv[2]).wait())
"""


@pytest.mark.needs("pidfd exit")
def test_who_waits_goes_on_waiting(engine: Engine) -> None:
    container = sh(engine, "until test -f /go; do sleep 0.02; done; exit 9")
    root = container.root_path
    waiter = subprocess.Popen(
        [sys.executable, "-c", WAIT, str(engine.root), container.id],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    time.sleep(0.5)
    for _ in range(2):
        kill_monitor(container)
        container.reload()
    (root / "go").touch()
    assert waiter.communicate(timeout=60)[0] == "{'StatusCode': 9}\n"


@pytest.mark.needs("pidfd exit")
def test_who_is_attached_hears_the_rest(engine: Engine) -> None:
    script = "echo one; until test -f /go; do sleep 0.02; done; echo two; exit 5"
    container = engine.containers.create(IMAGE, ["sh", "-c", script])
    attachment = container.start_attached()
    heard = attachment.output()
    assert next(heard).data == b"one\n"
    container.reload()
    root, killed = container.root_path, container.row["monitor_pid"]
    database = engine.containers.lifecycle.records.database

    def adopted() -> bool:
        row = database.one("SELECT monitor_pid FROM containers WHERE id = ?", container.id)
        return row is not None and row["monitor_pid"] != killed

    def let_it_go() -> None:
        """When who listens has had it adopted: a program that ends before that ends unseen."""
        until(adopted)
        (root / "go").touch()

    kill_monitor(container)
    thread = threading.Thread(target=let_it_go)
    thread.start()
    assert [entry.data for entry in heard] == [b"two\n"]
    thread.join()
    assert attachment.exit.code == 5


FOLLOW = """
import sys
from runtime.engine import Engine
container = Engine(sys.argv[1]).containers.get(sys.argv[2])
for piece in container.logs(follow=True):
    sys.stdout.buffer.write(piece)
    sys.stdout.flush()
"""


@pytest.mark.needs("pidfd exit")
def test_who_follows_the_log_reads_on(engine: Engine) -> None:
    """Twice: it has its successor adopted by itself, and finds that one's successor, too."""
    script = "for n in 1 2 3; do echo $n; until test -f /go$n; do sleep 0.02; done; done"
    container = sh(engine, script)
    root = container.root_path
    command = [sys.executable, "-c", FOLLOW, str(engine.root), container.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"1\n"
        for number in (1, 2):
            succeed(container)
            (root / f"go{number}").touch()
            assert reader.stdout.readline() == b"%d\n" % (number + 1)
        (root / "go3").touch()
        assert reader.stdout.read() == b""
        assert reader.wait(timeout=60) == 0
    assert container.wait()["StatusCode"] == 0


@pytest.mark.needs("pidfd exit")
def test_a_run_in_the_foreground_goes_on(engine: Engine) -> None:
    """On the command line: all of its output, and its exit code."""
    script = "echo one; until test -f /go; do sleep 0.02; done; echo two; exit 5"
    command = [sys.executable, "-m", "runtime.cli.start", "run", "--name", "jar", IMAGE, "sh", "-c"]
    with subprocess.Popen(
        [*command, script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"one\n"
        container = engine.containers.get("jar")
        root = container.root_path
        succeed(container)
        (root / "go").touch()
        assert run.stdout.read() == b"two\n"
        assert run.wait(timeout=60) == 5


@pytest.mark.needs("pidfd exit")
def test_its_restart_policy_and_its_health_check_go_on(engine: Engine) -> None:
    container = sh(
        engine,
        "sleep 60",
        restart_policy={"Name": "always"},
        healthcheck={"test": "true", "interval": 50_000_000},
    )
    kill_monitor(container)
    container.reload()

    def healthy() -> bool:
        container.reload()
        return bool(container.attrs["State"]["Health"]["Status"] == "healthy")

    until(healthy)
    os.kill(container.pid, signal.SIGKILL)

    def again() -> bool:
        container.reload()
        return container.attrs["RestartCount"] == 1 and container.status == "running"

    until(again)
    until(healthy)
    container.kill()
    assert container.exit_code == 137


def test_one_that_waits_for_its_restart(engine: Engine) -> None:
    container = sh(engine, "exit 3", restart_policy={"Name": "always"})

    def rests() -> bool:
        container.reload()
        return container.status == "restarting" and container.attrs["RestartCount"] >= 4

    until(rests)
    count = container.attrs["RestartCount"]
    kill_monitor(container)

    def goes_on() -> bool:
        container.reload()
        return bool(container.attrs["RestartCount"] > count)

    until(goes_on)
    container.stop()
    assert (container.status, container.exit_code) == ("exited", 3)


@pytest.mark.needs("pidfd exit")
def test_a_paused_one(engine: Engine) -> None:
    container = sh(engine, "sleep 60")
    container.pause()
    kill_monitor(container)
    container.reload()
    assert container.status == "paused"
    container.kill()
    assert container.exit_code == 137


@pytest.mark.needs("pidfd exit")
def test_one_that_goes_at_its_end(engine: Engine) -> None:
    container = sh(engine, "sleep 60", remove=True)
    kill_monitor(container)
    container.reload()
    container.kill()
    until(lambda: engine.containers.list(all=True) == [])


def test_after_everything_was_killed_it_has_ended(engine: Engine) -> None:
    """As after a reboot: programs, monitors and launcher are gone at once."""
    plain = sh(engine, "sleep 60")
    paused = sh(engine, "sleep 60")
    checked = sh(engine, "sleep 60", healthcheck={"test": "sleep 1", "interval": 10_000_000})
    containers = (plain, paused, checked)
    paused.pause()
    time.sleep(0.2)
    rows = [container.row for container in containers]
    for row in rows:
        os.kill(row["monitor_pid"], signal.SIGKILL)
    for container in containers:
        Cgroup(container.id).kill()
    killed = [(row["pid"], row["pid_start"]) for row in rows]
    killed += [(row["monitor_pid"], row["monitor_start"]) for row in rows]
    until(lambda: not any(process.is_alive(*each) for each in killed))  # it takes a moment
    again = Engine(engine.root)
    for container in containers:
        found = again.containers.get(container.id)
        state = found.attrs["State"]
        assert (state["Status"], state["Pid"], state["ExitCode"]) == ("exited", 0, 255)
        assert "nobody saw how it ended" in state["Error"]
        assert not any(directory.exists() for directory in Cgroup(container.id).directories())
        found.start()
        found.remove(force=True)


@pytest.mark.needs("pidfd exit")
def test_many_who_look_at_once_and_a_monitor_that_is_killed_again_and_again(engine: Engine) -> None:
    container = sh(engine, "n=0; while :; do n=$((n+1)); echo $n; sleep 0.01; done")
    look = (
        "import sys; from runtime.engine import Engine\n"
        "print(Engine(sys.argv[1]).containers.get(sys.argv[2]).status)"
    )
    command = [sys.executable, "-c", look, str(engine.root), container.id]
    for _ in range(3):
        kill_monitor(container)
        home = Path(__file__).parents[2]
        lookers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, cwd=home, text=True) for _ in range(4)
        ]
        assert {each.communicate()[0] for each in lookers} == {"running\n"}
        container.reload()
    container.kill()
    said = container.logs().split()
    assert said == [b"%d" % number for number in range(1, len(said) + 1)]
