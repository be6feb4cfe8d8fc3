"""What a network is, and a container's place in it: frozen values that can be printed.

    Pool        a subnet, and which of its addresses are given away
    Network     its name, its bridge, its pools and what was said about it
    Place       what was asked for a container in a network: aliases, a fixed address…
    Endpoint    what it got there, while it runs
    Plugged     a running container with all its endpoints

Pure. Texts and numbers of docker's options are read here, and nowhere else: who has one of these
values need not doubt it. Docker Engine API 1.47, NetworkCreate, EndpointSettings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Any

from runtime.errors import InvalidInput

Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

BRIDGE, HOST, NONE = "bridge", "host", "none"
"""The networks that are always there."""

PREDEFINED = (BRIDGE, HOST, NONE)

MTU = 1500

OPTION = "com.docker.network."
NAME_OPTION = f"{OPTION}bridge.name"
MTU_OPTION = f"{OPTION}driver.mtu"
ICC_OPTION = f"{OPTION}bridge.enable_icc"
MASQUERADE_OPTION = f"{OPTION}bridge.enable_ip_masquerade"
BINDING_OPTION = f"{OPTION}bridge.host_binding_ipv4"
DEFAULT_BRIDGE_OPTION = f"{OPTION}bridge.default_bridge"
PREFIX_OPTION = f"{OPTION}container_iface_prefix"

LONGEST_LINK = 15
"""Characters of a network device's name (IFNAMSIZ)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """`ip_range` is the part of the subnet that is given away without being asked for by name.
    `reserved` are addresses of somebody else, by docker's names for them.
    """

    subnet: Subnet
    gateway: Address
    ip_range: Subnet | None = None
    reserved: Mapping[str, Address] = field(default_factory=dict)

    def to_docker(self) -> dict[str, Any]:
        """As `network inspect` shows it."""
        document: dict[str, Any] = {"Subnet": str(self.subnet)}
        if self.ip_range is not None:
            document["IPRange"] = str(self.ip_range)
        document["Gateway"] = str(self.gateway)
        if self.reserved:
            document["AuxiliaryAddresses"] = {k: str(v) for k, v in self.reserved.items()}
        return document

    @classmethod
    def from_docker(cls, document: Mapping[str, Any]) -> Pool:
        """What `to_docker` wrote."""
        ip_range = document.get("IPRange")
        return cls(
            ip_network(document["Subnet"]),
            ip_address(document["Gateway"]),
            ip_network(ip_range) if ip_range else None,
            {k: ip_address(v) for k, v in document.get("AuxiliaryAddresses", {}).items()},
        )


@dataclass(frozen=True, slots=True)
class Network:
    """`link` is the name of its bridge on the host. `chosen`: nobody asked for its subnets, so
    they may be others tomorrow.
    """

    id: str
    name: str
    driver: str
    link: str
    pools: tuple[Pool, ...] = ()
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    chosen: bool = True
    created_ns: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """The one that containers are in for which nobody said anything: it has no names."""
        return self.name == BRIDGE

    @property
    def mtu(self) -> int:
        """Bytes of a packet."""
        return int(self.options.get(MTU_OPTION, MTU))

    @property
    def icc(self) -> bool:
        """Whether its containers may talk to each other (inter-container communication)."""
        return is_true(self.options.get(ICC_OPTION, "true"))

    @property
    def masquerade(self) -> bool:
        """Whether its containers go out by the host's own address."""
        return is_true(self.options.get(MASQUERADE_OPTION, "true"))

    @property
    def host_binding(self) -> str:
        """The host's address at which ports are published, where none is said."""
        return self.options.get(BINDING_OPTION, "") or "0.0.0.0"  # noqa: S104  (docker's default)

    def pool(self, version: int) -> Pool | None:
        """Its first pool of IPv4 or IPv6."""
        return next((pool for pool in self.pools if pool.subnet.version == version), None)


@dataclass(frozen=True, slots=True)
class Place:
    """What was asked for a container in a network. `links` are the names by which it calls other
    containers, each with that one's id; "" leaves an address to the network.
    """

    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    driver_options: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the database."""
        return {
            "aliases": list(self.aliases),
            "ipv4": self.ipv4,
            "ipv6": self.ipv6,
            "mac": self.mac,
            "links": dict(self.links),
            "driver_options": dict(self.driver_options),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Place:
        """What `to_json` wrote."""
        return cls(**{**document, "aliases": tuple(document.get("aliases", ()))})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A cable: one end in the container, and its other end, `link`, at the network's bridge.

    `device` is the name of the container's end: eth0, eth1…
    """

    id: str
    network: Network
    container: str
    address: IPv4Interface | None
    address6: IPv6Interface | None
    mac: str
    link: str
    device: str
    place: Place = field(default_factory=Place)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that it was given in this network."""
        return self.place.aliases


@dataclass(frozen=True, slots=True)
class Plugged:
    """A running container as the networks know it. `request` is what was asked for when it was
    created, with the names of `container.bundle.Request`; a build step's is empty.
    """

    container: str
    name: str
    hostname: str
    domainname: str
    directory: Path
    pid: int
    pid_start: int
    endpoints: tuple[Endpoint, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)


def is_true(text: str) -> bool:
    """A switch as Go reads it. Raises InvalidInput."""
    known = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
    if text.lower() not in known:
        raise InvalidInput("neither true nor false: {text!r}", hint="write true", text=text[:100])
    return known[text.lower()]
