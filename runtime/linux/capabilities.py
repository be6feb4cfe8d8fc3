"""Capabilities: root's power in about forty pieces.

A process has five sets. What it may use now (effective) is limited by what it holds
(permitted); `execve` makes the new program's sets out of inheritable, ambient and the
program file's own, and nothing passes the bounding set. A container keeps few and can never
get the others back, because they leave its bounding set.

man 7 capabilities, man 2 capset, include/uapi/linux/capability.h
"""

from __future__ import annotations

import ctypes
from pathlib import Path

from runtime.linux.libc import system_call
from runtime.linux.process import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    prctl,
)

NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
"""Capability names by number: bit N of a set is NAMES[N]."""

_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def bits(names: frozenset[str] | tuple[str, ...] | list[str]) -> int:
    """The set as the kernel's bit mask. Raises ValueError for a name that is none."""
    return sum(1 << NAMES.index(name) for name in names)


def held(status_field: str = "CapEff") -> frozenset[str]:
    """A capability set of this process: CapInh, CapPrm, CapEff, CapBnd or CapAmb. man 5 proc"""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(status_field + ":"):
            mask = int(line.split()[1], 16)
            return frozenset(name for bit, name in enumerate(NAMES) if mask >> bit & 1)
    return frozenset()


def drop_bounding(keep: frozenset[str]) -> None:
    """Remove every capability but `keep` from the bounding set, for this process and all that
    it will ever start. Needs CAP_SETPCAP, so it comes before `capset`. Raises KernelError.
    """
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    kept = bits(keep)
    for number in range(last + 1):
        if not kept >> number & 1:
            prctl(PR_CAPBSET_DROP, number)


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """Set this thread's three sets, as bit masks. Raises KernelError (EPERM: one would grow).

    man 2 capset
    """
    header = _Header(_VERSION_3, 0)
    low_high = (_Data * 2)()
    for half, data in enumerate(low_high):
        shift = 32 * half
        data.effective = effective >> shift & 0xFFFFFFFF
        data.permitted = permitted >> shift & 0xFFFFFFFF
        data.inheritable = inheritable >> shift & 0xFFFFFFFF
    system_call("capset", ctypes.byref(header), ctypes.byref(low_high))


def clear_ambient() -> None:
    """Empty the ambient set, so that `execve` by a normal user grants nothing."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
