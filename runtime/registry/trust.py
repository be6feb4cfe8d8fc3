"""Trust: how a registry may be spoken to, and by which certificate it is known.

    https, verified          every registry
    https, or plain HTTP     this host's own (127.0.0.0/8, ::1, localhost), and those that the user
                             has listed: anybody on the way can read and change what is said

The list is docker's, in a file of the state directory, and a variable for the moment:

    registries.json              {"insecure-registries": ["registry.lan:5000", "10.0.0.0/8"]}
    ONGGI_INSECURE_REGISTRIES    registry.lan:5000,10.0.0.0/8

The same file says who is asked before Docker Hub for images of Docker Hub, as dockerd's does:

    {"registry-mirrors": ["https://mirror.lan", "http://127.0.0.1:5000"]}

A certificate that the system does not know is put where docker looks for it, or beside our own
state: `certs.d/HOST[:PORT]/ca.crt`; `*.cert` with `*.key` there is what we show ourselves. A
registry whose certificate is there is never spoken to in any other way.

dockerd reference, "Insecure registries"; docs.docker.com/engine/security/certificates
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runtime.errors import InvalidInput

VARIABLE = "ONGGI_INSECURE_REGISTRIES"
FILE = "registries.json"
DOCKERS_FOLDER = Path("/etc/docker/certs.d")


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known on this host: `insecure` names registries, or networks in CIDR notation;
    `folders` hold certificates, ours first; `mirrors` are addresses.
    """

    insecure: tuple[str, ...] = ()
    folders: tuple[Path, ...] = (DOCKERS_FOLDER,)
    mirrors: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path) -> Trust:
        """That of a state directory, and of this process's environment. Raises InvalidInput."""
        given = [text.strip() for text in os.environ.get(VARIABLE, "").split(",")]
        listed = (*_listed(root / FILE, "insecure-registries"), *filter(None, given))
        mirrors = map(checked_mirror, _listed(root / FILE, "registry-mirrors"))
        return cls(listed, (root / "certs.d", DOCKERS_FOLDER), tuple(mirrors))

    def schemes(self, host: str) -> tuple[str, ...]:
        """How to try to speak to host[:port], in this order."""
        if self._certificates(host) or not self.is_insecure(host):
            return ("https",)
        return ("https", "http")

    def is_insecure(self, host: str) -> bool:
        """Whether plain HTTP, or a certificate that nobody knows, is accepted from host[:port]."""
        name = host_of(host)
        if is_loopback(name) or host in self.insecure or name in self.insecure:
            return True
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(name)
            return any(address in each for each in self._networks())
        return False

    def context(self, host: str) -> ssl.SSLContext:
        """What a TLS connection to host[:port] is checked with. Raises InvalidInput for a
        certificate that cannot be read.
        """
        context = ssl.create_default_context()
        folder = self._certificates(host)
        if folder is None:
            if self.is_insecure(host):
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            return context
        try:
            for authority in sorted(folder.glob("*.crt")):
                context.load_verify_locations(authority)
            for own in sorted(folder.glob("*.cert")):
                context.load_cert_chain(own, own.with_suffix(".key"))
        except OSError as cause:  # ssl.SSLError is one, too
            raise InvalidInput(
                "a certificate in {directory} cannot be read: {reason}",
                directory=folder,
                reason=cause.strerror or str(cause),
            ) from cause
        return context

    def folder(self, host: str) -> Path:
        """Where a certificate of host[:port] is, or should be put."""
        return self._certificates(host) or self.folders[0] / host

    def _certificates(self, host: str) -> Path | None:
        """The folder of this host that has any; ours hides docker's."""
        if "/" in host or host in ("", ".", ".."):
            return None
        for folder in self.folders:
            if any((folder / host).glob("*.c*rt")):
                return folder / host
        return None

    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        networks = []
        for text in self.insecure:
            with contextlib.suppress(ValueError):
                networks.append(ipaddress.ip_network(text, strict=False))
        return networks


def host_of(registry: str) -> str:
    """host[:port] without the port, and an IPv6 address without its brackets."""
    name, colon, port = registry.rpartition(":")
    return (name if colon and port.isdecimal() else registry).strip("[]")


def is_loopback(host: str) -> bool:
    """Whether a name or address, without port, is this host's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def checked_mirror(text: str) -> str:
    """The address of a mirror, without a slash at its end. Raises InvalidInput."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        origin = f"{parts.scheme}://{parts.netloc}"
        is_web = parts.scheme in ("http", "https") and parts.hostname and not parts.username
        if is_web and text.rstrip("/") == origin:
            return origin
    raise InvalidInput(
        "this is no registry mirror: {text}",
        hint="write https://HOST[:PORT], or http:// for one that you trust on the whole way",
        text=text[:200],
    )


def _listed(file: Path, member: str) -> tuple[str, ...]:
    try:
        names = json.loads(file.read_bytes())[member]
        return tuple(map(str, names))
    except (FileNotFoundError, KeyError):
        return ()
    except (ValueError, TypeError) as cause:
        raise InvalidInput(
            "{file} is not understood: {reason}",
            hint='write {{"insecure-registries": ["registry.lan:5000"]}}',
            file=file,
            reason=cause,
        ) from cause
