"""From directories to changes, always in the same order.

Overlayfs copies a file to the upper directory before it is modified, and leaves a mark where one
was deleted. So nothing needs to be compared: the upper directory *is* the difference. Without an
overlay, two whole trees are compared instead: `changes_between`.

The order is part of the promise that the same tree gives the same tar: parents before children,
deletions before additions in each directory (layer.md recommends it), then by the bytes of the
name, whatever the locale is and however the file system lists them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runtime.layer.change import Change, ChangeKind
from runtime.layer.entry import is_content
from runtime.layer.walk import DIRECTORY, Found, Tree
from runtime.layer.whiteout import is_opaque, is_whiteout

_CHUNK_BYTES = 1 << 20
_SECOND_NS = 1_000_000_000


def changes_of_upper(upper: Path) -> Iterator[Change]:
    """Everything in `upper`, which overlayfs filled and nobody writes to any more.

    A plain directory works as well: all of it is then added. The directory itself is no change.
    Raises KernelError.
    """
    with Tree(upper) as tree:
        for found in tree.walk(first=is_whiteout):
            if is_whiteout(found.status):
                yield Change(ChangeKind.DELETED, found)
            else:
                yield Change(ChangeKind.PRESENT, found, found.is_directory and _is_opaque(found))


def changes_between(old: Path, new: Path) -> Iterator[Change]:
    """What makes the tree `new` of the tree `old`. Both are plain directories, seen as a
    container sees them: a device 0/0 in them is a device.

    A file is the same if owner, mode, size, time and attributes are, and its content where the
    time has no fraction: such a time was set by a program, and need not have changed. Directories
    above a change are changes too, so that their owners and modes come along.
    """
    with Tree(old) as before, Tree(new) as after:
        told = {b""}
        for change in _compared(before, after):
            for parent in _untold_parents(change.name, told):
                if found := after.find(parent):
                    yield Change(ChangeKind.PRESENT, found)
            told.add(change.name)
            found = after.find(change.name)  # the parents have moved the walk's directory
            yield change if found is None else Change(change.kind, found)


def _compared(before: Tree, after: Tree) -> Iterator[Change]:
    yield from _deletions(b"", before, after)
    for found in after.walk():
        was = before.find(found.name)
        if was is None or not _is_same(was, found):
            yield Change(ChangeKind.PRESENT, found)
        if was is not None and was.is_directory and found.is_directory:
            yield from _deletions(found.name, before, after)


def _deletions(directory: bytes, before: Tree, after: Tree) -> Iterator[Change]:
    """What only the older tree has in a directory that both have."""
    for name in sorted(before.names(directory) - after.names(directory)):
        if gone := before.find(directory + b"/" + name if directory else name):
            yield Change(ChangeKind.DELETED, gone)


def _untold_parents(name: bytes, told: set[bytes]) -> Iterator[bytes]:
    """The directories above `name` that no change has named yet, from the root on."""
    parts = name.split(b"/")[:-1]
    for depth in range(1, len(parts) + 1):
        parent = b"/".join(parts[:depth])
        if parent not in told:
            told.add(parent)
            yield parent


def _is_same(old: Found, new: Found) -> bool:
    a, b = old.status, new.status
    if (a.st_mode, a.st_uid, a.st_gid, a.st_rdev) != (b.st_mode, b.st_uid, b.st_gid, b.st_rdev):
        return False
    if old.is_directory:  # its size and time only say that something in it is different
        return _xattrs(old) == _xattrs(new)
    if (a.st_size, a.st_mtime_ns) != (b.st_size, b.st_mtime_ns):
        return False
    if stat.S_ISLNK(a.st_mode):
        return old.readlink() == new.readlink()
    if not stat.S_ISREG(a.st_mode):
        return True
    is_vague = a.st_mtime_ns % _SECOND_NS == 0
    return _xattrs(old) == _xattrs(new) and not (is_vague and _has_other_content(old, new))


def _has_other_content(old: Found, new: Found) -> bool:
    with open(old.open(), "rb") as one, open(new.open(), "rb") as other:
        while data := one.read(_CHUNK_BYTES):
            if data != other.read(_CHUNK_BYTES):
                return True
        return other.read(1) != b""


def _xattrs(found: Found) -> dict[str, bytes]:
    descriptor = found.open()
    try:
        names = filter(is_content, os.listxattr(descriptor))
        return {name: os.getxattr(descriptor, name) for name in names}
    finally:
        os.close(descriptor)


def _is_opaque(found: Found) -> bool:
    descriptor = found.open(DIRECTORY)
    try:
        return is_opaque(descriptor)
    finally:
        os.close(descriptor)
