"""Writing into a layer directly: what COPY and WORKDIR do, with no mount and no process.

An overlay's upper directory holds only what differs from the layers below. To put a file into
`/usr/share/app`, its parents must be there too, as copies of the ones below with all their
attributes: overlayfs calls that copy-up and does it by itself in a mounted tree; here it is
ours to do. Paths are resolved beforehand (`tree.resolve`), so no link is ever written through.

Documentation/filesystems/overlayfs.rst, "Non-directories" and "Directories"
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from runtime.build.owner import ROOT, Owner
from runtime.build.tree import Entry, ImageTree
from runtime.layer.entry import is_content
from runtime.snapshot.overlay import Overlay

BLOCK_BYTES = 1 << 20


class Upper:
    """The writable layer of `overlay`. Every path given to it must be resolved."""

    def __init__(self, overlay: Overlay) -> None:
        assert overlay.upper is not None, "a layer is written into a writable snapshot"
        self.directory = overlay.upper
        self.tree = ImageTree.of(overlay)
        self._ready: set[PurePosixPath] = set()

    def make_directories(self, path: PurePosixPath, owner: Owner = ROOT, mode: int = 0o755) -> None:
        """Have a directory at `path` in this layer, and all its parents.

        Those that the image has are copied up as they are; new ones get `owner` and `mode`.
        Raises NotADirectoryError when something else stands there.
        """
        for step in (*reversed(path.parents), path):
            if step not in self._ready:
                self._make_directory(step, owner, mode)
                self._ready.add(step)

    def _make_directory(self, path: PurePosixPath, owner: Owner, mode: int) -> None:
        entry = self.tree.resolve(path, follow_last=False).entry
        host = self._host(path)
        if entry is None:
            host.mkdir()
            os.chown(host, *owner)
            host.chmod(mode)
        elif entry.directory is None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        elif entry.host != host:
            copy_up_directory(entry, host)

    def write_file(
        self,
        path: PurePosixPath,
        source: int,
        *,
        mode: int,
        owner: Owner,
        mtime_ns: int,
        xattrs: Mapping[str, bytes] = MappingProxyType({}),
    ) -> str:
        """Copy the open file `source` to `path`; returns the sha256 of what was copied.

        A file or link that is there is replaced; a directory raises IsADirectoryError.
        """
        host = self._make_room(path)
        digest = hashlib.sha256()
        target = os.open(host, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(target, "wb", buffering=0) as out:
            while block := os.read(source, BLOCK_BYTES):
                digest.update(block)
                out.write(block)
            os.fchown(target, *owner)
            os.fchmod(target, mode)  # after chown, which takes setuid bits and capabilities away
            for name, value in xattrs.items():
                os.setxattr(target, name, value)
            os.utime(target, ns=(mtime_ns, mtime_ns))
        return digest.hexdigest()

    def write_link(self, path: PurePosixPath, target: str, *, owner: Owner, mtime_ns: int) -> None:
        """Make a symbolic link, replacing as `write_file` does."""
        host = self._make_room(path)
        os.symlink(target, host)
        os.chown(host, *owner, follow_symlinks=False)
        os.utime(host, ns=(mtime_ns, mtime_ns), follow_symlinks=False)

    def _make_room(self, path: PurePosixPath) -> Path:
        """Where `path` lies in this layer, with parents, and with nothing there."""
        if self.tree.resolve(path, follow_last=False).is_directory:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        self.make_directories(path.parent)
        host = self._host(path)
        host.unlink(missing_ok=True)
        return host

    def _host(self, path: PurePosixPath) -> Path:
        return self.directory.joinpath(*path.parts[1:])


def copy_up_directory(entry: Entry, host: Path) -> None:
    """Make `host` as an empty copy of a lower directory: mode, owner, time, attributes."""
    host.mkdir(exist_ok=True)
    for name in os.listxattr(entry.host, follow_symlinks=False):
        if is_content(name):
            value = os.getxattr(entry.host, name, follow_symlinks=False)
            os.setxattr(host, name, value, follow_symlinks=False)
    os.chown(host, entry.status.st_uid, entry.status.st_gid)
    host.chmod(stat.S_IMODE(entry.status.st_mode))
    os.utime(host, ns=(entry.status.st_atime_ns, entry.status.st_mtime_ns))


def set_times(directory: Path, epoch: int) -> None:
    """Give everything in a layer the time `epoch` (seconds), contents before directories.

    A later RUN may read these times and write them into files (Python's .pyc do), so it is not
    enough that the tar says so.
    """
    for folder, directories, files in os.walk(directory, topdown=False):
        for name in (*directories, *files, "."):
            with contextlib.suppress(FileNotFoundError):
                os.utime(os.path.join(folder, name), (epoch, epoch), follow_symlinks=False)
