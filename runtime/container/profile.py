"""Which system calls a container may use: docker's profile, or the user's own.

A profile is written for every machine: its rules say for which architectures, from which kernel
on, and with or without which capabilities they hold. `seccomp_of` leaves those that hold for one
container and makes the runtime-spec's `linux.seccomp` object of them. What that means to the kernel
is said in `runtime/linux/seccomp.py`.

`docker-seccomp-default.json` is docker's default profile as it is (github.com/moby/profiles,
seccomp/default.json; Apache License 2.0, copyright Docker, Inc. and the Moby authors).

docs.docker.com/engine/security/seccomp; runtime-spec: config-linux.md, "Seccomp"
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runtime.errors import HostLacks, InvalidSpec
from runtime.linux import seccomp
from runtime.linux.system_calls import NUMBERINGS
from runtime.oci.document import Document, without_none

DEFAULT = Path(__file__).with_name("docker-seccomp-default.json")

NATIVE = {"x86_64": ("SCMP_ARCH_X86_64", "amd64"), "aarch64": ("SCMP_ARCH_AARCH64", "arm64")}
"""uname's name of a machine → the specification's, and the profile's (which is Go's)."""


@functools.cache
def default_seccomp(capabilities: tuple[str, ...]) -> dict[str, Any]:
    """Docker's default profile, for a container with these capabilities, on this host."""
    return seccomp_of(DEFAULT.read_bytes(), capabilities)


def seccomp_of(profile: bytes, capabilities: Iterable[str]) -> dict[str, Any]:
    """The `linux.seccomp` object that a profile means for such a container, on this host.

    Raises InvalidSpec for a profile that is none, HostLacks on a machine whose system calls this
    engine does not know.
    """
    document = Document.parse(profile, "seccomp")
    native, machine = _native()
    holds = _Circumstances(machine, kernel_version(), frozenset(capabilities))
    members = {
        "defaultAction": _known(document, "defaultAction", seccomp.ACTIONS),
        "defaultErrnoRet": _number(document, "defaultErrnoRet"),
        "architectures": _architectures(document, native),
        "flags": _flags(document),
        "syscalls": [_rule(each) for each in document.children("syscalls") if holds.for_rule(each)],
    }
    return without_none(members)


def compiled(members: Mapping[str, Any]) -> seccomp.Filter:
    """The filter that such an object means. Raises InvalidSpec."""
    return _compiled(json.dumps(members))


@functools.lru_cache(maxsize=32)
def _compiled(text: str) -> seccomp.Filter:
    """It takes several ms, and the next container mostly has the same one."""
    try:
        return seccomp.compile_filter(json.loads(text))
    except ValueError as error:
        raise InvalidSpec(
            "{where}: {cause}", where="seccomp", cause="the filter gets too long"
        ) from error


def kernel_version() -> tuple[int, int]:
    """(6, 1) for "6.1.0-28-amd64"."""
    numbers = re.findall(r"\d+", os.uname().release)
    return int(numbers[0]), int(numbers[1])


class _Circumstances:
    """Where and for whom rules hold: their members `includes` and `excludes` are asked."""

    def __init__(self, machine: str, kernel: tuple[int, int], held: frozenset[str]) -> None:
        self.machine, self.kernel, self.held = machine, kernel, held

    def for_rule(self, rule: Document) -> bool:
        """All that it includes must be so, and nothing that it excludes."""
        includes = rule.child("includes", optional=True)
        excludes = rule.child("excludes", optional=True)
        return all(self._facts(includes, all)) and not any(self._facts(excludes, any))

    def _facts(self, wanted: Document, enough: Any) -> list[bool]:
        facts = []
        if machines := wanted.texts("arches"):
            facts.append(self.machine in machines)
        if capabilities := wanted.texts("caps"):
            facts.append(enough(name in self.held for name in capabilities))
        if kernel := wanted.text("minKernel", ""):
            facts.append(self.kernel >= tuple(map(int, re.findall(r"\d+", kernel)))[:2])
        return facts


def _native() -> tuple[str, str]:
    machine = os.uname().machine
    if machine not in NATIVE:
        raise HostLacks(
            "the system calls of {machine} are not known here, so they cannot be filtered",
            feature="seccomp",
            evidence=f"uname: {machine}",
            hint="use --security-opt seccomp=unconfined, if you trust the container",
            machine=machine,
        )
    return NATIVE[machine]


def _architectures(document: Document, native: str) -> list[str]:
    """The machine's own numbering, and those of older programs that it can run, too."""
    named = document.texts("architectures")
    if named:
        return [_one_of(f"{document.where}.architectures", name, NUMBERINGS) for name in named]
    for entry in document.children("archMap"):
        if entry.text("architecture") == native:
            others = entry.texts("subArchitectures") or ()
            return [native, *(name for name in others if name in NUMBERINGS)]
    return [native]


def _rule(rule: Document) -> dict[str, Any]:
    names = rule.texts("names") or ((rule.text("name"),) if rule.has("name") else ())
    if not names:
        raise InvalidSpec("{where}: this member is missing", where=f"{rule.where}.names")
    conditions = [_condition(each) for each in rule.children("args")]
    members = {
        "names": list(names),
        "action": _known(rule, "action", seccomp.ACTIONS),
        "errnoRet": _number(rule, "errnoRet"),
        "args": conditions or None,
    }
    return without_none(members)


def _condition(each: Document) -> dict[str, Any]:
    numbers = {"index": each.integer("index"), "value": each.integer("value")}
    if each.has("valueTwo"):
        numbers["valueTwo"] = each.integer("valueTwo")
    for name, value in numbers.items():
        if not 0 <= value <= (5 if name == "index" else 2**64 - 1):
            where = f"{each.where}.{name}"
            raise InvalidSpec("{where}: {value} is out of range", where=where, value=value)
    return {**numbers, "op": _known(each, "op", seccomp.OPERATORS)}


def _flags(document: Document) -> list[str] | None:
    flags = document.texts("flags")
    where = f"{document.where}.flags"
    return [_one_of(where, flag, seccomp.FLAGS) for flag in flags] if flags else None


def _number(document: Document, name: str) -> int | None:
    return document.integer(name) if document.has(name) else None


def _known(document: Document, name: str, words: Iterable[str]) -> str:
    return _one_of(f"{document.where}.{name}", document.text(name), words)


def _one_of(where: str, word: str, words: Iterable[str]) -> str:
    if word not in words:
        raise InvalidSpec("{where}: not known here: {value}", where=where, value=word)
    return word
