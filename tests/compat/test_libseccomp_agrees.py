"""Our compiler against libseccomp's, on docker's profile: every call gets the same answer.

libseccomp writes the program that it would load into a file (seccomp_export_bpf); both programs are
asked about every number, by a machine that knows neither.
"""

from __future__ import annotations

import ctypes
import tempfile
from typing import Any

import pytest
from bpf_machine import ask

from runtime.container.profile import default_seccomp
from runtime.linux.seccomp import ACTIONS, OPERATORS, compile_filter
from runtime.linux.system_calls import NUMBERINGS, numbers
from runtime.oci.spec import DEFAULT_CAPABILITIES

pytestmark = pytest.mark.needs("libseccomp")

TOKENS = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_AARCH64": 0xC00000B7}


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp`"""

    _fields_ = (
        ("index", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("value_two", ctypes.c_uint64),
    )


def library() -> Any:
    found = ctypes.CDLL("libseccomp.so.2")
    found.seccomp_init.restype = ctypes.c_void_p
    return found


def known_to_both(document: dict[str, Any]) -> dict[str, Any]:
    """Without the calls that are newer than this libseccomp, or older than what it remembers."""
    resolve = library().seccomp_syscall_resolve_name
    rules = [
        {**rule, "names": [name for name in rule["names"] if resolve(name.encode()) != -1]}
        for rule in document["syscalls"]
    ]
    return {**document, "syscalls": [rule for rule in rules if rule["names"]]}


def by_libseccomp(document: dict[str, Any], architecture: str) -> bytes:
    """The same object, compiled by libseccomp for one architecture."""
    lib, token = library(), ctypes.c_uint32(TOKENS[architecture])
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(0x00050001)))
    native = ctypes.c_uint32(lib.seccomp_arch_native())
    if native.value != token.value:
        assert lib.seccomp_arch_add(context, token) == 0
        assert lib.seccomp_arch_remove(context, native) == 0
    for rule in document["syscalls"]:
        action = ctypes.c_uint32(ACTIONS[rule["action"]] | rule.get("errnoRet", 0))
        for name in rule["names"]:
            # OPERATORS are in the order of `enum scmp_compare`, which begins at 1.
            each = [
                Comparison(
                    condition["index"],
                    OPERATORS.index(condition["op"]) + 1,
                    condition["value"],
                    condition.get("valueTwo", 0),
                )
                for condition in rule.get("args", ())
            ]
            array = (Comparison * len(each))(*each)
            # The native machine's number: it is translated to the one that is asked for.
            number = lib.seccomp_syscall_resolve_name(name.encode())
            added = lib.seccomp_rule_add_array(context, action, number, len(each), array)
            assert added == 0, (name, added)
    with tempfile.TemporaryFile() as file:
        assert lib.seccomp_export_bpf(context, file.fileno()) == 0
        lib.seccomp_release(context)
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("added", [(), ("CAP_SYS_ADMIN", "CAP_SYS_PTRACE")])
@pytest.mark.parametrize("architecture", TOKENS)
def test_every_call_gets_the_same_answer(architecture: str, added: tuple[str, ...]) -> None:
    document = known_to_both(default_seccomp((*DEFAULT_CAPABILITIES, *added)))
    document = {**document, "architectures": [architecture]}
    ours = compile_filter(document).program
    theirs = by_libseccomp(document, architecture)
    audit = NUMBERINGS[architecture].audit_architecture
    known = numbers(architecture)
    newest = max(
        known[name] for rule in document["syscalls"] for name in rule["names"] if name in known
    )
    assert newest >= known["openat2"]
    interesting = (0, 39, 40, 0x20008, 0x7E020000, 2**32 - 1)
    for number in range(newest + 1):
        for value in interesting:
            mine, other = (ask(each, audit, number, value, value) for each in (ours, theirs))
            assert mine == other, (number, hex(value))
    foreign = NUMBERINGS["SCMP_ARCH_ARM"].audit_architecture
    assert ask(ours, foreign, 1) == 0x80000000  # the process; libseccomp kills the thread
    assert ask(theirs, foreign, 1) == 0


def test_ours_is_shorter_on_the_way() -> None:
    """Not longer than theirs by default, which is a list: see `runtime/linux/seccomp.py`."""
    document = known_to_both(default_seccomp(DEFAULT_CAPABILITIES))
    document = {**document, "architectures": ["SCMP_ARCH_X86_64"]}
    ours, theirs = compile_filter(document).program, by_libseccomp(document, "SCMP_ARCH_X86_64")
    assert len(ours) < len(theirs)
