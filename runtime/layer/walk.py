"""Walking a tree that somebody else may be changing, without ever leaving it.

Between looking at a path and opening it, a running container may put a symbolic link in its
place that leads to the host. So nothing is opened by a path here: directories are opened by the
kernel beneath the root without following any link (`open_beneath`), files by their own name in
an open directory. What vanishes meanwhile is passed over.

The order is always the same: parents before what is in them, then by the bytes of the name.

Rule: this file reads names and attributes, and one directory is open at a time.
man 2 openat2, man 7 path_resolution
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path, PurePosixPath

from runtime.errors import KernelError
from runtime.linux.files import open_beneath

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_GONE = (ENOENT, ENOTDIR, ELOOP)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a tree: its relative `name`, and what lstat said about it.

    `directory` is the open directory that holds it, valid until the walk goes on.
    """

    name: bytes
    status: os.stat_result = field(repr=False, compare=False)
    directory: int = field(repr=False, compare=False)

    @property
    def base(self) -> bytes:
        """The last part of the name."""
        return self.name.rpartition(b"/")[2] or b"."

    @property
    def path(self) -> PurePosixPath:
        """The path as a container sees it whose root is the tree."""
        return PurePosixPath("/" + os.fsdecode(self.name))

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    def open(self, flags: int = os.O_RDONLY) -> int:
        """A descriptor of the file itself: a link in its place raises OSError, a pipe does not
        make anybody wait.
        """
        more = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self.base, flags | more, dir_fd=self.directory)

    def readlink(self) -> bytes:
        """Where a symbolic link points."""
        return os.readlink(self.base, dir_fd=self.directory)


class Tree:
    """The files below a directory: `with Tree(path) as tree: tree.walk()`.

    A descriptor is taken over as it is; it is closed at the end.
    """

    def __init__(self, root: Path | int) -> None:
        self._root = root if isinstance(root, int) else _open_root(root)
        self._open_name = b""
        self._open = os.open(".", DIRECTORY | os.O_CLOEXEC, dir_fd=self._root)

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._open)
        os.close(self._root)

    def walk(
        self, begin: bytes = b"", first: Callable[[os.stat_result], bool] | None = None
    ) -> Iterator[Found]:
        """Everything below the directory `begin`, which is not among it.

        In each directory those come `first` of which that is true.
        """
        waiting = self._below(begin, first)
        while waiting:
            name, status = waiting.pop()
            with contextlib.suppress(_Gone):
                yield Found(name, status, self._directory(name.rpartition(b"/")[0]))
                if stat.S_ISDIR(status.st_mode):
                    waiting += self._below(name, first)

    def find(self, name: bytes) -> Found | None:
        """What has exactly this name, no link followed; None if nothing has.

        Raises KernelError.
        """
        try:
            directory = self._directory(name.rpartition(b"/")[0])
            base = name.rpartition(b"/")[2] or b"."
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
        except (_Gone, FileNotFoundError):
            return None
        except OSError as cause:
            raise KernelError("stat", os.fsdecode(name), cause.errno or 0) from cause
        return Found(name, status, directory)

    def names(self, directory: bytes) -> frozenset[bytes]:
        """What the directory has in it."""
        try:
            return frozenset(map(os.fsencode, os.listdir(self._directory(directory))))
        except _Gone:
            return frozenset()

    def _below(
        self, directory: bytes, first: Callable[[os.stat_result], bool] | None
    ) -> list[tuple[bytes, os.stat_result]]:
        """What is in a directory, last one first: a stack to pop from."""
        try:
            with os.scandir(self._directory(directory)) as entries:
                found = list(_described(entries, directory + b"/" if directory else b""))
        except _Gone:
            return []
        except OSError as cause:
            raise KernelError("read", os.fsdecode(directory), cause.errno or 0) from cause
        found.sort(key=lambda each: (first is not None and not first(each[1]), each[0]))
        return found[::-1]

    def _directory(self, name: bytes) -> int:
        """The directory, open until the next one is asked for. Raises _Gone."""
        if name != self._open_name:
            try:
                descriptor = open_beneath(self._root, name or b".", DIRECTORY)
            except KernelError as failure:
                if failure.errno in _GONE:
                    raise _Gone from failure
                raise
            os.close(self._open)
            self._open, self._open_name = descriptor, name
        return self._open


class _Gone(Exception):
    """There is no such directory any more."""


def _open_root(path: Path) -> int:
    try:
        return os.open(path, DIRECTORY | os.O_CLOEXEC)
    except OSError as cause:
        raise KernelError("read", str(path), cause.errno or 0) from cause


def _described(
    entries: Iterator[os.DirEntry[str]], prefix: bytes
) -> Iterator[tuple[bytes, os.stat_result]]:
    for entry in entries:
        with contextlib.suppress(FileNotFoundError):
            yield prefix + os.fsencode(entry.name), entry.stat(follow_symlinks=False)
