"""Device rules: which devices a control group may use, whatever their nodes are called.

Version 1 has files for that: a line in `devices.deny` or `devices.allow` is a rule. In version 2
the kernel asks a program instead, which is written here: an eBPF program that gets the kind of
device, its numbers and what is wanted, and answers yes (1) or no (0).

Classic BPF (`bpf`) has one register. Its successor has eleven, of 64 bits, and calls functions; of
all that, this needs comparisons alone. A block for each rule, the last rule first: for each kind of
access the last rule counts that speaks of it, so one that allows reading and one that allows
writing add up, as they do in version 1.

    r2 kind, r3 access, r4 major, r5 minor         from struct bpf_cgroup_dev_ctx, once
    unless the rule's kind and numbers fit: on to the next block
    it allows: take what it speaks of from r3; yes, if nothing is left
    it denies: no, if it speaks of anything in r3

Documentation/admin-guide/cgroup-v1/devices.rst; cgroup-v2.rst, "Device controller";
include/uapi/linux/bpf.h; man 2 bpf
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from runtime.errors import KernelError
from runtime.linux.cgroup import PARENT, Cgroup
from runtime.linux.cgroup_mounts import controllers
from runtime.linux.libc import system_call

BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2

KINDS = {"b": 1, "c": 2}
"""BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR"""

ACCESSES = {"m": 1, "r": 2, "w": 4}
"""BPF_DEVCG_ACC_MKNOD, …_READ, …_WRITE"""

LDX_W, MOV64_REG, MOV64_IMM, AND32_IMM, RSH32_IMM = 0x61, 0xBF, 0xB7, 0x54, 0x74
JEQ_IMM, JNE_IMM, EXIT = 0x15, 0x55, 0x95
"""Operation codes. include/uapi/linux/bpf_common.h, Documentation/bpf/instruction-set.rst"""

KIND, ACCESS, MAJOR, MINOR, SCRATCH = 2, 3, 4, 5, 6
"""Registers. r1 is the context when the program begins, r0 the answer when it ends."""


class Rule(Protocol):
    """What `runtime.oci.devices.DeviceRule` is. None as a number means every one, "a" as a kind."""

    @property
    def allow(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def major(self) -> int | None: ...
    @property
    def minor(self) -> int | None: ...
    @property
    def access(self) -> str: ...


def keep(group: Cgroup, rules: tuple[Rule, ...]) -> bool:
    """Let the kernel keep the rules for a group; False where this host offers no way.

    Raises KernelError.
    """
    found = controllers().get("devices")
    if found is not None and found.version == 1:
        keep_v1(found.mount / PARENT / group.name, rules)
        return True
    for directory in group.directories():
        if (directory / "cgroup.controllers").exists():
            keep_v2(directory, rules)
            return True
    return False


def keep_v1(directory: Path, rules: Iterable[Rule]) -> None:
    """Write the rules of a version 1 group, one a write. Raises KernelError."""
    with ExitStack() as files:
        # Both are opened once: a container's start should not wait for this.
        allow, deny = (
            files.enter_context(open(directory / f"devices.{verb}", "wb", buffering=0))
            for verb in ("allow", "deny")
        )
        for rule in rules:
            file = allow if rule.allow else deny
            try:
                file.write(line_v1(rule).encode())
            except OSError as error:
                what = f"{file.name}, {line_v1(rule)!r}"
                raise KernelError("write", what, error.errno or 0) from error


def line_v1(rule: Rule) -> str:
    """A rule as version 1 writes it: `c 1:3 rwm`; one for all devices is `a`."""
    if rule.kind == "a":
        return "a"
    major, minor = ("*" if number is None else number for number in (rule.major, rule.minor))
    return f"{rule.kind} {major}:{minor} {rule.access}"


def keep_v2(directory: Path, rules: Iterable[Rule]) -> None:
    """Attach the program of these rules to a version 2 group. It goes with the group.

    Raises KernelError. EPERM: no CAP_BPF or CAP_SYS_ADMIN. man 2 bpf
    """
    program = load(program_v2(rules))
    group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _bpf(
            BPF_PROG_ATTACH,
            struct.pack("=IIII", group, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI),
        )
    finally:
        os.close(group)
        os.close(program)


def program_v2(rules: Iterable[Rule]) -> bytes:
    """The program that answers as the rules say; what no rule speaks of is refused."""
    code = [
        _instruction(LDX_W, KIND, 1, 0),  # access_type: the kind below, the access above 16 bits
        _instruction(MOV64_REG, ACCESS, KIND),
        _instruction(AND32_IMM, KIND, value=0xFFFF),
        _instruction(RSH32_IMM, ACCESS, value=16),
        _instruction(LDX_W, MAJOR, 1, 4),
        _instruction(LDX_W, MINOR, 1, 8),
    ]
    for rule in reversed(list(rules)):
        if _fits_all(rule):  # the kernel refuses what can never be reached behind it
            return b"".join([*code, *_answer(rule.allow)])
        code += _block(rule)
    return b"".join([*code, *_answer(False)])


def _block(rule: Rule) -> list[bytes]:
    """What a rule says, behind tests that jump over it where it does not speak of the device."""
    spoken = sum(ACCESSES[letter] for letter in {*rule.access})
    if rule.allow:
        test = [
            _instruction(AND32_IMM, ACCESS, value=sum(ACCESSES.values()) - spoken),
            _instruction(JNE_IMM, ACCESS, offset=len(_answer(True))),
        ]
    else:
        test = [
            _instruction(MOV64_REG, SCRATCH, ACCESS),
            _instruction(AND32_IMM, SCRATCH, value=spoken),
            _instruction(JEQ_IMM, SCRATCH, offset=len(_answer(False))),
        ]
    block = [*test, *_answer(rule.allow)]
    for register, number in (
        (MINOR, rule.minor),
        (MAJOR, rule.major),
        (KIND, KINDS.get(rule.kind)),
    ):
        if number is not None:
            block = [_instruction(JNE_IMM, register, offset=len(block), value=number), *block]
    return block


def _answer(allow: bool) -> list[bytes]:
    return [_instruction(MOV64_IMM, 0, value=int(allow)), _instruction(EXIT)]


def _fits_all(rule: Rule) -> bool:
    numbers = (rule.major, rule.minor)
    return rule.kind == "a" and numbers == (None, None) and {*rule.access} == {*ACCESSES}


def _instruction(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """`struct bpf_insn`: code, two registers of 4 bits, offset of 16, immediate of 32."""
    return struct.pack("=BBhi", code, source << 4 | to, offset, value)


def load(program: bytes) -> int:
    """A descriptor of the program, once the kernel has verified it. Raises KernelError."""
    instructions = ctypes.create_string_buffer(program, len(program))
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    attributes = struct.pack(
        "=IIQQIIQ",
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(program) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        *(0, 0, 0),  # no log of the verification
    )
    return _bpf(BPF_PROG_LOAD, attributes)


def _bpf(command: int, attributes: bytes) -> int:
    return system_call("bpf", command, attributes, len(attributes))
