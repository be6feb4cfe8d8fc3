"""The kernel's BPF machine in Python, for tests: what does a filter answer to a system call?

It knows what seccomp's verifier lets through, and refuses what that refuses: other codes, jumps
out of the program, reads outside of `struct seccomp_data`. kernel/seccomp.c, seccomp_check_filter
"""

from __future__ import annotations

import struct
from collections.abc import Callable

SIZE_OF_DATA = 64
_OPERATIONS: dict[int, Callable[[int, int], bool]] = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: bool(a & k),
}


def ask(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the filter returns (SECCOMP_RET_…) for that call, made by that architecture."""
    values = [argument % 2**64 for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("=IIQ6Q", number % 2**32, audit, 0, *values)
    instructions = list(struct.iter_unpack("=HBBI", program))
    a = at = 0
    while True:
        code, yes, no, k = instructions[at]
        at += 1
        if code == 0x20:
            assert k % 4 == 0 and 0 <= k < SIZE_OF_DATA
            a = int.from_bytes(data[k : k + 4], "little")
        elif code == 0x54:
            a &= k
        elif code == 0x05:
            at += k
        elif code == 0x06:
            return int(k)
        else:
            at += yes if _OPERATIONS[code](a, k) else no


def verify(program: bytes) -> None:
    """What the kernel checks before it takes a program: every way through it ends in a return."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    assert 0 < len(instructions) <= 4096
    for at, (code, yes, no, k) in enumerate(instructions):
        assert code in {0x20, 0x54, 0x05, 0x06, *_OPERATIONS}
        for jump in (yes, no) if code in _OPERATIONS else (k,) if code == 0x05 else ():
            assert at + 1 + jump < len(instructions)
    assert instructions[-1][0] == 0x06
