"""From a directory to its changes, always in the same order.

Overlayfs copies a file to the upper directory before it is modified, and leaves a mark where one
was deleted. So nothing needs to be compared: the upper directory *is* the difference.

The order is part of the promise that the same tree gives the same tar: parents before children,
deletions before additions in each directory (layer.md recommends it), then by the bytes of the
name, whatever the locale is and however the file system lists them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import KernelError
from runtime.layer.change import Change, ChangeKind
from runtime.layer.whiteout import is_opaque, is_whiteout


def changes_of_upper(upper: Path) -> Iterator[Change]:
    """Everything in `upper`, which overlayfs filled and nobody writes to any more.

    A plain directory works as well: all of it is then added. The directory itself is no change.
    Raises KernelError.
    """
    root = os.fsencode(upper)
    waiting = _children(root, b"")
    while waiting:
        change = waiting.pop()
        yield change
        if stat.S_ISDIR(change.status.st_mode):
            waiting += _children(change.source, change.name + b"/")


def _children(directory: bytes, prefix: bytes) -> list[Change]:
    """A directory's changes, last one first: a stack to pop from."""
    try:
        with os.scandir(directory) as entries:
            changes = [_change(entry, prefix) for entry in entries]
    except OSError as cause:
        raise KernelError("read", os.fsdecode(directory), cause.errno or 0) from cause
    changes.sort(key=lambda change: (change.kind is ChangeKind.PRESENT, change.name), reverse=True)
    return changes


def _change(entry: os.DirEntry[bytes], prefix: bytes) -> Change:
    status = entry.stat(follow_symlinks=False)
    name = prefix + entry.name
    if is_whiteout(status):
        return Change(ChangeKind.DELETED, name, entry.path, status)
    opaque = stat.S_ISDIR(status.st_mode) and is_opaque(entry.path)
    return Change(ChangeKind.PRESENT, name, entry.path, status, opaque)
