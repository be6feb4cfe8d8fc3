"""Difference: which paths a container added, changed and deleted, compared with its image.

The upper directory says what is different from the layers below, but not whether a path is new:
that, only they know. A file that was touched and is the same again is no difference.
docker diff; moby pkg/archive/changes.go
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

from runtime.build.tree import Directory, Entry, ImageTree, lookup
from runtime.layer.change import Change, ChangeKind
from runtime.layer.diff import changes_of_upper
from runtime.snapshot.overlay import Overlay


class Kind(IntEnum):
    """Docker's numbers for what happened to a path."""

    CHANGED = 0
    ADDED = 1
    DELETED = 2

    @property
    def letter(self) -> str:
        """As `docker diff` shows it: C, A, D."""
        return self.name[0]


@dataclass(frozen=True, slots=True)
class Difference:
    """One path of the container, and what happened to it."""

    path: PurePosixPath
    kind: Kind


def differences(overlay: Overlay) -> list[Difference]:
    """What is different in a writable tree, by path. Raises KernelError."""
    assert overlay.upper is not None, "only a writable tree can differ"
    below = ImageTree(overlay.lower)
    found = [
        each for change in changes_of_upper(overlay.upper) for each in _compared(change, below)
    ]
    changed = {each.path for each in found}
    parents = {parent for each in found for parent in each.path.parents[:-1]} - changed
    found += [Difference(parent, Kind.CHANGED) for parent in parents]
    return sorted(found, key=lambda each: os.fsencode(each.path))


def _compared(change: Change, below: ImageTree) -> Iterator[Difference]:
    old = _find(change.path, below)
    if change.kind is ChangeKind.DELETED:
        if old:
            yield Difference(change.path, Kind.DELETED)
    elif old is None:
        yield Difference(change.path, Kind.ADDED)
    elif not _is_same(old.status, change.status):
        yield Difference(change.path, Kind.CHANGED)
    if change.opaque and old and old.directory:
        yield from _hidden(change, old.directory, below)


def _hidden(change: Change, old: Directory, below: ImageTree) -> Iterator[Difference]:
    """What an opaque directory hides and has nothing instead of: it was made anew."""
    directory = change.file.open(os.O_RDONLY | os.O_DIRECTORY)
    try:
        there = set(os.listdir(directory))
    finally:
        os.close(directory)
    for name in below.names(old):
        if name not in there:
            yield Difference(change.path / name, Kind.DELETED)


def _find(path: PurePosixPath, tree: ImageTree) -> Entry | None:
    """What the layers have at exactly this path; links on the way lead nowhere here."""
    entry = tree.resolve(PurePosixPath("/")).entry
    for name in path.parts[1:]:
        if entry is None or entry.directory is None:
            return None
        entry = lookup(entry.directory, name)
    return entry


def _is_same(old: os.stat_result, new: os.stat_result) -> bool:
    """As docker compares: a directory's size and time say only that something is in it."""
    facts = [(each.st_mode, each.st_uid, each.st_gid, each.st_rdev) for each in (old, new)]
    if facts[0] != facts[1]:
        return False
    times = [(each.st_size, each.st_mtime_ns) for each in (old, new)]
    return stat.S_ISDIR(new.st_mode) or times[0] == times[1]
