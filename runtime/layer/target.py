"""A directory being filled from a tar, from which nothing escapes.

A tar is written by a stranger. It may name `../../etc/passwd`, or make `etc` a symbolic link
to the host's and then write `etc/passwd`. So names are taken apart here and nowhere else, parents
are opened by the kernel beneath the target without following any link (`open_beneath`), and the
last component is created anew relative to its parent's descriptor: never opened, never followed.

Two kinds of directory have more to say, each in a file of its own: a layer for overlayfs
(`layer_target`), and a directory inside a container that may run (`container_target`).

Rule: every system call that names something takes a directory descriptor below the target.
image-spec: layer.md "Applying Changesets"; CWE-22, CWE-59
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from runtime.errors import Conflict, InvalidInput, KernelError, UnsafePath
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.limits import DEFAULT
from runtime.linux import tree
from runtime.linux.files import open_beneath

_T = TypeVar("_T")
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_BENEATH = os.O_RDONLY | os.O_DIRECTORY  # open_beneath itself says ELOOP to a link
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_PATH_BYTES = 4095  # PATH_MAX without the final zero

_FORMATS = {
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
    EntryKind.FIFO: stat.S_IFIFO,
}


class Target:
    """`directory`: `with Target(directory) as target: target.place(entry, content)`.

    With an `owner` (uid, gid) all that is placed belongs to it. If it is `powerless`, too, then
    what only the owner whom the tar names could give is left out: set-user-ID bits and file
    capabilities. With `keeps_kinds` no file replaces a directory, and no directory a file.
    """

    def __init__(
        self,
        directory: Path,
        depth_limit: int = DEFAULT.depth,
        *,
        owner: tuple[int, int] | None = None,
        keeps_kinds: bool = False,
        powerless: bool = False,
    ) -> None:
        self._directory = directory
        self._depth_limit = depth_limit
        self._owner = owner
        self._keeps_kinds = keeps_kinds
        self._powerless = powerless

    def __enter__(self) -> Self:
        self._root = self._open_root()
        # Entries come directory by directory: the last parent is nearly always the next one. It
        # cannot go stale, because an entry only ever replaces things below its own parent.
        self._parent_name = b""
        self._parent = os.dup(self._root)
        # A directory's mtime changes with its content, so it is set when all is there.
        self._mtimes: dict[tuple[bytes, ...], int] = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._set_directory_times()
        finally:
            os.close(self._parent)
            os.close(self._root)

    def place(self, entry: Entry, content: Iterable[bytes]) -> None:
        """Make what `entry` describes, replacing what an earlier entry made under its name.

        Raises UnsafePath when the name leads outside, InvalidInput when it cannot be made, and
        KernelError (ENOSPC: the disk is full).
        """
        parts = self._checked(entry.name)
        if self._owner is not None:
            entry = replace(entry, uid=self._owner[0], gid=self._owner[1])
            entry = _without_power(entry) if self._powerless else entry
        try:
            if parts:
                self._place(parts, entry, content)
            else:
                self._describe_root(entry)
        except KernelError:
            raise
        except OSError as cause:
            raise KernelError("unpack", repr(os.fsdecode(entry.name)), cause.errno or 0) from cause

    def _open_root(self) -> int:
        return os.open(self._directory, DIRECTORY)

    # ── Names ────────────────────────────────────────────────────────────────────────────────

    def _checked(self, name: bytes) -> tuple[bytes, ...]:
        """The components of a name from the archive; none for the target itself (`.` or `/`)."""
        parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
        if b".." in parts or b"\0" in name or (parts and name.startswith(b"/")):
            raise UnsafePath(
                "the layer names {name!r}, which leads outside of it",
                hint="do not use this image: it was made to attack its host, or is damaged",
                name=os.fsdecode(name),
            )
        if len(parts) > self._depth_limit or len(name) > _PATH_BYTES:
            raise InvalidInput(
                "the layer names a file {depth} levels deep by {length} bytes: too much",
                depth=len(parts),
                length=len(name),
            )
        return parts

    def _open_parent(self, parts: tuple[bytes, ...]) -> int:
        """The directory that holds `parts`, made if it is missing. It stays open until the next."""
        name = b"/".join(parts[:-1])
        if name != self._parent_name:
            descriptor = self._open_directory(parts[:-1])
            os.close(self._parent)
            self._parent, self._parent_name = descriptor, name
        return self._parent

    def _open_directory(self, parts: tuple[bytes, ...]) -> int:
        try:
            return self._open_below(parts)
        except KernelError as failure:
            if failure.errno not in (ENOENT, ENOTDIR, ELOOP):
                raise
        return self._make_directories(parts)

    def _open_below(self, parts: tuple[bytes, ...]) -> int:
        """A directory that is there. Raises KernelError."""
        return open_beneath(self._root, b"/".join(parts) or b".", _BENEATH)

    def _make_directories(self, parts: tuple[bytes, ...]) -> int:
        """Open the directory `parts`, making what the archive does not mention: 0755."""
        descriptor = os.dup(self._root)
        for depth, part in enumerate(parts, start=1):
            try:
                below = self._make_directory(descriptor, part, parts[:depth])
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor

    def _make_directory(self, parent: int, name: bytes, parts: tuple[bytes, ...]) -> int:
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            return self._open_existing(parent, name, parts)
        descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        os.fchmod(descriptor, 0o755)  # mkdir's mode went through the umask
        return descriptor

    def _open_existing(self, parent: int, name: bytes, parts: tuple[bytes, ...]) -> int:
        """What stands where a directory is needed. Raises UnsafePath when it is none."""
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            raise UnsafePath(
                "the layer writes through {name!r}, which is not a directory",
                hint="do not use this image: it was made to attack its host, or is damaged",
                name=os.fsdecode(b"/".join(parts)),
            )
        return os.open(name, DIRECTORY, dir_fd=parent)

    # ── Files ────────────────────────────────────────────────────────────────────────────────

    def _place(self, parts: tuple[bytes, ...], entry: Entry, content: Iterable[bytes]) -> None:
        parent, name = self._open_parent(parts), parts[-1]
        match entry.kind:
            case EntryKind.FILE:
                self._write_file(parent, name, entry, content)
            case EntryKind.DIRECTORY:
                self._mtimes[parts] = entry.mtime_ns
                self._place_directory(parent, name, entry)
            case EntryKind.HARD_LINK:
                self._link(parent, name, parts, entry)
            case EntryKind.SYMLINK:
                self._replacing(parent, name, lambda: os.symlink(entry.link, name, dir_fd=parent))
                _describe_node(parent, name, entry)
            case _:
                mode, device = _FORMATS[entry.kind] | 0o600, os.makedev(*entry.device)
                self._replacing(parent, name, lambda: os.mknod(name, mode, device, dir_fd=parent))
                _describe_node(parent, name, entry)

    def _write_file(self, parent: int, name: bytes, entry: Entry, content: Iterable[bytes]) -> None:
        descriptor = self._replacing(
            parent, name, lambda: os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        )
        try:
            for chunk in content:
                _write_all(descriptor, chunk)
            _describe(descriptor, entry)
        finally:
            os.close(descriptor)

    def _place_directory(self, parent: int, name: bytes, entry: Entry) -> None:
        """Make a directory; one that is there keeps its content, as every tar does it."""
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                self._replace_by_directory(parent, name)
        descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        try:
            _describe(descriptor, entry)
        finally:
            os.close(descriptor)

    def _replace_by_directory(self, parent: int, name: bytes) -> None:
        if self._keeps_kinds:
            raise Conflict("a directory does not replace a file: {name}", name=os.fsdecode(name))
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, 0o700, dir_fd=parent)

    def _link(self, parent: int, name: bytes, parts: tuple[bytes, ...], entry: Entry) -> None:
        """A second name for a file of this layer; for one of another layer there is no way."""
        target = self._checked(entry.link)
        if not target or target == parts:
            raise _no_link_target(entry)
        source = self._open_link_source(target[:-1], entry)
        try:
            self._replacing(
                parent,
                name,
                lambda: os.link(
                    target[-1], name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False
                ),
            )
        except (FileNotFoundError, PermissionError) as cause:  # EPERM: it is a directory
            raise _no_link_target(entry) from cause
        finally:
            os.close(source)

    def _open_link_source(self, parts: tuple[bytes, ...], entry: Entry) -> int:
        try:
            return self._open_below(parts)
        except KernelError as cause:
            if cause.errno == ELOOP:
                raise UnsafePath(
                    "the layer links {name!r} to {target!r}, which is behind a symbolic link",
                    hint="do not use this image: it was made to attack its host, or is damaged",
                    name=os.fsdecode(entry.name),
                    target=os.fsdecode(entry.link),
                ) from cause
            raise _no_link_target(entry) from cause

    def _replacing(self, parent: int, name: bytes, make: Callable[[], _T]) -> _T:
        """What `make` makes; if something is there already, in its place."""
        try:
            return make()
        except FileExistsError:
            self._remove(parent, name)
            return make()

    def _remove(self, parent: int, name: bytes) -> None:
        try:
            os.unlink(name, dir_fd=parent)
        except IsADirectoryError:
            if self._keeps_kinds:
                raise Conflict(
                    "a file does not replace a directory: {name}", name=os.fsdecode(name)
                ) from None
            tree.delete(os.fsdecode(name), dir_fd=parent)

    # ── Metadata ─────────────────────────────────────────────────────────────────────────────

    def _describe_root(self, entry: Entry) -> None:
        if entry.kind is not EntryKind.DIRECTORY:
            raise UnsafePath("the layer replaces its own root by a file")
        self._mtimes[()] = entry.mtime_ns
        _describe(self._root, entry)

    def _set_directory_times(self) -> None:
        for parts, mtime_ns in self._mtimes.items():
            try:
                descriptor = self._open_below(parts)
            except KernelError as failure:
                if failure.errno not in (ENOENT, ENOTDIR, ELOOP):
                    raise
                continue  # a later entry has replaced the directory by something else
            try:
                os.utime(descriptor, ns=(mtime_ns, mtime_ns))
            finally:
                os.close(descriptor)


def _no_link_target(entry: Entry) -> InvalidInput:
    return InvalidInput(
        "the layer links {name!r} to {target!r}, which is no file of this layer",
        name=os.fsdecode(entry.name),
        target=os.fsdecode(entry.link),
    )


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def _without_power(entry: Entry) -> Entry:
    xattrs = {name: value for name, value in entry.xattrs.items() if name.startswith("user.")}
    return replace(entry, mode=entry.mode & ~(stat.S_ISUID | stat.S_ISGID), xattrs=xattrs)


def _describe(descriptor: int, entry: Entry) -> None:
    """Owner, mode, attributes, time. In this order: chown takes setuid bits and capabilities."""
    os.fchown(descriptor, entry.uid, entry.gid)
    os.fchmod(descriptor, entry.mode)
    for name, value in entry.xattrs.items():
        os.setxattr(descriptor, name, value)
    os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def _describe_node(parent: int, name: bytes, entry: Entry) -> None:
    """The same for what must not be opened: links, devices, pipes."""
    os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
    if entry.kind is not EntryKind.SYMLINK:  # a link has no mode
        _chmod_node(parent, name, entry.mode)
    times = (entry.mtime_ns, entry.mtime_ns)
    os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)


def _chmod_node(parent: int, name: bytes, mode: int) -> None:
    """chmod would follow a link that was put in the node's place; this is the node itself."""
    node = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{node}").chmod(mode)
    finally:
        os.close(node)
