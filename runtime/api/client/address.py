"""Where an engine listens, as `--host` and DOCKER_HOST say it.

    unix:///run/docker.sock       a socket on this host
    tcp://10.0.0.5:2376           a port; with TLS where somebody asked for it (`Tls`)

Pure. docs.docker.com/reference/cli/docker, "Daemon socket option"
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.errors import InvalidInput

PORT, TLS_PORT = 2375, 2376
DEFAULT_SOCKET = "/var/run/docker.sock"


class Tls(NamedTuple):
    """The files of a TLS connection, "" for one that is not there. Without `verifies` anybody may
    be at the other end: docker's --tls, as opposed to --tlsverify.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    verifies: bool = True


class Address(NamedTuple):
    """One place: either `path`, a socket's, or `host` and `port`."""

    text: str
    path: str = ""
    host: str = ""
    port: int = 0
    tls: Tls | None = None

    @property
    def authority(self) -> str:
        """What HTTP's header Host says."""
        if self.path:
            return "docker"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, tls: Tls | None = None) -> Address:
    """Raises InvalidInput for what is no address of an engine."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = ("unix", scheme) if scheme.startswith("/") else ("tcp", scheme)
    if scheme == "unix":
        return Address(text, path=rest or DEFAULT_SOCKET)
    if scheme not in ("tcp", "http", "https"):
        raise InvalidInput(
            "no way to an engine: {text}",
            hint="write unix:///path/of/a/socket or tcp://HOST:PORT",
            text=text,
        )
    if scheme == "https" and tls is None:
        tls = Tls()
    host, port = _host_and_port(text, rest.rstrip("/"), TLS_PORT if tls else PORT)
    return Address(text, host=host, port=port, tls=tls)


def _host_and_port(text: str, rest: str, usual: int) -> tuple[str, int]:
    """ "10.0.0.5:2375", "[::1]:2375", "engine.example", ":2375" """
    host, _, port = rest.rpartition(":") if ":" in rest.rpartition("]")[2] else (rest, "", "")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    number = int(port) if port.isascii() and port.isdecimal() else usual
    if (port and str(number) != port) or not 0 < number < 1 << 16 or "/" in host:
        raise InvalidInput(
            "no way to an engine: {text}",
            hint="write unix:///path/of/a/socket or tcp://HOST:PORT",
            text=text,
        )
    return host, number
