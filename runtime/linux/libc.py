"""The C library, and the one way this room calls it.

Every other file of `runtime.linux` is a thin, typed function per man page over `checked()`:
the kernel's answer comes back as an int, a failure as `KernelError` with call, arguments and
errno. Nothing here decides anything.

Rule: only this file loads libc. See man 2 syscall, man 3 errno.
"""

from __future__ import annotations

import ctypes
import os

from runtime.errors import KernelError

_libc = ctypes.CDLL(None, use_errno=True)

# System calls that C libraries have no wrapper for (man 2 syscalls). Numbers are per
# architecture; the ones added since Linux 5.1 are the same everywhere.
_PER_MACHINE = {
    "x86_64": {"pivot_root": 155, "capset": 126, "capget": 125, "seccomp": 317, "bpf": 321},
    "aarch64": {"pivot_root": 41, "capset": 91, "capget": 90, "seccomp": 277, "bpf": 280},
    "riscv64": {"pivot_root": 41, "capset": 91, "capget": 90, "seccomp": 277, "bpf": 280},
}
_EVERYWHERE = {
    "open_tree": 428,
    "move_mount": 429,
    "pidfd_open": 434,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
}


def checked(name: str, *arguments: object) -> int:
    """Call the libc function `name`; return its result.

    bytes, None and ctypes values pass as they are; ints pass as machine words, so that flags
    and pointers above 31 bits survive. Raises KernelError when the function returns -1.
    """
    result: int = getattr(_libc, name)(*(_word(argument) for argument in arguments))
    if result == -1:
        raise KernelError(name, ", ".join(map(_shown, arguments)), ctypes.get_errno())
    return result


def system_call(name: str, *arguments: object) -> int:
    """The same for a system call without a libc wrapper. Raises KernelError."""
    number = _EVERYWHERE.get(name) or _PER_MACHINE.get(os.uname().machine, {})[name]
    result: int = _libc.syscall(ctypes.c_long(number), *(_word(value) for value in arguments))
    if result == -1:
        raise KernelError(name, ", ".join(map(_shown, arguments)), ctypes.get_errno())
    return result


def _word(argument: object) -> object:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _shown(argument: object) -> str:
    if isinstance(argument, bytes):
        return repr(argument.decode(errors="backslashreplace"))
    return repr(argument) if isinstance(argument, int | str | None) else "…"
