"""Writing tars: changes in, a layer out, the same bytes for the same tree.

    changes_of_upper(directory) ──▶ write_layer ──▶ ContentStore.writer()
    Tree.walk()                 ──▶ tar_of_files ──▶ `export`, `cp`

Nothing is held in memory but the names of files with several links. What would differ between
two machines is not written: user names, access times, device and inode numbers, host-only
extended attributes. With an epoch, neither are times: a checkout's mtimes are not content.

Holes of sparse files are written as zeros: layers know none (image-spec: layer.md).

image-spec: layer.md; reproducible-builds.org/docs/archives
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from errno import ENOTSUP
from pathlib import Path
from typing import Protocol

from runtime.errors import Conflict, HostLacks, InvalidInput, KernelError
from runtime.layer.change import Change, ChangeKind
from runtime.layer.diff import changes_of_upper
from runtime.layer.entry import Entry, EntryKind, is_content
from runtime.layer.header import END_OF_ARCHIVE, encode, padding
from runtime.layer.walk import DIRECTORY, Found
from runtime.layer.whiteout import OPAQUE, PREFIX, whiteout_name

_CHUNK_BYTES = 1 << 20
_SECOND_NS = 1_000_000_000

_KINDS = {
    stat.S_IFREG: EntryKind.FILE,
    stat.S_IFDIR: EntryKind.DIRECTORY,
    stat.S_IFLNK: EntryKind.SYMLINK,
    stat.S_IFCHR: EntryKind.CHARACTER_DEVICE,
    stat.S_IFBLK: EntryKind.BLOCK_DEVICE,
    stat.S_IFIFO: EntryKind.FIFO,
}


class Sink(Protocol):
    """Anything that takes bytes: a file, a blob's Writer, a hash with a `write`."""

    def write(self, data: bytes, /) -> object: ...


def tree_layer(root: Path, out: Sink, *, epoch: int | None) -> None:
    """Write all of `root` as a layer: the lowest one of an image. Raises like `write_layer`."""
    write_layer(changes_of_upper(root), out, epoch=epoch)


def write_layer(changes: Iterable[Change], out: Sink, *, epoch: int | None) -> None:
    """Write `changes` as a tar, in their order.

    `epoch` (seconds since 1970) is every entry's mtime; None keeps the files' own, to the
    nanosecond. Sockets are left out, as everywhere: they mean nothing to another process.

    Raises Conflict when a file changes while it is read, InvalidInput for a name that is
    reserved for whiteouts, HostLacks when overlayfs has kept part of a file elsewhere, KernelError.
    """
    for chunk in _layer(changes, None if epoch is None else epoch * _SECOND_NS):
        out.write(chunk)


def tar_of_files(files: Iterable[tuple[bytes, Found]]) -> Iterator[bytes]:
    """A plain tar of files as they are, each under the name it is given; in pieces, as they are
    read. Sockets are left out. Raises Conflict, KernelError.
    """
    names = _FirstNames()
    for name, found in files:
        if not stat.S_ISSOCK(found.status.st_mode):
            yield from _file(found, name, None, names)
    yield END_OF_ARCHIVE


def _layer(changes: Iterable[Change], epoch_ns: int | None) -> Iterator[bytes]:
    names = _FirstNames()
    for change in changes:
        if change.kind is ChangeKind.DELETED:
            directory, slash, name = change.name.rpartition(b"/")
            yield encode(_mark(directory + slash + whiteout_name(name), epoch_ns))
        elif not stat.S_ISSOCK(change.status.st_mode):
            if change.file.base.startswith(PREFIX):
                raise InvalidInput(
                    "{path}: a name that begins with .wh. cannot be stored in a layer",
                    path=change.path,
                )
            yield from _file(change.file, change.name, epoch_ns, names)
            if change.opaque:
                # Right after its directory, so that it stands before everything it does not hide.
                yield encode(_mark(change.name + b"/" + OPAQUE, epoch_ns))
    yield END_OF_ARCHIVE


