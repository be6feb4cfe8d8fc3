"""Who was killed because memory ran out: the kernel's counter, and being told when it moves.

When a group has used all the memory it may, the kernel kills one of its members (the "OOM
killer"). That looks like any other SIGKILL from outside, so the only witness is a counter of the
group: `oom_kill` in memory.events (version 2) or memory.oom_control (version 1).

Documentation/admin-guide/cgroup-v1/memory.rst "10. OOM Control", cgroup-v2.rst "memory.events"
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from pathlib import Path

from runtime.linux.cgroup import Cgroup

COUNTERS = ("memory.events", "memory.oom_control")

PATIENCE_S = 0.1
"""Version 1 tells when the killer is called, a moment before it has chosen and counted."""


def oom_kills(group: Cgroup) -> int:
    """How many processes the kernel killed here because memory ran out."""
    counter = _counter(group)
    if counter is not None:
        with contextlib.suppress(OSError):
            for line in counter.read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


class OomWatch:
    """Readable, for `select`, when the group may have lost a process. Closed with `close`.

    Where the kernel tells nothing it is never readable; `oom_kills` counts all the same.
    """

    def __init__(self, group: Cgroup) -> None:
        self._group = group
        self._seen = oom_kills(group)
        self._counter = -1
        counter = _counter(group)
        if counter is not None and counter.name == "memory.events":
            self._watch_v2(counter)
        else:
            self._watch_v1(counter)

    def _watch_v2(self, counter: Path) -> None:
        """A file of the kernel that has changed is "urgent". It is always readable, too, and so
        only an epoll of its own can wait for nothing but that. man 2 poll, POLLPRI
        """
        self._counter = os.open(counter, os.O_RDONLY | os.O_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._counter, select.EPOLLPRI | select.EPOLLET)
        self._descriptor = self._epoll.fileno()

    def _watch_v1(self, counter: Path | None) -> None:
        """An eventfd that is registered for the group. man 2 eventfd"""
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if counter is not None:
            control = os.open(counter, os.O_RDONLY | os.O_CLOEXEC)
            with contextlib.suppress(OSError):
                order = f"{self._descriptor} {control}"
                (counter.parent / "cgroup.event_control").write_text(order)
            os.close(control)

    def fileno(self) -> int:
        """For `select`."""
        return self._descriptor

    def new_kills(self) -> int:
        """How many there were since the last time; to be asked when it has become readable."""
        if self._counter >= 0:
            self._epoll.poll(0)
        else:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
        deadline = time.monotonic() + PATIENCE_S
        while (now := oom_kills(self._group)) == self._seen and time.monotonic() < deadline:
            time.sleep(0.001)
        before, self._seen = self._seen, now
        return max(0, now - before)

    def close(self) -> None:
        """Watch no longer."""
        if self._counter >= 0:
            self._epoll.close()
            os.close(self._counter)
        else:
            os.close(self._descriptor)


def _counter(group: Cgroup) -> Path | None:
    directory = group.directory("memory")
    files = (directory / name for name in COUNTERS) if directory else ()
    return next((file for file in files if file.exists()), None)
