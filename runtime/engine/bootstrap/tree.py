"""A file tree as a value: what goes into an image, before anything is written.

    functions that look at the host ──▶ Entry, Entry, … ──▶ Tree ──write_tree──▶ a directory

Neighbours collect entries (`busybox`, `host_programs`, `skeleton`, `worldwide`, `interpreter`,
`pip`); `recipes` makes trees of them; `layers` makes layers of those.

Rule: nothing enters an image but what an entry names, and an entry names one file. Owners are
root unless an entry says so, modes are the entry's, times are one constant: of the host's own
metadata nothing is taken over, neither setuid bits nor access lists.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runtime.errors import KernelError

MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr in our images, as in every current distribution."""


Source = Path | bytes | Callable[[], bytes]
"""A file's content: the host file's (links followed), these bytes, or those that this function
makes when it is time to write them."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    path: PurePosixPath
    source: Source
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    path: PurePosixPath
    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory. `owner` is its user and group number."""

    path: PurePosixPath
    mode: int = 0o755
    owner: int = 0


Entry = File | Link | Folder


@dataclass(frozen=True, slots=True)
class Tree:
    """Entries by absolute path, sorted, each one's parent folders included."""

    entries: Mapping[PurePosixPath, Entry]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Tree:
        """All of `entries`; of two with one path the later one counts.

        Missing parents become folders of mode 755. Raises ValueError for a path that is
        relative or leads through something that is no folder: a mistake in a recipe.
        """
        named = {entry.path: entry for entry in entries}
        for entry in tuple(named.values()):
            if not entry.path.is_absolute() or ".." in entry.path.parts:
                raise ValueError(f"not a plain absolute path: {entry.path}")
            for parent in entry.path.parents[:-1]:
                if not isinstance(named.setdefault(parent, Folder(parent)), Folder):
                    raise ValueError(f"{entry.path} lies below {parent}, which is no folder")
        return cls({path: named[path] for path in sorted(named)})

    def on_top_of(self, *below: Tree) -> Tree:
        """Only what the trees below do not have already, and the folders that lead there."""
        held: dict[PurePosixPath, Entry] = {}
        for tree in below:
            held |= tree.entries
        new = {path for path, entry in self.entries.items() if held.get(path) != entry}
        kept = new.union(*(path.parents[:-1] for path in new))
        return Tree({path: entry for path, entry in self.entries.items() if path in kept})


def merged(path: Path | PurePosixPath | str) -> PurePosixPath:
    """Where a host path lies in an image: `/lib/x` and `/usr/lib/x` are the same file."""
    parts = PurePosixPath(path).parts[1:]
    return PurePosixPath("/usr" if parts[0] in MERGED else "/", *parts)


def link_to(path: PurePosixPath, target: PurePosixPath) -> Link:
    """A link at `path` that leads to `target` by the shortest relative way."""
    return Link(path, os.path.relpath(target, path.parent))


def write_tree(
    tree: Tree, directory: Path, *, epoch: int, written: Callable[[int], None] = lambda count: None
) -> None:
    """Make `directory` (empty, there already) hold exactly `tree`.

    Every time stamp is `epoch`, in seconds. `written` is told how many entries are done.
    Raises KernelError, which names the file: the disk is full, a source went away.
    """
    for count, entry in enumerate(tree.entries.values(), 1):
        place = directory / entry.path.relative_to("/")
        try:
            _write(entry, place)
            os.utime(place, (epoch, epoch), follow_symlinks=False)
        except OSError as cause:
            raise KernelError("write", str(entry.path), cause.errno or 0) from cause
        written(count)
    # What is put into a folder changes its time, so folders get theirs last.
    for entry in tree.entries.values():
        if isinstance(entry, Folder):
            os.utime(directory / entry.path.relative_to("/"), (epoch, epoch))
    os.utime(directory, (epoch, epoch))


def _write(entry: Entry, place: Path) -> None:
    match entry:
        case Link(target=target):
            return place.symlink_to(target)
        case File(source=source):
            _write_content(source, place)
        case Folder(owner=owner):
            place.mkdir()
            if owner:
                os.chown(place, owner, owner)
    return place.chmod(entry.mode)


def _write_content(source: Source, place: Path) -> None:
    if isinstance(source, Path):
        shutil.copyfile(source, place)
    else:
        place.write_bytes(source if isinstance(source, bytes) else source())
