"""Processes: who is still the one we started.

A file of its own, and without the C library's functions, because `onggi ps` asks this of every
container and nothing else of the kernel. man 5 proc
"""

from __future__ import annotations

import contextlib
import os


def start_time(pid: int, proc: int | None = None) -> int | None:
    """When the process started, in clock ticks since boot; None if there is no such process.

    `proc` is a descriptor of /proc, for who has left the mount namespace in which that is ours.

    PIDs are used again, a PID together with its start time is not. A zombie counts as gone:
    it runs nothing any more. Field 22 of /proc/PID/stat, man 5 proc.
    """
    with contextlib.suppress(OSError):
        # The command's name is in parentheses and may contain anything, so split after it.
        name = f"/proc/{pid}/stat" if proc is None else f"{pid}/stat"
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    return None


def is_alive(pid: int, started: int) -> bool:
    """Whether exactly that process still runs."""
    return start_time(pid) == started
