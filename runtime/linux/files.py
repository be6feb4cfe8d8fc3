"""Opening files below a directory, whatever the path says.

A path that comes from an image, an archive or a build context is somebody else's text: it may
hold `..`, start with `/`, or pass through a symbolic link that points at the host. Checking the
text first and opening it later leaves a gap in which a link can be swapped in. `openat2` closes
the gap: the kernel itself refuses, or confines, every step of the way.

    open_beneath    no `..`, no absolute path, no symbolic link anywhere: for writing
    open_in_root    links are followed as if the directory were `/`: for reading, as in chroot
    make_in_root    the same for a place that may be missing: it is made

man 2 openat2
"""

from __future__ import annotations

import contextlib
import os
import struct
from errno import EAGAIN, EINVAL, ELOOP, ENOENT, ENOSYS

from runtime.errors import HostLacks, KernelError
from runtime.linux.libc import system_call

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_ATTEMPTS = 64
_LINKS = 40  # as many as the kernel follows; man 7 path_resolution


def open_beneath(root_fd: int, path: bytes | str, flags: int, mode: int = 0) -> int:
    """A new descriptor for `path` below the directory `root_fd`, without following any link.

    Raises KernelError. EXDEV: the path leads outside (`..`, or it starts with `/`). ELOOP: a
    part of it is a symbolic link. ENOENT, ENOTDIR, EEXIST as usual. man 2 openat2
    """
    return _openat2(root_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)


def open_in_root(root_fd: int, path: bytes | str, flags: int, mode: int = 0) -> int:
    """A new descriptor for `path` as a process would get it whose `/` is `root_fd`.

    Links and `..` are followed, and end at `root_fd` at most. Raises KernelError. man 2 openat2
    """
    return _openat2(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)


def make_in_root(root_fd: int, path: str, *, directory: bool) -> int:
    """The same, as a place (O_PATH) to mount something at. What is missing is made: directories,
    and with `directory=False` an empty file at the end; also behind a link that leads nowhere yet.

    Raises KernelError. ELOOP: through links without end, or through one of /proc's.
    """
    parts, depth, links = _split(path), 0, 0
    while depth < len(parts):
        try:
            os.close(open_in_root(root_fd, "/".join(parts[: depth + 1]), os.O_PATH))
        except KernelError as missing:
            if missing.errno != ENOENT:
                raise
            is_last = depth + 1 == len(parts)
            link = _make(root_fd, parts[:depth], parts[depth], directory or not is_last)
            if link is not None:
                links += 1
                if links > _LINKS:
                    raise KernelError("mkdir", repr(path), ELOOP) from missing
                before = [] if link.startswith("/") else parts[:depth]
                parts, depth = [*before, *_split(link), *parts[depth + 1 :]], 0
                continue
        depth += 1
    return open_in_root(root_fd, "/".join(parts) or ".", os.O_PATH)


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _make(root_fd: int, parents: list[str], name: str, directory: bool) -> str | None:
    """Make a directory or a file; if a link is there instead, what it says."""
    holder = open_in_root(root_fd, "/".join(parents) or ".", os.O_PATH | os.O_DIRECTORY)
    try:
        if directory:
            os.mkdir(name, 0o755, dir_fd=holder)
        else:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=holder))
    except FileExistsError:
        with contextlib.suppress(OSError):  # somebody else has just made it
            return os.readlink(name, dir_fd=holder)
    except OSError as error:
        raise KernelError("mkdir", repr(name), error.errno or 0) from error
    finally:
        os.close(holder)
    return None


def _openat2(root_fd: int, path: bytes | str, flags: int, mode: int, resolve: int) -> int:
    name, shown = os.fsencode(path), repr(os.fsdecode(path))
    if b"\0" in name:  # C would read only what stands before it
        raise KernelError("openat2", shown, EINVAL)
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, resolve)
    for _ in range(_ATTEMPTS):
        try:
            return system_call("openat2", root_fd, name, how, len(how))
        except KernelError as failure:
            if failure.errno == ENOSYS:
                raise _without_openat2() from failure
            # Something was renamed while the kernel walked a `..`: it asks to be called again.
            if failure.errno != EAGAIN:
                raise KernelError("openat2", shown, failure.errno or 0) from failure
    raise KernelError("openat2", shown, EAGAIN)


def _without_openat2() -> HostLacks:
    return HostLacks(
        "this kernel cannot open files safely below a directory",
        feature="openat2",
        evidence="openat2: ENOSYS",
        hint="use Linux 5.6 or newer; sandboxes such as gVisor do not have this call",
    )
