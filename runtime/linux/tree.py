"""Deleting trees of any depth.

A container may make directories inside of directories for as long as it likes: deeper than
Python recurses, than a process may have descriptors, and than a path may have bytes. What such
a container leaves must go like everything else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def delete(tree: Path | str, *, dir_fd: int | None = None) -> None:
    """Delete the directory `tree` and all that is in it. What is not there is no error, so
    several processes may do this at once.

    The tree becomes flat while it goes: before a directory is deleted, those in it are moved up
    into `tree`. No symbolic link is followed. Raises OSError.
    """
    try:
        top = os.open(tree, _DIRECTORY, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    try:
        while directories := _delete_files(top):
            for name in directories:
                _dissolve(name, top)
    finally:
        os.close(top)
    try:
        os.rmdir(tree, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:  # somebody else has just moved something up
            return delete(tree, dir_fd=dir_fd)
        if error.errno != errno.ENOENT:
            raise
    return None


def _delete_files(directory: int) -> list[str]:
    """Delete all that is in an open directory, except for its directories: they are returned."""
    directories = []
    with os.scandir(directory) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=directory)
    return directories


def _dissolve(name: str, top: int) -> None:
    """Delete the directory `name` of the open directory `top`, moving up those that are in it.

    If somebody puts something into it meanwhile, as overlayfs does into its work directory while
    it is being mounted, it stays: the next round of `delete` finds it again.
    """
    with contextlib.suppress(FileNotFoundError):
        directory = os.open(name, _DIRECTORY, dir_fd=top)
        try:
            for each in _delete_files(directory):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(each, secrets.token_hex(16), src_dir_fd=directory, dst_dir_fd=top)
        finally:
            os.close(directory)
        try:
            os.rmdir(name, dir_fd=top)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
