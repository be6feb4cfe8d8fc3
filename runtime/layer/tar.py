"""Writing layers: changes in, a tar out, the same bytes for the same tree.

    changes_of_upper(directory) ──▶ write_layer ──▶ ContentStore.writer()

Nothing is held in memory but the names of files with several links. What would differ between
two machines is not written: user names, access times, device and inode numbers, host-only
extended attributes. With an epoch, neither are times: a checkout's mtimes are not content.

image-spec: layer.md; reproducible-builds.org/docs/archives
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from runtime.errors import Conflict, HostLacks, InvalidInput, KernelError
from runtime.layer.change import Change, ChangeKind
from runtime.layer.diff import changes_of_upper
from runtime.layer.entry import Entry, EntryKind, is_content
from runtime.layer.header import END_OF_ARCHIVE, encode, padding
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
    epoch_ns = None if epoch is None else epoch * _SECOND_NS
    names: dict[tuple[int, int], bytes] = {}
    for change in changes:
        if change.kind is ChangeKind.DELETED:
            directory, slash, name = change.name.rpartition(b"/")
            out.write(encode(_mark(directory + slash + whiteout_name(name), epoch_ns)))
        elif not stat.S_ISSOCK(change.status.st_mode):
            _write_present(change, out, epoch_ns, names)
    out.write(END_OF_ARCHIVE)


def _write_present(
    change: Change, out: Sink, epoch_ns: int | None, names: dict[tuple[int, int], bytes]
) -> None:
    try:
        entry = _entry(change, epoch_ns, _first_name(change, names))
        out.write(encode(entry))
        if entry.size:
            _write_content(change, entry.size, out)
        if change.opaque:
            # Right after its directory, so that it stands before everything it does not hide.
            out.write(encode(_mark(change.name + b"/" + OPAQUE, epoch_ns)))
    except KernelError:
        raise
    except OSError as cause:
        raise KernelError("read", os.fsdecode(change.source), cause.errno or 0) from cause


def _first_name(change: Change, names: dict[tuple[int, int], bytes]) -> bytes | None:
    """Under which name this very inode was written before, if it was: then it is a hard link."""
    status = change.status
    if status.st_nlink < 2 or stat.S_ISDIR(status.st_mode):
        return None
    first = names.setdefault((status.st_dev, status.st_ino), change.name)
    return None if first == change.name else first


def _entry(change: Change, epoch_ns: int | None, first_name: bytes | None) -> Entry:
    if change.name.rpartition(b"/")[2].startswith(PREFIX):
        raise InvalidInput(
            "{path}: a name that begins with .wh. cannot be stored in a layer", path=change.path
        )
    status = change.status
    kind = EntryKind.HARD_LINK if first_name else _KINDS[stat.S_IFMT(status.st_mode)]
    link = first_name or (_readlink(change.source) if kind is EntryKind.SYMLINK else b"")
    is_device = kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
    return Entry(
        name=change.name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns if epoch_ns is None else epoch_ns,
        size=status.st_size if kind is EntryKind.FILE else 0,
        link=link,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else (0, 0),
        xattrs=_xattrs(change.source) if kind in _WITH_XATTRS else {},
    )


def _readlink(path: bytes) -> bytes:
    return os.readlink(path)  # noqa: PTH115 - names are bytes, a Path is text


# The kernel permits user.* and security.capability on these only (man 7 xattr).
_WITH_XATTRS = (EntryKind.FILE, EntryKind.DIRECTORY)

# With redirect_dir or metacopy on, overlayfs leaves a pointer where the content should be.
_POINTERS = frozenset(
    f"{namespace}.overlay.{mark}"
    for namespace in ("trusted", "user")
    for mark in ("redirect", "metacopy")
)


def _xattrs(path: bytes) -> dict[str, bytes]:
    names = os.listxattr(path, follow_symlinks=False)
    if pointers := _POINTERS.intersection(names):
        raise HostLacks(
            "{path} is not all there: overlayfs has left the rest in a lower layer",
            feature="overlay without redirect_dir and metacopy",
            evidence=", ".join(sorted(pointers)),
            hint="mount the overlay with redirect_dir=off,metacopy=off",
            path=os.fsdecode(path),
        )
    return {
        name: os.getxattr(path, name, follow_symlinks=False) for name in names if is_content(name)
    }


def _write_content(change: Change, size: int, out: Sink) -> None:
    """Exactly the `size` bytes that the header has promised, and their padding."""
    descriptor = os.open(change.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        left = size
        while left:
            chunk = os.read(descriptor, min(left, _CHUNK_BYTES))
            if not chunk:
                raise Conflict("{path} became shorter while it was read", path=change.path)
            out.write(chunk)
            left -= len(chunk)
    finally:
        os.close(descriptor)
    out.write(padding(size))


def _mark(name: bytes, epoch_ns: int | None) -> Entry:
    """A whiteout: an empty file, the same whenever and by whomever it is written."""
    return Entry(name, EntryKind.FILE, mtime_ns=epoch_ns or 0)
