"""Mounts: what a process sees under which path.

One function per man page, with the kernel's names and flags. All of them act on the mount
namespace of the calling process (see `namespaces`), so inside a container's own namespace
nothing that happens here is visible on the host.

man 2 mount, man 2 umount, man 2 pivot_root, man 7 mount_namespaces
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from runtime.linux.libc import checked, system_call

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24

MNT_DETACH = 2

AT_FDCWD = -100
AT_RECURSIVE = 0x8000
AT_EMPTY_PATH = 0x1000
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = 0o2000000
MOVE_MOUNT_F_EMPTY_PATH = 4
MOVE_MOUNT_T_EMPTY_PATH = 0x40

ATTRIBUTES = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
"""The flags that `mount_setattr` knows by the same numbers (MOUNT_ATTR_RDONLY…)."""

FLAG_OF_OPTION = {
    "ro": MS_RDONLY,
    "rro": MS_RDONLY,
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": MS_NOEXEC,
    "noatime": MS_NOATIME,
    "nodiratime": MS_NODIRATIME,
    "relatime": MS_RELATIME,
    "strictatime": MS_STRICTATIME,
    "sync": MS_SYNCHRONOUS,
    "dirsync": MS_DIRSYNC,
    "bind": MS_BIND,
    "rbind": MS_BIND | MS_REC,
}
"""Mount options that are flags; the others are for the file system (config.md, "Linux mount
options")."""

FLAG_TAKEN_BACK = {
    "rw": MS_RDONLY,
    "suid": MS_NOSUID,
    "dev": MS_NODEV,
    "exec": MS_NOEXEC,
    "atime": MS_NOATIME,
    "diratime": MS_NODIRATIME,
    "async": MS_SYNCHRONOUS,
    "defaults": 0,
}
"""Options that undo one that stands before them."""

PROPAGATION_OF_OPTION = {
    "private": MS_PRIVATE,
    "rprivate": MS_PRIVATE | MS_REC,
    "slave": MS_SLAVE,
    "rslave": MS_SLAVE | MS_REC,
    "shared": MS_SHARED,
    "rshared": MS_SHARED | MS_REC,
    "unbindable": MS_UNBINDABLE,
    "runbindable": MS_UNBINDABLE | MS_REC,
}
"""Options that say whether later mounts spread to copies of this one. man 7 mount_namespaces"""

FLAG_OPTIONS = frozenset({*FLAG_OF_OPTION, *FLAG_TAKEN_BACK, *PROPAGATION_OF_OPTION})


def mount(
    source: str | None,
    target: Path | str,
    filesystem: str | None = None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    """Attach a file system (or, with MS_BIND, a directory) at `target`.

    Raises KernelError. EPERM: no CAP_SYS_ADMIN in this mount namespace. ENOENT: `target` is
    missing. EINVAL: the file system refuses `data`. man 2 mount
    """
    checked(
        "mount",
        None if source is None else os.fsencode(source),
        os.fsencode(target),
        None if filesystem is None else filesystem.encode(),
        flags,
        None if data is None else os.fsencode(data),
    )


def bind(source: Path | str, target: Path | str, *, recursive: bool = False) -> None:
    """Show `source` at `target` too. Both must exist and be of the same kind."""
    mount(str(source), target, None, MS_BIND | (MS_REC if recursive else 0))


def make_private(target: Path | str = "/") -> None:
    """Stop mounts below `target` from spreading to other mount namespaces, or from there."""
    mount(None, target, None, MS_REC | MS_PRIVATE)


def make_read_only(target: Path | str, flags: int = 0) -> None:
    """Make the bind mount at `target` read-only; `flags` are the others it should keep.

    A bind ignores MS_RDONLY when it is made, so it takes this second call.
    """
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def restrict(target: Path | str, flags: int) -> None:
    """Give the mount at `target` exactly these flags (MS_RDONLY, MS_NODEV…). A bind ignores them
    when it is made, so it takes this second call.
    """
    mount(None, target, None, MS_REMOUNT | MS_BIND | flags)


def forbid_devices(target: Path | str, flags: int = 0) -> None:
    """Let no device node in the mount at `target` be opened; `flags` are the others to keep.

    A mount made inside it before keeps its own flags.
    """
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_NODEV | flags)


def mount_overlay(
    snapshots: Path, lower: tuple[str, ...], upper: str, work: str, target: Path
) -> None:
    """Show `lower` directories (newest first) at `target`; changes go to `upper`.

    Paths are relative to `snapshots`: the kernel takes the options as one page of 4096 bytes,
    and 128 layers only fit when their names are short. Changes the working directory.
    `index`, `xino`, `redirect_dir` and `metacopy` are off: with them `upper` would hold marks
    that only this kernel understands, and not whole files and whiteouts. Device nodes cannot be
    opened (MS_NODEV): an image, or root in a container, may have made some of the host's.

    Raises KernelError. EINVAL: an upper on a file system that cannot be one, such as another
    overlay; see dmesg. Documentation/filesystems/overlayfs.rst
    """
    os.chdir(snapshots)
    options = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}"
    off = "index=off,xino=off,redirect_dir=off,metacopy=off"
    mount("overlay", target, "overlay", MS_NODEV, f"{options},{off}")


