"""A monitor while its container does nothing: it does nothing, holds little, and sees the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.errors import NotFound

pytestmark = pytest.mark.needs("containers")


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far. man 5 proc, stat"""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def parent_of(pid: int) -> int:
    """man 5 proc, stat"""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, patiently."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_closes_its_output_does_not_keep_the_monitor_busy(engine: Engine) -> None:
    command = ["sh", "-c", "exec >&- 2>&-; sleep 100"]
    container = engine.containers.run("onggi/base", command, detach=True)
    before = processor_seconds(container.row["monitor_pid"])
    time.sleep(1.0)
    used = processor_seconds(container.row["monitor_pid"]) - before
    assert used < 0.2, "a monitor that spins uses all of this second"


def test_a_removed_container_is_not_found_whatever_is_asked(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", "true", detach=True)
    container.wait()
    container.remove()
    for ask in (container.logs, container.reload, lambda: container.spec, lambda: container.attrs):
        with pytest.raises(NotFound, match="no such container"):
            ask()


def test_who_stays_with_a_container_has_copied_little(engine: Engine) -> None:
    """Its share of memory, of which most is what it was forked with; see `heir`."""
    container = engine.containers.run("onggi/base", ["sleep", "100"], detach=True)
    monitor = container.row["monitor_pid"]
    until(lambda: parent_of(container.pid) == monitor)
    report = Path(f"/proc/{monitor}/smaps_rollup").read_text()
    (share,) = (line.split()[1] for line in report.splitlines() if line.startswith("Pss:"))
    assert int(share) * 1024 < 5_000_000


def test_a_program_that_ends_at_once_has_its_exit_code(engine: Engine) -> None:
    """It may end before, while and after its monitor hands it over."""
    for pause in ("0", "0.001", "0.01", "0.02"):
        command = ["sh", "-c", f"sleep {pause}; echo out; exit 7"]
        container = engine.containers.run("onggi/base", command, detach=True)
        assert container.wait(timeout=60)["StatusCode"] == 7
        assert container.logs() == b"out\n"


def test_orphans_among_the_host_s_processes_are_reaped(engine: Engine) -> None:
    """They are nobody's in the container, and not the monitor's to wait for."""
    script = "(sleep 0.5 >/dev/null 2>&1 & echo $!); exec sleep 100"
    container = engine.containers.run(
        "onggi/base", ["sh", "-c", script], pid_mode="host", detach=True
    )
    until(lambda: container.logs().endswith(b"\n"))
    orphan = int(container.logs())
    assert parent_of(orphan) != container.row["monitor_pid"]
    until(lambda: not Path(f"/proc/{orphan}").exists())
