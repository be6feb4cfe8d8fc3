"""A directory inside a container, being filled while the container may be running.

What is written to is whatever the container's `/` shows, and its processes may change it at any
moment: a directory that was looked at is a symbolic link when it is used. So every parent is
opened by the kernel as if the container's root were `/` (`open_in_root`): links are followed as
a program inside would follow them, and none of them leads out.

man 2 openat2, RESOLVE_IN_ROOT; docker cp
"""

from __future__ import annotations

import os
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path

from runtime.errors import Conflict, KernelError, NotFound, UnsafePath
from runtime.layer.entry import Entry
from runtime.layer.limits import DEFAULT
from runtime.layer.target import Target
from runtime.linux.files import open_in_root

_FOLLOWING = os.O_RDONLY | os.O_DIRECTORY


class ContainerTarget(Target):
    """The directory `path` of the file system whose `/` is open as `root`, which stays open."""

    def __init__(
        self,
        root: int,
        path: bytes,
        *,
        owner: tuple[int, int] | None = None,
        keeps_kinds: bool = False,
    ) -> None:
        super().__init__(Path(), DEFAULT.depth, owner=owner, keeps_kinds=keeps_kinds)
        self._container = root
        self._path = path

    def _open_root(self) -> int:
        try:
            return open_in_root(self._container, self._path, _FOLLOWING)
        except KernelError as cause:
            if cause.errno == ENOENT:
                raise NotFound(
                    "there is no {path} in the container", path=os.fsdecode(self._path)
                ) from cause
            if cause.errno in (ENOTDIR, ELOOP):
                raise Conflict(
                    "{path} is no directory in the container", path=os.fsdecode(self._path)
                ) from cause
            raise

    def _open_below(self, parts: tuple[bytes, ...]) -> int:
        return open_in_root(self._container, b"/".join((self._path, *parts)), _FOLLOWING)

    def _open_existing(self, parent: int, name: bytes, parts: tuple[bytes, ...]) -> int:
        try:
            return self._open_below(parts)
        except KernelError as cause:
            raise UnsafePath(
                "the archive writes through {name!r}, which is no directory",
                name=os.fsdecode(b"/".join(parts)),
            ) from cause

    def _open_link_source(self, parts: tuple[bytes, ...], entry: Entry) -> int:
        try:
            return self._open_below(parts)
        except KernelError as cause:
            raise NotFound(
                "there is no {path} in the container", path=os.fsdecode(entry.link)
            ) from cause
