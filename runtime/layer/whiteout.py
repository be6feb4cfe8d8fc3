"""Whiteouts: how a layer says that something below it is gone.

A layer can only add. To delete `etc/motd` of a lower layer it must leave a mark, and the mark is
written in two languages:

    meaning                       in a tar (image-spec)       in an overlayfs directory
    etc/motd is gone              etc/.wh.motd, empty file    etc/motd, a character device 0/0
    all of etc from below is gone etc/.wh..wh..opq            etc/ with xattr …overlay.opaque=y

This file knows both; `tar` writes the first from the second, `target` the second from the first.

image-spec: layer.md "Whiteouts"; Documentation/filesystems/overlayfs.rst "whiteouts"
"""

from __future__ import annotations

import os
import stat

from runtime.errors import UnsafePath

PREFIX = b".wh."
OPAQUE = b".wh..wh..opq"
RESERVED_PREFIX = b".wh..wh."
"""Names of aufs's own book-keeping, which old docker layers hold. They mean nothing here."""

_DEVICE = os.makedev(0, 0)
_OPAQUE_XATTRS = ("trusted.overlay.opaque", "user.overlay.opaque")


def whiteout_name(name: bytes) -> bytes:
    """What the mark for `name` (one path component) is called in a tar."""
    return PREFIX + name


def hidden_name(mark: bytes) -> bytes:
    """Which name the mark `.wh.NAME` hides. Raises UnsafePath if it is no name of a file."""
    name = mark.removeprefix(PREFIX)
    if name in (b"", b".", b".."):
        raise UnsafePath(
            "the whiteout {mark!r} would delete a directory it is in", mark=os.fsdecode(mark)
        )
    return name


def is_whiteout(status: os.stat_result) -> bool:
    """Whether this is overlayfs's mark for a deleted file."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _DEVICE


def is_opaque(directory: bytes | int) -> bool:
    """Whether overlayfs shows nothing of the lower layers in `directory`, a path or descriptor."""
    follow = isinstance(directory, int)  # a descriptor has no link to be followed
    names = os.listxattr(directory, follow_symlinks=follow)
    return any(
        name in names and os.getxattr(directory, name, follow_symlinks=follow) == b"y"
        for name in _OPAQUE_XATTRS
    )


def make_whiteout(name: bytes, directory_fd: int) -> None:
    """Leave overlayfs's mark for a deleted file. Raises FileExistsError. man 2 mknod"""
    os.mknod(name, stat.S_IFCHR, _DEVICE, dir_fd=directory_fd)


def make_opaque(directory_fd: int) -> None:
    """Hide what the lower layers have in this directory; needs CAP_SYS_ADMIN. man 7 xattr"""
    os.setxattr(directory_fd, _OPAQUE_XATTRS[0], b"y")
