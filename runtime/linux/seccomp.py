"""Seccomp: a filter that is asked before every system call, and can never be taken off again.

Capabilities say what root may do. A filter says which doors of the kernel are there at all: about
a hundred of its calls are of no use to a container, and whatever is wrong in one of them cannot be
reached from behind the filter. `compile_filter` turns the runtime-spec's `linux.seccomp` object
into a program for the kernel's BPF machine (`bpf`), `load` puts it on.

    whose numbers?  ── x86_64 ──▶  which number?  ── 56, clone ──▶  which arguments?  ──▶ allow
                    ── i386 ────▶  …              ── 59, execve ─────────────────────────▶ allow
                    ── other ───▶  kill           ── 165, mount ─────────────────────────▶ EPERM

**Why a search tree.** A filter runs at every single system call. To compare the number with 360
others one after the other takes 360 steps for the last of them. Sorted, the numbers fall into a
few dozen ranges in each of which the answer is the same (0 to 55 are all allowed), and a binary
search through them takes seven steps, whichever call it is. (Since Linux 5.11 the kernel also
remembers which numbers are always allowed, and does not ask about them again.)

Rule: pure but for `load`. man 2 seccomp; Documentation/userspace-api/seccomp_filter.rst
runtime-spec: config-linux.md, "Seccomp"
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from runtime.linux import bpf
from runtime.linux.bpf import Load, Return, Tree
from runtime.linux.libc import system_call
from runtime.linux.system_calls import NUMBERINGS, X32_SYSCALL_BIT, numbers

SECCOMP_SET_MODE_FILTER = 1
INSTRUCTION_BYTES = 8

ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
"""SECCOMP_RET_…; the lower 16 bits are the error number of ERRNO and the message of TRACE.
SCMP_ACT_NOTIFY is missing: it asks a supervisor, and there is none."""

FLAGS = {
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
}

OPERATORS = tuple(f"SCMP_CMP_{name}" for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))

KILL_PROCESS = Return(ACTIONS["SCMP_ACT_KILL_PROCESS"])
NO_SUCH_CALL = Return(ACTIONS["SCMP_ACT_ERRNO"] | errno.ENOSYS)

LENIENT = {ACTIONS[f"SCMP_ACT_{name}"] for name in ("ALLOW", "LOG", "TRACE")}
"""Actions that let a call pass, in the end."""

_LOW = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one argument. For MASKED_EQ `value` is the mask."""

    index: int
    operator: str
    value: int
    value_two: int

    def tree(self, yes: Tree, no: Tree) -> Tree:
        """The comparison in halves of 32 bits: the machine knows no longer words.

        "Greater" is decided by the upper half, unless that is equal; then by the lower one.
        Both architectures that this engine knows keep the lower half first in memory.
        """
        if self.operator == "SCMP_CMP_MASKED_EQ":
            return self._equal(self.value_two, yes, no, mask=self.value)
        if self.operator in ("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE"):
            yes, no = no, yes  # not EQ, not GE, not GT
        if self.operator in ("SCMP_CMP_EQ", "SCMP_CMP_NE"):
            return self._equal(self.value, yes, no)
        upper, lower = self.value >> 32, self.value & _LOW
        compare = bpf.greater if self.operator in ("SCMP_CMP_GT", "SCMP_CMP_LE") else bpf.at_least
        below = Load(self._offset, compare(lower, yes, no))
        return Load(self._offset + 4, bpf.greater(upper, yes, bpf.equal(upper, below, no)))

    def _equal(self, value: int, yes: Tree, no: Tree, mask: int = 2**64 - 1) -> Tree:
        lower = Load(self._offset, bpf.equal(value & _LOW, yes, no), mask & _LOW)
        return Load(self._offset + 4, bpf.equal(value >> 32, lower, no), mask >> 32)

    @property
    def _offset(self) -> int:
        return bpf.ARGUMENTS + 8 * self.index


class Rule(NamedTuple):
    """For the calls `names`: if all `conditions` hold, `action`."""

    names: tuple[str, ...]
    action: Return
    conditions: tuple[Condition, ...]

    def before(self, otherwise: Tree) -> Tree:
        """This rule, then `otherwise`."""
        tree: Tree = self.action
        for condition in reversed(self.conditions):
            tree = condition.tree(tree, otherwise)
        return tree


class Filter(NamedTuple):
    """A program for the kernel, 8 bytes an instruction, and the flags to load it with."""

    program: bytes
    flags: int = 0

    def to_bytes(self) -> bytes:
        """For a file: the flags, then the program."""
        return self.flags.to_bytes(INSTRUCTION_BYTES, "little") + self.program

    @classmethod
    def from_bytes(cls, data: bytes) -> Filter:
        """What `to_bytes` wrote."""
        flags, program = data[:INSTRUCTION_BYTES], data[INSTRUCTION_BYTES:]
        return cls(program, int.from_bytes(flags, "little"))


