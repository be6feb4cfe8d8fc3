"""Processes: who is still the one we started, and how a parent and child are tied.

man 2 prctl, man 5 proc, man 2 close_range
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runtime.linux.libc import checked, system_call

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_CAPBSET_READ = 23
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


def prctl(option: int, *arguments: int) -> int:
    """Operations on the calling process. Raises KernelError. man 2 prctl"""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return checked("prctl", option, *padded)


def die_with_parent(signal: int) -> None:
    """Receive `signal` when the thread that forked us ends, however it ends."""
    prctl(PR_SET_PDEATHSIG, signal)


def set_name(name: str) -> None:
    """The name that `ps` and /proc/PID/comm show; 15 bytes are kept."""
    checked("prctl", PR_SET_NAME, name.encode()[:15] + b"\0")


CLOSE_RANGE_CLOEXEC = 4


def close_on_exec_from(first: int) -> None:
    """Let no descriptor from `first` on reach the next program. man 2 close_range, Linux 5.11"""
    system_call("close_range", first, 2**32 - 1, CLOSE_RANGE_CLOEXEC)


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


def boot_id() -> str:
    """Which of the host's boots this is: PIDs of another one mean nothing. man 4 random"""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(pid: int, started: int) -> bool:
    """Whether exactly that process still runs."""
    return start_time(pid) == started


def exit_code(status: int) -> int:
    """A wait status as a shell and docker report it: the exit code, or 128 + signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
