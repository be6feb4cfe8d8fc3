"""Sockets to listen on: `unix:///run/onggi.sock`, `tcp://0.0.0.0:2376`.

Over TCP only with TLS that knows its clients; without it at an address of this host alone, and only
when a flag says so: whoever may speak to the engine is root here.

A unix socket's file appears complete: bound under another name, given its owner and its mode 660,
and only then renamed to its place. So there is no moment at which everybody could connect.
"""

from __future__ import annotations

import contextlib
import grp
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runtime.errors import Conflict, InvalidInput

MODE = 0o660
BACKLOG = 4096
"""Connections that wait to be taken; the kernel's own limit is as high (somaxconn)."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, and where."""

    address: str
    socket: socket.socket
    path: Path | None = None
    file: tuple[int, int] = (0, 0)
    """Device and inode of the socket's file."""
    tls: ssl.SSLContext | None = None

    @classmethod
    def open(
        cls,
        address: str,
        *,
        group: str = "",
        tls: ssl.SSLContext | None = None,
        plain_loopback: bool = False,
    ) -> Self:
        """Raises InvalidInput for what is no address, Conflict when another is there, OSError."""
        scheme, _, rest = address.partition("://")
        if scheme == "unix" and rest:
            path = Path(rest).absolute()
            listener = _unix(path, _group(group))
            return cls(f"unix://{path}", listener, path, _identity(path))
        if scheme == "tcp" and rest:
            host, port = _host_and_port(address, rest)
            if tls is None and not (plain_loopback and ipaddress.ip_address(host).is_loopback):
                raise InvalidInput(
                    "nobody but this host's root may speak to the engine: {address} needs TLS",
                    hint="give --tlsverify, --tlscacert, --tlscert and --tlskey; or listen on "
                    "127.0.0.1 with --plain-loopback",
                    address=address,
                )
            listener = _tcp(host, port)
            shown = f"[{host}]" if ":" in host else host
            return cls(f"tcp://{shown}:{listener.getsockname()[1]}", listener, tls=tls)
        raise _no_address(address)

    def close(self) -> None:
        """Take the file away, unless another server has put its own there meanwhile."""
        self.socket.close()
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError):
                if _identity(self.path) == self.file:
                    self.path.unlink()


def _no_address(text: str) -> InvalidInput:
    return InvalidInput(
        "not an address to listen on: {text!r}",
        hint="write unix:///run/onggi.sock or tcp://127.0.0.1:2376",
        text=text,
    )


def _host_and_port(address: str, text: str) -> tuple[str, int]:
    """An IP address and a port, 0 for any. Raises InvalidInput."""
    host, colon, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError as cause:
        raise _no_address(address) from cause
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise _no_address(address)
    return host, int(port)


def _tcp(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


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
    if path.exists() and not path.is_socket():
        raise Conflict("this file is no socket, and stays: {path}", path=path)
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