def compile_filter(seccomp: Mapping[str, Any]) -> Filter:
    """The filter that keeps a `linux.seccomp` object.

    Of several rules for one call the first that fits counts, those without conditions last. Where
    a call is forbidden that is newer than every rule, it is answered as if the kernel did not have
    it, as runc does: a C library that hears "forbidden" gives up, but here it takes the older call.

    Raises KeyError for a word that the specification does not have, ValueError if the program would
    be too long.
    """
    default = answer(seccomp["defaultAction"], seccomp.get("defaultErrnoRet"))
    rules = [_rule(each) for each in seccomp.get("syscalls", ())]
    by_audit: dict[int, list[str]] = {}
    for name in seccomp["architectures"]:
        by_audit.setdefault(NUMBERINGS[name].audit_architecture, []).append(name)
    tree: Tree = KILL_PROCESS
    for audit, names in by_audit.items():
        answers: list[tuple[int, Tree]] = [(0, NO_SUCH_CALL), (X32_SYSCALL_BIT, NO_SUCH_CALL)]
        for name in names:
            answers += _answers(rules, default, name)
        tree = bpf.equal(audit, Load(bpf.NUMBER, search(_ranges(answers))), tree)
    program = bpf.assemble(Load(bpf.ARCHITECTURE, tree))
    flags = sum({FLAGS[name] for name in seccomp.get("flags", ())})
    return Filter(b"".join(instruction.to_bytes() for instruction in program), flags)


def _answers(rules: list[Rule], default: Return, architecture: str) -> list[tuple[int, Tree]]:
    """(number, answer) for each number from which on the answer may be another one."""
    number_of = numbers(architecture)
    trees: dict[int, Tree] = {}
    in_order = [rule for rule in rules if rule.conditions]
    in_order += [rule for rule in rules if not rule.conditions]
    for rule in reversed(in_order):  # each is put in front of those that are there
        for name in number_of.keys() & {*rule.names}:
            number = number_of[name]
            trees[number] = rule.before(trees.get(number, default))
    answers: list[tuple[int, Tree]] = [(NUMBERINGS[architecture].offset, default)]
    for number, tree in sorted(trees.items()):
        answers += [(number, tree), (number + 1, default)]
    if trees and default.value not in LENIENT:
        answers.append((max(trees) + 1, NO_SUCH_CALL))
    return answers


def _ranges(answers: Iterable[tuple[int, Tree]]) -> list[tuple[int, Tree]]:
    """(first number, answer) of each range, sorted. The later of two words about a number counts;
    neighbours with the same answer become one range.
    """
    ranges: list[tuple[int, Tree]] = []
    for number, tree in sorted(dict(answers).items(), key=lambda item: item[0]):
        if not ranges or ranges[-1][1] != tree:
            ranges.append((number, tree))
    return ranges


def search(ranges: list[tuple[int, Tree]]) -> Tree:
    """A binary search for the range in which A is; each half is searched like the whole."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    return bpf.at_least(ranges[middle][0], search(ranges[middle:]), search(ranges[:middle]))


def load(filter_: Filter) -> None:
    """Put the filter on the calling process, for good, and on all that it will start.

    Raises KernelError. EACCES: neither CAP_SYS_ADMIN nor no_new_privs; else a filter could trick
    a set-user-ID program. EINVAL: not a program. man 2 seccomp
    """
    size = len(filter_.program)
    instructions = ctypes.create_string_buffer(filter_.program, size)
    header = _SockFprog(size // INSTRUCTION_BYTES, ctypes.addressof(instructions))
    system_call("seccomp", SECCOMP_SET_MODE_FILTER, filter_.flags, ctypes.byref(header))


class _SockFprog(ctypes.Structure):
    """`struct sock_fprog`, include/uapi/linux/filter.h"""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def answer(action: str, number: int | None = None) -> Return:
    """What the filter returns for an action (SCMP_ACT_…); without a number, EPERM."""
    value = ACTIONS[action]
    if action in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"):
        value |= (errno.EPERM if number is None else number) & 0xFFFF
    return Return(value)


def _rule(members: Mapping[str, Any]) -> Rule:
    conditions = tuple(
        Condition(each["index"], each["op"], each["value"], each.get("valueTwo", 0))
        for each in members.get("args", ())
    )
    action = answer(members["action"], members.get("errnoRet"))
    return Rule(tuple(members["names"]), action, conditions)
