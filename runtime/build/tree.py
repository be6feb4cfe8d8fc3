"""An image's files, read from its layers without mounting them.

Overlayfs shows a pile of directories as one tree. The rules are few, and here they are in
Python: the newest layer that has a name wins; a whiteout says that there is nothing; directories
of one name merge, down to an opaque one. On top of them, paths are resolved as the kernel would
resolve them *inside* the image: its links are followed, and none leads out of it.

Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"; man 7 path_resolution
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runtime.errors import UnsafePath
from runtime.layer.whiteout import is_opaque, is_whiteout
from runtime.snapshot.overlay import Overlay

MAXIMUM_LINKS = 40
"""Symbolic links that one path may lead through: the kernel's limit."""

ROOT = PurePosixPath("/")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of the image: those of the layers that merge into it, newest first."""

    layers: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name means: `host` is where it lies, in the newest layer that has it."""

    host: Path
    status: os.stat_result
    directory: Directory | None = None

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A path without links, and what is there (None: nothing yet)."""

    path: PurePosixPath
    entry: Entry | None

    @property
    def is_directory(self) -> bool:
        return self.entry is not None and self.entry.directory is not None


@dataclass(frozen=True, slots=True)
class ImageTree:
    """The merged view of `layers`, newest first."""

    layers: tuple[Path, ...]

    @classmethod
    def of(cls, overlay: Overlay) -> ImageTree:
        """What a container on this overlay would see, without any mounts in it."""
        return cls((overlay.upper, *overlay.lower) if overlay.upper else overlay.lower)

    def resolve(self, path: PurePosixPath, *, follow_last: bool = True) -> Resolved:
        """Where an absolute path leads, links followed inside the image only.

        What does not exist has no links, so the rest of the path is taken as it is.
        Raises NotADirectoryError when a file stands in the way, UnsafePath for links in a circle.
        """
        pending = [*reversed(path.parts[1:])]
        trail = [Resolved(ROOT, self._root())]
        links = 0
        while pending:
            name = pending.pop()
            if name == "..":
                trail = trail[:-1] or trail
                continue
            here = trail[-1]
            entry = self._child(here, name)
            if entry and entry.is_link and (pending or follow_last):
                links += 1
                if links > MAXIMUM_LINKS:
                    raise UnsafePath(
                        "{path} leads through too many symbolic links in the image", path=path
                    )
                target = PurePosixPath(entry.host.readlink())
                if target.is_absolute():
                    trail = trail[:1]
                pending += (part for part in reversed(target.parts) if part != "/")
            else:
                trail.append(Resolved(here.path / name, entry))
        return trail[-1]

    def names(self, directory: Directory) -> list[str]:
        """What a merged directory shows, sorted."""
        names = {name for layer in directory.layers for name in os.listdir(layer)}
        return [name for name in sorted(names) if lookup(directory, name)]

    def read_text(self, path: PurePosixPath) -> str:
        """A text file's content; "" if there is none: an image need not have /etc/passwd."""
        with contextlib.suppress(OSError):
            found = self.resolve(path).entry
            if found and stat.S_ISREG(found.status.st_mode):
                return found.host.read_text(errors="replace")
        return ""

    def _root(self) -> Entry:
        newest = self.layers[0] if self.layers else Path("/nonexistent")
        status = os.lstat(newest) if self.layers else os.stat_result([stat.S_IFDIR, *[0] * 9])
        return Entry(newest, status, Directory(self.layers))

    def _child(self, parent: Resolved, name: str) -> Entry | None:
        if parent.entry is None:
            return None
        if parent.entry.directory is None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(parent.path))
        return lookup(parent.entry.directory, name)


def lookup(directory: Directory, name: str) -> Entry | None:
    """What `name` is in a merged directory: overlayfs's rules, from the newest layer down."""
    merged: list[Path] = []
    for layer in directory.layers:
        host = layer / name
        try:
            status = os.lstat(host)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            if merged or is_whiteout(status):
                break
            return Entry(host, status)
        merged.append(host)
        if is_opaque(os.fsencode(host)):
            break
    return Entry(merged[0], os.lstat(merged[0]), Directory(tuple(merged))) if merged else None
