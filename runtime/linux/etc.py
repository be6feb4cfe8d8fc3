"""Three files below /etc by which programs find names: their texts.

    hosts         address and names, a line each; asked first        man 5 hosts
    resolv.conf   whom to ask for all other names, and how           man 5 resolv.conf

Pure, but for `host_resolvers`, which reads this host's own file.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")

BEHIND_SYSTEMD = Path("/run/systemd/resolve/resolv.conf")
"""Whom systemd-resolved asks, where /etc/resolv.conf only names systemd-resolved (127.0.0.53)."""

LOOPBACK_HOSTS = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)
"""What docker writes into every container's file."""

HOST_GATEWAY = "host-gateway"
"""In an --add-host, instead of an address: the host itself, as the container reaches it."""


@dataclass(frozen=True, slots=True)
class Resolvers:
    """What a resolv.conf says: whom to ask, what to put behind short names, and options."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def text(self) -> str:
        """As a resolv.conf."""
        lines = [f"nameserver {each}" for each in self.servers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)

    @property
    def distant(self) -> tuple[str, ...]:
        """The servers that can also be reached from another network namespace."""
        return tuple(each for each in self.servers if not is_loopback(each))


def parse_resolv_conf(text: str) -> Resolvers:
    """A resolv.conf; what makes no sense in it is passed over, as every resolver does."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == "nameserver" and rest and _is_address(rest[0]):
            servers.append(rest[0])
        elif word in ("search", "domain"):
            search = tuple(rest)
        elif word == "options":
            options += rest
    return Resolvers(tuple(servers), search, tuple(options))


def host_resolvers() -> Resolvers:
    """This host's."""
    with contextlib.suppress(OSError):
        return parse_resolv_conf(RESOLV_CONF.read_text(errors="replace"))
    return Resolvers()


def resolvers_for_others() -> Resolvers:
    """This host's, as far as they can be asked from another network namespace: not those at a
    loopback address, but whom systemd-resolved asks behind one.
    """
    host = host_resolvers()
    if host.servers and not host.distant:
        with contextlib.suppress(OSError):
            behind = parse_resolv_conf(BEHIND_SYSTEMD.read_text(errors="replace"))
            host = Resolvers(behind.servers, host.search, host.options)
    return Resolvers(host.distant, host.search, host.options)


def asked_for(
    host: Resolvers, servers: Sequence[str], search: Sequence[str], options: Sequence[str]
) -> Resolvers:
    """This host's, with what --dns, --dns-search and --dns-option say instead. One single "." as
    a search domain means: none.
    """
    wanted = tuple(search) or host.search
    return Resolvers(
        tuple(servers) or host.servers,
        () if wanted == (".",) else wanted,
        tuple(options) or host.options,
    )


def hosts_text(entries: Iterable[tuple[str, str]]) -> str:
    """A hosts file of docker's lines for the loopback and these: address, names."""
    lines = (*LOOPBACK_HOSTS, *entries)
    return "".join(f"{address}\t{names}\n" for address, names in lines)


def added_hosts(extra: Iterable[str], gateway: str) -> list[tuple[str, str]]:
    """What --add-host says, with an address in the place of `host-gateway`; without a gateway
    such a line is left out.
    """
    found = []
    for each in extra:
        name, _, address = each.partition(":")
        address = gateway if address == HOST_GATEWAY else address
        if address:
            found.append((address, name))
    return found


def is_loopback(address: str) -> bool:
    """Whether it means another machine in every network namespace: 127.0.0.53, ::1."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
