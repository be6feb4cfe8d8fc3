"""What is made before anybody asks: it must not show, and it must go with whoever has made it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.linux import cgroup
from runtime.linux.cgroup import Cgroup

pytestmark = pytest.mark.needs("containers")

IMAGE = "onggi/base"
OF_ITS_OWN = {"sysctls": {"net.ipv4.ip_unprivileged_port_start": "1024"}}
PATIENCE_S = 30


def sh(engine: Engine, script: str, **options: Any) -> str:
    said: bytes = engine.containers.run(IMAGE, ["sh", "-c", script], remove=True, **options)
    return said.decode()


def mounts(text: str) -> dict[str, tuple[str, str, str]]:
    """A mountinfo as {mount point: (root, file system, flags)}. man 5 proc_pid_mountinfo"""
    rows = [line.split() for line in text.splitlines()]
    return {row[4]: (Path(row[3]).name, row[row.index("-") + 1], row[5]) for row in rows}


def test_what_was_made_ahead_is_as_what_is_made_at_the_start(engine: Engine) -> None:
    """The first is the usual way; a setting of its own has the second one start unprepared."""
    script = "cat /proc/self/mountinfo; echo; ls -ln /dev /dev/pts | tr -s ' ' | cut -d' ' -f1-5"
    usual, other = (sh(engine, script, **more).split("\n\n") for more in ({}, OF_ITS_OWN))
    assert mounts(usual[0]) == mounts(other[0])
    assert usual[1:] == other[1:]


def test_a_group_that_was_made_ahead_is_the_container_s(engine: Engine) -> None:
    container: Container = engine.containers.run(IMAGE, ["sleep", "60"], detach=True)
    for directory in Cgroup(container.id).directories():
        assert container.pid in map(int, (directory / "cgroup.procs").read_text().split())
    said = sh(engine, "cat /proc/self/cgroup; ls /sys/fs/cgroup")
    assert said == sh(engine, "cat /proc/self/cgroup; ls /sys/fs/cgroup", mem_limit="64m")
    container.remove(force=True)


def waiting(engine: Engine) -> dict[int, str]:
    """The processes of this engine that wait for a caller, and their groups."""
    found = {}
    for name in cgroup.names():
        with contextlib.suppress(OSError):
            pid = int(name.removeprefix("ahead-")) if name.startswith("ahead-") else 0
            if pid and os.fsencode(engine.root) in Path(f"/proc/{pid}/cmdline").read_bytes():
                found[pid] = name
    return found


@pytest.mark.skipif(not cgroup.can_be_renamed(), reason="groups of version 2 are not made ahead")
def test_who_is_killed_while_it_waits_holds_up_nobody_and_leaves_nothing(engine: Engine) -> None:
    sh(engine, "true")
    deadline = time.monotonic() + PATIENCE_S
    while not (found := waiting(engine)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    assert sh(engine, "echo there") == "there\n"
    while found.items() & waiting(engine).items() or cgroup.names() & {*found.values()}:
        assert time.monotonic() < deadline
        sh(engine, "true")
