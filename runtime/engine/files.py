"""Files of one container, in and out as a tar: docker's archive API, and export.

A path is one inside the container. It is cleaned as text first (`a/../b` is `b`), links on the
way are followed as the container would, and the last part is taken as it is, except with a slash
or `/.` behind it: then it is the directory it leads to. Moby daemon/archive.go.

What `stat` is told of a path has the names of docker's X-Docker-Container-Path-Stat.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from runtime.container.records import Records
from runtime.container.root import open_root
from runtime.errors import Conflict, KernelError, NotFound
from runtime.layer.compression import decompressed
from runtime.layer.container_target import ContainerTarget
from runtime.layer.reader import entries
from runtime.layer.tar import tar_of_files
from runtime.layer.walk import DIRECTORY, Found, Tree
from runtime.linux.files import open_in_root

_GO_MODES = {  # os.FileMode of Go's standard library
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}
_GO_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}

Archive = tuple[Generator[bytes, None, None], dict[str, Any]]


def get_archive(records: Records, container_id: str, path: str) -> Archive:
    """A file or directory as a tar, in pieces, and what it is: `Container.get_archive`."""
    held = contextlib.ExitStack()
    try:
        root = held.enter_context(open_root(records, container_id))
        clean = cleaned(path)
        with _said_of(path):
            tree = held.enter_context(Tree(_open_parent(root, clean)))
            found = tree.find(os.fsencode(posixpath.basename(clean) or "."))
        if found is None:
            raise _nothing(path)
        described = _described(clean, found)
    except BaseException:
        held.close()
        raise
    name = os.fsencode(posixpath.basename(clean.rstrip("/")) or ".")
    pieces = _pieces(held, tree, name, found)
    next(pieces)
    return pieces, described


def _pieces(
    held: contextlib.ExitStack, tree: Tree, name: bytes, found: Found
) -> Generator[bytes, None, None]:
    """Begins with nothing: only a generator that has begun cleans up when nobody wants it."""
    with held:
        yield b""
        yield from tar_of_files(_files(tree, name, found))


def _files(tree: Tree, name: bytes, found: Found) -> Iterator[tuple[bytes, Found]]:
    """It and all below it, under `name`, which is "." for what the container calls `DIR/.`."""
    yield name, found
    if found.is_directory:
        begin = b"" if found.base == b"." else found.base
        for each in tree.walk(begin):
            yield name + b"/" + each.name[len(begin) :].lstrip(b"/"), each


def describe(records: Records, container_id: str, path: str) -> dict[str, Any]:
    """What is at the path, as `get_archive` says it. Raises NotFound."""
    pieces, described = get_archive(records, container_id, path)
    pieces.close()
    return described


def put_archive(
    records: Records,
    container_id: str,
    path: str,
    stream: BinaryIO,
    *,
    owner: tuple[int, int] | None = None,
    keeps_kinds: bool = False,
) -> None:
    """Unpack a tar, compressed or not, in a directory of the container: `Container.put_archive`."""
    with (
        open_root(records, container_id) as root,
        _said_of(path),
        ContainerTarget(
            root, os.fsencode(cleaned(path)), owner=owner, keeps_kinds=keeps_kinds
        ) as target,
    ):
        for entry, content in entries(decompressed(stream)):
            target.place(entry, content)


def export(records: Records, container_id: str) -> Iterator[bytes]:
    """The container's own file system, without what is mounted in it, as a tar in pieces."""
    with open_root(records, container_id, with_mounts=False) as root, Tree(os.dup(root)) as tree:
        yield from tar_of_files((each.name, each) for each in tree.walk())


def cleaned(path: str) -> str:
    """An absolute path without `.` and `..`; that it ended with `/` or `/.` still shows. What the
    kernel has no way to say is not there.
    """
    if "\0" in path:
        raise _nothing(path)
    text = "/" + posixpath.normpath("/" + path).lstrip("/")
    if path.endswith("/.") or path == ".":
        return posixpath.join(text, ".")
    return posixpath.join(text, "") if path.endswith("/") else text


def _open_parent(root: int, path: str) -> int:
    """The directory that holds what `path` names; with a slash behind it, it itself."""
    directory = posixpath.dirname(path)
    return open_in_root(root, os.fsencode(directory), DIRECTORY)


def _described(path: str, found: Found) -> dict[str, Any]:
    status = found.status
    seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "name": posixpath.basename(path.rstrip("/")) or "/",
        "size": status.st_size,
        "mode": go_mode(status.st_mode),
        "mtime": f"{moment}.{nanoseconds:09d}Z",
        "linkTarget": _link_target(path, found),
    }


def _link_target(path: str, found: Found) -> str:
    """Where a link leads, as an absolute path of the container."""
    if not stat.S_ISLNK(found.status.st_mode):
        return ""
    target = os.fsdecode(found.readlink())
    return cleaned(posixpath.join(posixpath.dirname(path), target))


def go_mode(mode: int) -> int:
    """A mode as Go counts it."""
    bits = sum(go for bit, go in _GO_BITS.items() if mode & bit)
    return stat.S_IMODE(mode) & 0o777 | bits | _GO_MODES.get(stat.S_IFMT(mode), 0)


@contextlib.contextmanager
def _said_of(path: str) -> Iterator[None]:
    """What the kernel refuses, in words."""
    try:
        yield
    except KernelError as cause:
        match cause.errno:
            case errno.ENOENT | errno.ENAMETOOLONG:
                raise _nothing(path) from cause
            case errno.ENOTDIR | errno.ELOOP:
                raise Conflict("{path} is no directory in the container", path=path) from cause
            case errno.EROFS:
                raise Conflict(
                    "{path} cannot be written in the container: it is read-only there",
                    hint="the container was made with --read-only, or it is a read-only mount",
                    path=path,
                ) from cause
        raise


def _nothing(path: str) -> NotFound:
    return NotFound("there is no {path} in the container", path=path)