def open_tree(source: Path | str | int, *, recursive: bool = False) -> int:
    """A descriptor of a copy of the mount at `source` (a path or a descriptor), attached nowhere
    yet.

    It keeps leading to `source` when the caller has moved to another root, which `bind`
    cannot do. Closed on exec. Raises KernelError. man 2 open_tree, Linux 5.2
    """
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    if isinstance(source, int):
        return system_call("open_tree", source, b"", flags | AT_EMPTY_PATH)
    return system_call("open_tree", AT_FDCWD, os.fsencode(source), flags)


def open_tree_at(descriptor: int) -> int:
    """The same of what an open descriptor means, whatever its path means by now."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH
    return system_call("open_tree", descriptor, b"", flags)


def move_mount(tree: int, target: Path | str) -> None:
    """Attach what `open_tree` copied at `target`. Raises KernelError. man 2 move_mount"""
    system_call("move_mount", tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)


def move_mount_to(tree: int, target: int) -> None:
    """The same at what the descriptor `target` means, whatever its path leads to by now."""
    flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    system_call("move_mount", tree, b"", target, b"", flags)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def set_read_only(tree: int) -> None:
    """Make what `open_tree` copied read-only, before it is seen anywhere. Raises KernelError."""
    set_attributes(tree, MS_RDONLY)


def set_attributes(tree: int, flags: int, *, recursive: bool = False) -> None:
    """Forbid something (of `ATTRIBUTES`) in what `open_tree` copied, before it is seen anywhere;
    with `recursive`, in all mounts below, too. What was forbidden there stays so.

    Raises KernelError. man 2 mount_setattr, Linux 5.12
    """
    attributes = _MountAttributes(set=flags)
    size = ctypes.sizeof(attributes)
    how = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    system_call("mount_setattr", tree, b"", how, ctypes.byref(attributes), size)


def permit_devices(tree: int) -> None:
    """Let a device node in what `open_tree` copied be opened, whatever its mount forbids elsewhere.
    Raises KernelError.
    """
    attributes = _MountAttributes(clear=MS_NODEV)
    size = ctypes.sizeof(attributes)
    system_call("mount_setattr", tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), size)


def parse_options(options: tuple[str, ...]) -> tuple[int, str]:
    """Mount options as (flags, data for the file system): ("ro", "size=1m") → (1, "size=1m")."""
    flags = 0
    for option in options:
        flags |= FLAG_OF_OPTION.get(option, 0)
        flags &= ~FLAG_TAKEN_BACK.get(option, 0)
    return flags, ",".join(option for option in options if option not in FLAG_OPTIONS)


def set_propagation(target: Path | str, options: tuple[str, ...]) -> None:
    """Let mounts below `target` spread, or not, as the last option that speaks of it says."""
    for option in options:
        if option in PROPAGATION_OF_OPTION:
            mount(None, target, None, PROPAGATION_OF_OPTION[option])


def set_propagation_of(tree: int, options: tuple[str, ...]) -> None:
    """The same for what `open_tree` copied, before it is attached anywhere. Raises KernelError."""
    for option in options:
        if kind := PROPAGATION_OF_OPTION.get(option):
            attributes = _MountAttributes(propagation=kind & ~MS_REC)
            how = AT_EMPTY_PATH | (AT_RECURSIVE if kind & MS_REC else 0)
            size = ctypes.sizeof(attributes)
            system_call("mount_setattr", tree, b"", how, ctypes.byref(attributes), size)


def umount(target: Path | str, *, detach: bool = False) -> None:
    """Take the mount at `target` away; with `detach`, now from sight, and when idle for good.

    Raises KernelError. EBUSY: it is in use. EINVAL: it is no mount point. man 2 umount2
    """
    checked("umount2", os.fsencode(target), MNT_DETACH if detach else 0)


def pivot_root(new_root: Path | str, put_old: Path | str) -> None:
    """Make `new_root` this mount namespace's root; park the old one at `put_old`.

    `chroot` only moves where path lookup starts, so a privileged process can
    walk back out. Once the parked root is detached, no path leads outside.

    Raises KernelError. EBUSY: `new_root` is on the current root mount.
    EINVAL: it is not a mount point, or its parent mount is shared.

    man 2 pivot_root
    """
    system_call("pivot_root", os.fsencode(new_root), os.fsencode(put_old))
