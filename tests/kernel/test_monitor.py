"""What a monitor does while its container does nothing: nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.errors import NotFound

pytestmark = pytest.mark.needs("containers")


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far. man 5 proc, stat"""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
