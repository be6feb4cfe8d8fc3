"""Sockets to listen on: `unix:///run/onggi.sock`.

A unix socket's file appears complete: bound under another name, given its owner and its mode 660,
and only then renamed to its place. So there is no moment at which everybody could connect.
"""

from __future__ import annotations

import contextlib
import grp
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runtime.errors import Conflict, InvalidInput

MODE = 0o660
BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, and where."""

    address: str
    socket: socket.socket
    path: Path | None = None
    file: tuple[int, int] = (0, 0)
    """Device and inode of the socket's file."""

    @classmethod
    def open(cls, address: str, *, group: str = "") -> Self:
        """Raises InvalidInput for what is no address, Conflict when another is there, OSError."""
        scheme, _, rest = address.partition("://")
        if scheme == "unix" and rest:
            path = Path(rest).absolute()
            listener = _unix(path, _group(group))
            return cls(f"unix://{path}", listener, path, _identity(path))
        raise InvalidInput(
            "not an address to listen on: {text!r}",
            hint="write unix:///run/onggi.sock",
            text=address,
        )

    def close(self) -> None:
        """Take the file away, unless another server has put its own there meanwhile."""
        self.socket.close()
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError):
                if _identity(self.path) == self.file:
                    self.path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _group(name: str) -> int:
    """Its number; root's, where there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return -1


def _unix(path: Path, group: int) -> socket.socket:
    if _is_served(path):
        raise Conflict("another server listens here already: {path}", path=path)
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        before = os.umask(0o777)
        try:
            listener.bind(str(hidden))
        finally:
            os.umask(before)
        os.chown(hidden, -1, group)
        hidden.chmod(MODE)
        listener.listen(BACKLOG)
        hidden.rename(path)
    except BaseException:
        listener.close()
        hidden.unlink(missing_ok=True)
        raise
    return listener


def _is_served(path: Path) -> bool:
    """Whether somebody answers there; the file of one who was killed does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
