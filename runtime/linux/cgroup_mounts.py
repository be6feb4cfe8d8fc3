"""Where this host's control groups are, and by which of the kernel's two interfaces.

Version 1 has one tree of directories for each controller, version 2 one tree for all. On a
hybrid host both are mounted, and a controller is in one of them.

Rule: this file reads /proc and writes nothing.
man 7 cgroups, Documentation/admin-guide/cgroup-v2.rst
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio")
"""The version 1 controllers that a container is put under, as runc does."""

VERSION_1_NAME = {"io": "blkio"}
"""What version 2 calls otherwise. All of Onggi uses the older name."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller as the kernel calls it where it is mounted, and the interface (1 or 2)."""

    name: str
    mount: Path
    version: int


@functools.cache
def controllers() -> Mapping[str, Controller]:
    """The controllers that this host offers, by version 1 name. /proc/self/mounts is read once."""
    found: dict[str, Controller] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            names, version = words(Path(where) / "cgroup.controllers"), 2
        elif kind == "cgroup":
            names, version = [name for name in options.split(",") if name in CONTROLLERS], 1
        else:
            continue
        for name in names:
            found.setdefault(VERSION_1_NAME.get(name, name), Controller(name, Path(where), version))
    return found


def version_of(name: str) -> int:
    """By which interface a controller is offered; 0 where it is not."""
    found = controllers().get(name)
    return found.version if found else 0


def hierarchies_v1() -> tuple[tuple[str, ...], ...]:
    """The version 1 controllers, those that are mounted together as one: (("cpu", "cpuacct"),)."""
    found: dict[Path, tuple[str, ...]] = {}
    for each in controllers().values():
        if each.version == 1:
            found[each.mount] = (*found.get(each.mount, ()), each.name)
    return tuple(found.values())


def host_version() -> str:
    """ "v1", "v2", "hybrid" (both are mounted) or "none"."""
    kinds = {line.split(" ")[2] for line in Path("/proc/self/mounts").read_text().splitlines()}
    if {"cgroup", "cgroup2"} <= kinds:
        return "hybrid"
    return "v1" if "cgroup" in kinds else "v2" if "cgroup2" in kinds else "none"


def words(path: Path) -> list[str]:
    """What stands in a file of the kernel, apart by blanks; nothing if there is no such file."""
    return path.read_text().split() if path.exists() else []
