"""A container's writable directory as it lies on the disk: what `diff` is computed from.

Inside, the kernel shows one tree and hides how it is made. On the host each entry is what it is: a
file, a directory, a device with the numbers 0, 0, an attribute with the value y.

Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"; man 7 xattr
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, FAINT, LEAF, Shown, code, escaped, listing, strong
from runtime.engine.container import Container
from runtime.layer.whiteout import is_opaque, is_whiteout

COLOURS = {"whiteout": BERRY, "opaque": CLAY, "directory": FAINT, "file": LEAF, "link": LEAF}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the directory: `kind` is a key of COLOURS."""

    path: str
    kind: str


def upper(*containers: Container) -> Shown:
    """Every entry of each container's writable directory: what it is, and what it means there."""
    rows = [(each.name, entry) for each in containers for entry in entries(each.upper_path)]
    if not rows:
        return Shown(say("upper.empty"))
    head = [say(f"upper.{name}") for name in ("container", "path", "on-disk", "meaning")]
    plain = [[name, e.path, _on_disk(e), say(f"upper.{e.kind}-means")] for name, e in rows]
    page = [
        [escaped(name), code(path), strong(disk, COLOURS[entry.kind]), escaped(meaning)]
        for (_, entry), (name, path, disk, meaning) in zip(rows, plain, strict=True)
    ]
    return listing(head, plain, page)


def entries(directory: Path) -> Iterator[Entry]:
    """All below `directory` by path, a directory before what is in it."""
    for name in sorted(os.listdir(directory)):
        yield from _entries(directory / name, f"/{name}")


def _entries(place: Path, path: str) -> Iterator[Entry]:
    kind = kind_of(place)
    yield Entry(path, kind)
    if kind in ("directory", "opaque"):
        for name in sorted(os.listdir(place)):
            yield from _entries(place / name, f"{path}/{name}")


def kind_of(place: Path) -> str:
    """What an entry is, links not followed."""
    status = place.lstat()
    if is_whiteout(status):
        return "whiteout"
    if stat.S_ISDIR(status.st_mode):
        return "opaque" if is_opaque(os.fsencode(place)) else "directory"
    return "link" if stat.S_ISLNK(status.st_mode) else "file"


def _on_disk(entry: Entry) -> str:
    return say(f"upper.{entry.kind}")
