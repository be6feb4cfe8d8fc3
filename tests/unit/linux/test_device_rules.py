"""Device rules: the same answers from version 1's lines, from version 2's program, and from the
kernel that runs it.
"""

from __future__ import annotations

import os
import secrets
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.linux import device_rules
from runtime.linux.device_rules import ACCESSES, KINDS, line_v1, program_v2
from runtime.oci.devices import DEFAULT_DEVICE_RULES, DeviceRule

SMALL = st.none() | st.integers(0, 3)
RULES = st.lists(
    st.builds(
        DeviceRule,
        st.booleans(),
        st.sampled_from("abc"),
        SMALL,
        SMALL,
        st.sampled_from(["r", "w", "m", "rw", "rwm"]),
    ),
    max_size=6,
).map(tuple)


def ask(program: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """The eBPF machine, as far as such a program needs it. Documentation/bpf/instruction-set.rst"""
    wanted = sum(ACCESSES[letter] for letter in access)
    context = struct.pack("=III", wanted << 16 | KINDS[kind], major, minor)
    registers, at = [0] * 11, 0
    instructions = list(struct.iter_unpack("=BBhi", program))
    while True:
        code, both, offset, value = instructions[at]
        to, source, at = both & 15, both >> 4, at + 1
        match code:
            case 0x61:
                assert source == 1
                (registers[to],) = struct.unpack_from("=I", context, offset)
            case 0xBF:
                registers[to] = registers[source]
            case 0xB7:
                registers[to] = value
            case 0x54:
                registers[to] &= value
            case 0x74:
                registers[to] >>= value
            case 0x55:
                at += offset if registers[to] != value else 0
            case 0x15:
                at += offset if registers[to] == value else 0
            case 0x95:
                return bool(registers[0])
            case _:
                raise AssertionError(hex(code))


def meaning(rules: tuple[DeviceRule, ...], kind: str, major: int, minor: int, access: str) -> bool:
    """Each letter by the last rule that speaks of it; all that is wanted must be allowed."""
    fit = [
        rule
        for rule in reversed(rules)
        if rule.kind in ("a", kind) and rule.major in (None, major) and rule.minor in (None, minor)
    ]
    return all(
        next((rule.allow for rule in fit if letter in rule.access), False) for letter in access
    )


@given(
    RULES,
    st.sampled_from("bc"),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["r", "w", "m", "rw"]),
)
def test_the_program_answers_as_the_rules_say(
    rules: tuple[DeviceRule, ...], kind: str, major: int, minor: int, access: str
) -> None:
    program = program_v2(rules)
    assert ask(program, kind, major, minor, access) == meaning(rules, kind, major, minor, access)


def test_reading_and_writing_add_up() -> None:
    """`--device-cgroup-rule "c 7:1 r" --device-cgroup-rule "c 7:1 w"`"""
    one, other = (DeviceRule(True, "c", 7, 1, access) for access in "rw")
    program = program_v2((DeviceRule(False), one, other))
    assert ask(program, "c", 7, 1, "rw")
    assert not ask(program, "c", 7, 1, "m")
    assert not ask(program_v2((DeviceRule(False), one)), "c", 7, 1, "rw")
    assert not ask(program_v2((one, other, DeviceRule(False, "c", 7, 1, "w"))), "c", 7, 1, "rw")


def test_the_lines_of_version_1() -> None:
    assert [line_v1(rule) for rule in DEFAULT_DEVICE_RULES[:4]] == [
        "a",
        "c *:* m",
        "b *:* m",
        "c 1:3 rwm",
    ]


@pytest.mark.needs("root", "cgroup2")
def test_the_kernel_takes_the_program_and_keeps_it() -> None:
    """Also on a host whose containers are under version 1: a program goes with any group."""
    lines = [line.split(" ") for line in Path("/proc/self/mounts").read_text().splitlines()]
    mount = next(Path(where) for _, where, kind, *_ in lines if kind == "cgroup2")
    group = mount / f"onggi-test-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        closed = DeviceRule(False, "c", 1, 7)  # /dev/full
        apart = (DeviceRule(True, "c", 1, 7, access) for access in "rw")
        device_rules.keep_v2(group, (*DEFAULT_DEVICE_RULES, closed, *apart))
        child = os.fork()
        if child == 0:
            code = 99
            try:
                (group / "cgroup.procs").write_text("0")
                code = _try_devices()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        group.rmdir()


def _try_devices() -> int:
    """0 if what is allowed can be opened, and what is not cannot."""
    for allowed in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/full"):
        os.close(os.open(allowed, os.O_RDWR))
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    for number, (kind, major, minor) in enumerate(
        [(stat.S_IFCHR, 1, 11), (stat.S_IFCHR, 5, 1), (stat.S_IFBLK, 7, 0)]
    ):
        node = folder / f"onggi-node-{os.getpid()}"
        os.mknod(node, kind | 0o600, os.makedev(major, minor))
        try:
            os.close(os.open(node, os.O_RDONLY))
            return 10 + number
        except PermissionError:
            pass
        finally:
            node.unlink()
    return 0
