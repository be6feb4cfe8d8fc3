"""System calls by name: which number a kernel knows each of them by.

Every architecture has a numbering of its own, and a 64-bit kernel answers to its 32-bit
predecessor's, too, if the program was compiled for that. The table is data: `system_calls.csv`, one
line a call, one column a numbering, nothing where it does not have that call.

arch/x86/entry/syscalls/syscall_64.tbl, syscall_32.tbl; include/uapi/asm-generic/unistd.h;
arch/arm/tools/syscall.tbl; man 2 syscalls
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("system_calls.csv")


@dataclass(frozen=True, slots=True)
class Numbering:
    """One architecture's numbering: its column, what the kernel calls it in
    `seccomp_data.arch`, and what is added to each number.
    """

    column: str
    audit_architecture: int
    offset: int = 0


X32_SYSCALL_BIT = 0x40000000

NUMBERINGS = {
    "SCMP_ARCH_X86_64": Numbering("x86_64", 0xC000003E),
    "SCMP_ARCH_X86": Numbering("x86", 0x40000003),
    # 64-bit registers, 32-bit pointers. To the kernel it is x86_64 with a bit in the number.
    "SCMP_ARCH_X32": Numbering("x32", 0xC000003E, X32_SYSCALL_BIT),
    "SCMP_ARCH_AARCH64": Numbering("aarch64", 0xC00000B7),
    "SCMP_ARCH_ARM": Numbering("arm", 0x40000028),
}
"""By the runtime-spec's name. include/uapi/linux/audit.h, AUDIT_ARCH_…"""


@functools.cache
def numbers(architecture: str) -> Mapping[str, int]:
    """Every system call of that architecture (SCMP_ARCH_…) with its number."""
    numbering = NUMBERINGS[architecture]
    header, *lines = (line.split(",") for line in TABLE.read_text().splitlines())
    column = header.index(numbering.column)
    return {line[0]: int(line[column]) + numbering.offset for line in lines if line[column]}
