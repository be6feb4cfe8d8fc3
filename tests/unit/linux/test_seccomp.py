"""Filters: each system call is answered as the `linux.seccomp` object says. Asked, not read."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from bpf_machine import ask, verify
from hypothesis import given
from hypothesis import strategies as st

from runtime.container.profile import default_seccomp
from runtime.linux.seccomp import Filter, compile_filter
from runtime.linux.system_calls import NUMBERINGS, TABLE, X32_SYSCALL_BIT, numbers
from runtime.oci.spec import DEFAULT_CAPABILITIES

X86_64 = "SCMP_ARCH_X86_64"
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS


def seccomp(*rules: dict[str, Any], **members: Any) -> dict[str, Any]:
    default = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": [X86_64]}
    return {**default, **members, "syscalls": list(rules)}


def rule(*names: str, action: str = "SCMP_ACT_ALLOW", **members: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **members}


def argument(op: str, value: int, two: int = 0, index: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": two}


def answer(document: dict[str, Any], name: str, *arguments: int, architecture: str = X86_64) -> int:
    program = compile_filter(document).program
    verify(program)
    audit = NUMBERINGS[architecture].audit_architecture
    return ask(program, audit, numbers(architecture)[name], *arguments)


HOLDS: dict[str, Callable[[int, int, int], bool]] = {
    "EQ": lambda a, value, _: a == value,
    "NE": lambda a, value, _: a != value,
    "LT": lambda a, value, _: a < value,
    "LE": lambda a, value, _: a <= value,
    "GT": lambda a, value, _: a > value,
    "GE": lambda a, value, _: a >= value,
    "MASKED_EQ": lambda a, mask, value: a & mask == value,
}
# Numbers whose halves are often equal: that is where a comparison of 64 bits goes wrong.
HALVES = st.sampled_from([0, 1, 2, 2**31, 2**32 - 1])
WORDS = st.builds(lambda high, low: high << 32 | low, HALVES, HALVES)


@pytest.mark.parametrize("op", HOLDS)
@given(actual=WORDS, value=WORDS, two=WORDS, index=st.integers(0, 5))
def test_arguments_are_compared_as_64_bits(
    op: str, actual: int, value: int, two: int, index: int
) -> None:
    document = seccomp(rule("read", args=[argument(op, value, two, index)]))
    expected = ALLOW if HOLDS[op](actual, value, two) else EPERM
    assert answer(document, "read", *(0,) * index, actual) == expected


def test_all_conditions_of_a_rule_and_any_rule() -> None:
    document = seccomp(
        rule("socket", args=[argument("EQ", 1), argument("EQ", 2, index=1)]),
        rule("socket", args=[argument("EQ", 3)]),
    )
    assert answer(document, "socket", 1, 2) == ALLOW
    assert answer(document, "socket", 3, 9) == ALLOW
    assert answer(document, "socket", 1, 3) == answer(document, "socket", 2, 2) == EPERM


def test_the_first_rule_that_fits_counts_and_those_without_conditions_last() -> None:
    document = seccomp(
        rule("kill", "dup"),
        rule("kill", action="SCMP_ACT_TRAP"),
        rule("kill", action="SCMP_ACT_ERRNO", errnoRet=11, args=[argument("EQ", 1)]),
        rule("kill", action="SCMP_ACT_ERRNO", errnoRet=12, args=[argument("LE", 1)]),
    )
    assert answer(document, "kill", 1) == 0x0005000B
    assert answer(document, "kill", 0) == 0x0005000C
    assert answer(document, "kill", 2) == answer(document, "dup", 1) == ALLOW


@pytest.mark.parametrize(
    ("action", "number", "value"),
    [
        ("SCMP_ACT_KILL", None, 0),
        ("SCMP_ACT_KILL_PROCESS", None, 0x80000000),
        ("SCMP_ACT_TRAP", None, 0x00030000),
        ("SCMP_ACT_ERRNO", None, 0x00050001),
        ("SCMP_ACT_ERRNO", 0, 0x00050000),
        ("SCMP_ACT_ERRNO", 38, 0x00050026),
        ("SCMP_ACT_TRACE", 7, 0x7FF00007),
        ("SCMP_ACT_LOG", None, 0x7FFC0000),
    ],
)
def test_every_action(action: str, number: int | None, value: int) -> None:
    asked = rule("mount", action=action) | ({} if number is None else {"errnoRet": number})
    assert answer(seccomp(asked), "mount") == value
    default = {} if number is None else {"defaultErrnoRet": number}
    assert answer(seccomp(rule("dup"), defaultAction=action, **default), "read") == value


def test_a_call_that_is_newer_than_all_rules_is_not_there() -> None:
    document = seccomp(rule("read", "dup"))
    program = compile_filter(document).program
    audit, last = NUMBERINGS[X86_64].audit_architecture, numbers(X86_64)["dup"]
    assert ask(program, audit, last - 1) == EPERM
    assert ask(program, audit, last + 1) == ask(program, audit, -1) == ENOSYS
    lenient = compile_filter({**document, "defaultAction": "SCMP_ACT_ALLOW"}).program
    assert ask(lenient, audit, last + 1) == ALLOW


def test_another_architecture_is_not_let_in() -> None:
    """An i386 program's number 5 is `open`, which on x86_64 is `fstat`."""
    program = compile_filter(seccomp(rule("fstat"))).program
    assert ask(program, NUMBERINGS[X86_64].audit_architecture, 5) == ALLOW
    for name in ("SCMP_ARCH_X86", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"):
        assert ask(program, NUMBERINGS[name].audit_architecture, 5) == KILL


def test_x32_is_no_way_around_a_rule() -> None:
    """To the kernel it is x86_64 with a bit set: a list of what is forbidden would not see it."""
    document = seccomp(rule("mount", action="SCMP_ACT_ERRNO"), defaultAction="SCMP_ACT_ALLOW")
    program = compile_filter(document).program
    audit, mount = NUMBERINGS[X86_64].audit_architecture, numbers(X86_64)["mount"]
    assert ask(program, audit, mount) == EPERM
    assert ask(program, audit, mount | X32_SYSCALL_BIT) == ENOSYS
    both = compile_filter({**document, "architectures": [X86_64, "SCMP_ARCH_X32"]}).program
    assert ask(both, audit, mount | X32_SYSCALL_BIT) == EPERM
    assert ask(both, audit, X32_SYSCALL_BIT) == ALLOW


def meaning(document: dict[str, Any], name: str, arguments: tuple[int, ...]) -> int:
    """What the object says about a call, read rule by rule."""
    rules = [each for each in document["syscalls"] if name in each["names"]]
    for each in sorted(rules, key=lambda each: not each.get("args")):
        if all(
            HOLDS[condition["op"].removeprefix("SCMP_CMP_")](
                arguments[condition["index"]], condition["value"], condition.get("valueTwo", 0)
            )
            for condition in each.get("args", ())
        ):
            return ALLOW if each["action"] == "SCMP_ACT_ALLOW" else 0x00050000 | each["errnoRet"]
    return EPERM


ARGUMENTS = [(0,) * 6, (0x20000,) * 6, (40,) * 6, (0x7E020000,) * 6, (2**64 - 1,) * 6]


@pytest.mark.parametrize("added", [(), ("CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_BPF")])
@pytest.mark.parametrize("architecture", NUMBERINGS)
def test_docker_s_profile_call_by_call(architecture: str, added: tuple[str, ...]) -> None:
    document = default_seccomp((*DEFAULT_CAPABILITIES, *added))
    document = {**document, "architectures": [architecture]}
    program = compile_filter(document).program
    verify(program)
    audit = NUMBERINGS[architecture].audit_architecture
    name_of = {number: name for name, number in numbers(architecture).items()}
    ruled = {name for each in document["syscalls"] for name in each["names"]}
    newest = max(number for number, name in name_of.items() if name in ruled)
    for number in range(NUMBERINGS[architecture].offset, newest + 20):
        for arguments in ARGUMENTS:
            expected = ENOSYS
            if number <= newest:
                expected = meaning(document, name_of.get(number, ""), arguments)
            assert ask(program, audit, number, *arguments) == expected, name_of.get(number, number)


def test_the_search_is_short() -> None:
    """No call takes more than 30 steps, of 400 instructions and more."""
    program = compile_filter(default_seccomp(DEFAULT_CAPABILITIES)).program
    verify(program)
    assert len(program) // 8 > 300
    longest = _longest_way(program)
    assert longest <= 40


def _longest_way(program: bytes) -> int:
    import struct

    instructions = list(struct.iter_unpack("=HBBI", program))
    steps = [0] * len(instructions)
    for at in reversed(range(len(instructions))):
        code, yes, no, k = instructions[at]
        nexts = [] if code == 0x06 else [k] if code == 0x05 else [yes, no]
        steps[at] = 1 + max((steps[at + 1 + jump] for jump in nexts), default=0)
    return steps[0]


def test_a_filter_comes_back_from_its_file() -> None:
    document = seccomp(rule("read"), flags=["SECCOMP_FILTER_FLAG_LOG"])
    found = compile_filter(document)
    assert found.flags == 2
    assert Filter.from_bytes(found.to_bytes()) == found


def test_the_table_has_each_call_once() -> None:
    lines = [line.split(",") for line in TABLE.read_text().splitlines()]
    assert len({line[0] for line in lines}) == len(lines)
    assert {len(line) for line in lines} == {1 + len(NUMBERINGS)}
    for architecture in NUMBERINGS:
        found = numbers(architecture)
        assert len(set(found.values())) == len(found)
    assert numbers(X86_64)["execve"] == 59
    assert numbers("SCMP_ARCH_AARCH64")["execve"] == 221
    assert numbers("SCMP_ARCH_X32")["execve"] == X32_SYSCALL_BIT | 520
