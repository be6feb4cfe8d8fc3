"""Processes: how a parent and child are tied, and what becomes of them.

Who is still the one we started says `alive`, which loads no C library.
man 2 prctl, man 5 proc, man 2 close_range
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import time
from pathlib import Path

from runtime.errors import KernelError
from runtime.linux import namespaces
from runtime.linux.alive import is_alive, start_time
from runtime.linux.libc import checked, system_call

__all__ = ["is_alive", "start_time"]

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_CAPBSET_READ = 23
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


PIDFD_INFO_EXIT = 1 << 3
PIDFD_INFO_BYTES = 64
PIDFD_GET_INFO = 3 << 30 | PIDFD_INFO_BYTES << 16 | 0xFF << 8 | 11
"""_IOWR(0xFF, 11, struct pidfd_info)"""

PATIENCE_S = 10.0
"""How long an orphan's parent, the host's PID 1, may take to reap it."""


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


def boot_id() -> str:
    """Which of the host's boots this is: PIDs of another one mean nothing. man 4 random"""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def status_of(pidfd: int) -> int | None:
    """The wait status of a process that is not our child, by a descriptor that was opened while it
    ran; waits until it has been reaped. None where the kernel does not say it: before Linux 6.15.

    Documentation: include/uapi/linux/pidfd.h, PIDFD_GET_INFO
    """
    poll = select.poll()
    poll.register(pidfd, select.POLLHUP)  # POLLIN comes at its end, this when it is reaped
    deadline = time.monotonic() + PATIENCE_S
    answer = bytearray(struct.pack("Q", PIDFD_INFO_EXIT).ljust(PIDFD_INFO_BYTES, b"\0"))
    while time.monotonic() < deadline:
        reaped = poll.poll(100)
        with contextlib.suppress(OSError):
            fcntl.ioctl(pidfd, PIDFD_GET_INFO, answer)
            if struct.unpack_from("Q", answer)[0] & PIDFD_INFO_EXIT:
                return int(struct.unpack_from("i", answer, PIDFD_INFO_BYTES - 4)[0])
        if reaped:
            return None
    return None


def ends(pid: int, started: int, timeout_s: float) -> bool:
    """Wait for the end of the process with that number that was started then, whoever's child it
    is. False at once if it has ended already, or when the time is over.
    """
    try:
        pidfd = namespaces.pidfd_open(pid)
    except KernelError:
        return False
    try:
        alive = is_alive(pid, started)  # the descriptor means the one that is looked at here
        return alive and bool(select.select([pidfd], [], [], max(0.0, timeout_s))[0])
    finally:
        os.close(pidfd)


def exit_code(status: int) -> int:
    """A wait status as a shell and docker report it: the exit code, or 128 + signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
