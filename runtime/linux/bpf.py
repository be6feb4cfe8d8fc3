"""An assembler for the classic BPF machine, in which the kernel asks a filter about system calls.

The machine is from 1992 and was made to pick packets: one register A, no loop, no memory to
write, jumps that only lead forwards. So every program ends, and the kernel can see that before it
takes one. A seccomp filter reads its "packet", `struct seccomp_data`, one word at a time:

    offset  0  nr                    the system call's number
            4  arch                  whose numbering that is (AUDIT_ARCH_…)
            8  instruction_pointer
           16  args[0] … args[5]     64 bits each, so two words

A decision is written here as a tree, the way one thinks of it: load a word, compare, go on to the
left or to the right, return. `assemble` lays the tree out in one line. It works backwards, from
the leaves: jumps lead forwards, so when one is written its target must have its place already. A
conditional jump leads over 255 instructions at most; to what is farther away it takes another one.

Rule: pure; loading is `seccomp`'s business.
include/uapi/linux/filter.h, bpf_common.h, seccomp.h; Documentation/networking/filter.rst
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

BPF_LD_W_ABS = 0x20
BPF_ALU_AND_K = 0x54
BPF_JMP_JA = 0x05
BPF_JMP_JEQ_K = 0x15
BPF_JMP_JGT_K = 0x25
BPF_JMP_JGE_K = 0x35
BPF_RET_K = 0x06
"""Operation codes: class | size or operation | where the operand is."""

BPF_MAXINSNS = 4096
FARTHEST = 255
WHOLE_WORD = 0xFFFFFFFF

NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in `struct seccomp_data`."""


@dataclass(frozen=True, slots=True)
class Return:
    """A leaf: what the kernel shall do (SECCOMP_RET_…)."""

    value: int


@dataclass(frozen=True, slots=True)
class Load:
    """A = the word at `offset`; with a mask, only those of its bits."""

    offset: int
    then: Tree
    mask: int = WHOLE_WORD


@dataclass(frozen=True, slots=True)
class Compare:
    """Go on at `yes` if A is equal to, greater than, or greater or equal `value`; else at `no`."""

    operation: int
    value: int
    yes: Tree
    no: Tree


Tree = Return | Load | Compare


@dataclass(frozen=True, slots=True)
class Instruction:
    """One `struct sock_filter`. `yes` and `no` say how many of the next ones are left out."""

    code: int
    value: int
    yes: int = 0
    no: int = 0

    def to_bytes(self) -> bytes:
        """As the kernel takes it: code (16 bits), jt, jf (8 each), k (32)."""
        return struct.pack("=HBBI", self.code, self.yes, self.no, self.value)


def equal(value: int, yes: Tree, no: Tree) -> Tree:
    """A == value?"""
    return Compare(BPF_JMP_JEQ_K, value, yes, no)


def greater(value: int, yes: Tree, no: Tree) -> Tree:
    """A > value?"""
    return Compare(BPF_JMP_JGT_K, value, yes, no)


def at_least(value: int, yes: Tree, no: Tree) -> Tree:
    """A >= value?"""
    return Compare(BPF_JMP_JGE_K, value, yes, no)


def assemble(tree: Tree) -> tuple[Instruction, ...]:
    """The program that decides like `tree`. Raises ValueError when the kernel would not take it."""
    line = _Line()
    line.place(tree)
    program = tuple(reversed(line.backwards))
    if len(program) > BPF_MAXINSNS:
        raise ValueError(f"{len(program)} instructions are more than BPF_MAXINSNS")
    return program


class _Line:
    """A program that grows from its end. A place is counted from the end, too: 1 is the last."""

    def __init__(self) -> None:
        self.backwards: list[Instruction] = []
        self._leaves: dict[Return, int] = {}
        self._branches: dict[int, int] = {}

    def place(self, tree: Tree) -> int:
        """Put `tree` in front of what is there, unless it stands there already; the place of its
        first instruction.
        """
        if isinstance(tree, Return):
            return self._leaf(tree)
        place = self._branches.get(id(tree))
        if place is None:
            place = self._load(tree) if isinstance(tree, Load) else self._compare(tree)
            self._branches[id(tree)] = place
        return place

    def _leaf(self, leaf: Return) -> int:
        """One that is near is used again: a jump there costs no more than the return itself."""
        place = self._leaves.get(leaf)
        if place is None or self._distance(place) > FARTHEST // 2:
            place = self._leaves[leaf] = self._put(Instruction(BPF_RET_K, leaf.value))
        return place

    def _load(self, tree: Load) -> int:
        then = self.place(tree.then)
        if self._distance(then):  # something else stands between
            self._stone(then)
        if tree.mask != WHOLE_WORD:
            self._put(Instruction(BPF_ALU_AND_K, tree.mask))
        return self._put(Instruction(BPF_LD_W_ABS, tree.offset))

    def _compare(self, tree: Compare) -> int:
        no, yes = self.place(tree.no), self.place(tree.yes)
        # A stepping stone for one of them moves the other one farther away.
        while max(self._distance(yes), self._distance(no)) > FARTHEST:
            if self._distance(no) > FARTHEST:
                no = self._stone(no)
            else:
                yes = self._stone(yes)
        jumps = self._distance(yes), self._distance(no)
        return self._put(Instruction(tree.operation, tree.value, *jumps))

    def _stone(self, place: int) -> int:
        return self._put(Instruction(BPF_JMP_JA, self._distance(place)))

    def _distance(self, place: int) -> int:
        """How many instructions a jump that is put now leaves out to get to `place`."""
        return len(self.backwards) - place

    def _put(self, instruction: Instruction) -> int:
        self.backwards.append(instruction)
        return len(self.backwards)