class _FirstNames:
    """Under which name an inode with several links was written first."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], bytes] = {}

    def of(self, status: os.stat_result, name: bytes) -> bytes:
        """That name, if `name` is another one: then it is a hard link. Else nothing."""
        if status.st_nlink < 2 or stat.S_ISDIR(status.st_mode):
            return b""
        first = self._names.setdefault((status.st_dev, status.st_ino), name)
        return b"" if first == name else first


def _file(found: Found, name: bytes, epoch_ns: int | None, names: _FirstNames) -> Iterator[bytes]:
    """A file's header and content."""
    try:
        entry = _entry(found, name, epoch_ns)
        if first := names.of(found.status, name):
            yield encode(replace(entry, kind=EntryKind.HARD_LINK, link=first, size=0))
        elif entry.kind is EntryKind.FILE:
            yield from _regular(found, entry)
        elif entry.kind is EntryKind.DIRECTORY:
            yield encode(replace(entry, xattrs=_xattrs_of_directory(found)))
        else:
            yield encode(entry)
    except KernelError:
        raise
    except OSError as cause:
        raise KernelError("read", str(found.path), cause.errno or 0) from cause


def _entry(found: Found, name: bytes, epoch_ns: int | None) -> Entry:
    status = found.status
    kind = _KINDS[stat.S_IFMT(status.st_mode)]
    is_device = kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
    return Entry(
        name=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns if epoch_ns is None else epoch_ns,
        link=found.readlink() if kind is EntryKind.SYMLINK else b"",
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else (0, 0),
    )


def _regular(found: Found, entry: Entry) -> Iterator[bytes]:
    """Exactly the bytes that the header promises, and their padding."""
    descriptor = found.open()
    try:
        now = os.fstat(descriptor)
        if (now.st_dev, now.st_ino) != (found.status.st_dev, found.status.st_ino):
            raise Conflict("{path} was replaced while it was read", path=found.path)
        size = left = now.st_size
        yield encode(replace(entry, size=size, xattrs=_xattrs(descriptor, found)))
        while left:
            chunk = os.read(descriptor, min(left, _CHUNK_BYTES))
            if not chunk:
                raise Conflict("{path} became shorter while it was read", path=found.path)
            yield chunk
            left -= len(chunk)
    finally:
        os.close(descriptor)
    yield padding(size)


def _xattrs_of_directory(found: Found) -> dict[str, bytes]:
    descriptor = found.open(DIRECTORY)
    try:
        return _xattrs(descriptor, found)
    finally:
        os.close(descriptor)


# With redirect_dir or metacopy on, overlayfs leaves a pointer where the content should be.
_POINTERS = frozenset(
    f"{namespace}.overlay.{mark}"
    for namespace in ("trusted", "user")
    for mark in ("redirect", "metacopy")
)


def _xattrs(descriptor: int, found: Found) -> dict[str, bytes]:
    """The kernel permits user.* and security.capability on files and directories only
    (man 7 xattr).
    """
    try:
        names = os.listxattr(descriptor)
    except OSError as error:
        if error.errno != ENOTSUP:
            raise
        return {}  # a file system without any
    if pointers := _POINTERS.intersection(names):
        raise HostLacks(
            "{path} is not all there: overlayfs has left the rest in a lower layer",
            feature="overlay without redirect_dir and metacopy",
            evidence=", ".join(sorted(pointers)),
            hint="mount the overlay with redirect_dir=off,metacopy=off",
            path=found.path,
        )
    return {name: os.getxattr(descriptor, name) for name in names if is_content(name)}


def _mark(name: bytes, epoch_ns: int | None) -> Entry:
    """A whiteout: an empty file, the same whenever and by whomever it is written."""
    return Entry(name, EntryKind.FILE, mtime_ns=epoch_ns or 0)
