"""The assembler: whatever tree it is given, the line decides like the tree."""

from __future__ import annotations

import pytest
from bpf_machine import ask, verify
from hypothesis import given
from hypothesis import strategies as st

from runtime.linux import bpf
from runtime.linux.bpf import Compare, Instruction, Load, Return, Tree, assemble
from runtime.linux.seccomp import search


def assembled(tree: Tree) -> bytes:
    return b"".join(each.to_bytes() for each in assemble(tree))


def decide(tree: Tree, a: int, words: dict[int, int]) -> int:
    """The tree, taken by its word."""
    match tree:
        case Return(value):
            return value
        case Load(offset, then, mask):
            return decide(then, words[offset] & mask, words)
        case Compare(operation, value, yes, no):
            holds = {0x15: a == value, 0x25: a > value, 0x35: a >= value}[operation]
            return decide(yes if holds else no, a, words)


def test_one_comparison_is_three_kinds_of_instructions() -> None:
    tree = Load(bpf.NUMBER, bpf.equal(7, Return(1), Return(2)))
    assert assemble(tree) == (
        Instruction(bpf.BPF_LD_W_ABS, 0),
        Instruction(bpf.BPF_JMP_JEQ_K, 7, 0, 1),
        Instruction(bpf.BPF_RET_K, 1),
        Instruction(bpf.BPF_RET_K, 2),
    )
    assert Instruction(0x15, 7, 1, 2).to_bytes() == bytes((0x15, 0, 1, 2, 7, 0, 0, 0))


SMALL = st.integers(0, 5)
TREES = st.recursive(
    st.builds(Return, SMALL),
    lambda trees: (
        st.builds(Load, st.sampled_from([0, 4, 16, 20]), trees, st.sampled_from([3, 0xFFFFFFFF]))
        | st.builds(Compare, st.sampled_from([0x15, 0x25, 0x35]), SMALL, trees, trees)
    ),
    max_leaves=30,
)


@given(TREES, SMALL, SMALL, SMALL, SMALL)
def test_the_line_decides_like_the_tree(
    tree: Tree, number: int, audit: int, low: int, high: int
) -> None:
    program = assembled(tree)
    verify(program)
    words = {0: number, 4: audit, 16: low, 20: high}
    assert ask(program, audit, number, low | high << 32) == decide(tree, 0, words)


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=700, unique=True), st.integers(0, 2100))
def test_jumps_that_are_too_far_take_stepping_stones(starts: list[int], number: int) -> None:
    """700 answers that all differ: nothing can be shared, and the halves are 350 apart."""
    ranges: list[tuple[int, Tree]] = [(start, Return(start)) for start in sorted({0, *starts})]
    program = assembled(Load(bpf.NUMBER, search(ranges)))
    verify(program)
    assert ask(program, 0, number) == max(start for start in {0, *starts} if start <= number)


def test_branches_that_are_shared_are_written_once() -> None:
    """Five conditions in a row, each with two ways to the next: 2⁵ copies, if they were copied."""
    tree: Tree = Return(9)
    for value in range(20):
        then = Load(20, bpf.equal(value, Return(value), tree))
        tree = Load(16, bpf.equal(value, then, tree))
    assert len(assemble(tree)) < 120


def test_a_program_that_the_kernel_would_not_take() -> None:
    ranges: list[tuple[int, Tree]] = [(number, Return(number)) for number in range(3000)]
    with pytest.raises(ValueError, match="BPF_MAXINSNS"):
        assemble(search(ranges))
