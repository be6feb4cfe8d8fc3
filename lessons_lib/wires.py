"""What a network namespace has: its devices, routes and listening ports, as the kernel tells them.

Everything stands in /proc/PID/net, one file a question, so nothing has to be installed or asked
inside a container. /proc/net shows the reader's own namespace, the host's.

man 5 proc_pid_net
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp."""

OF_THE_ENGINE = IPv4Address("127.0.0.11")
"""Where the engine answers names inside a container: nobody's port."""


@dataclass(frozen=True, slots=True)
class Device:
    """A network device and how many packets went through it."""

    name: str
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets for a subnet go. No gateway: they are there at once."""

    subnet: IPv4Network
    gateway: IPv4Address | None
    device: str


def devices(pid: int | str = "self") -> dict[str, Device]:
    """All devices of a process's network, by name."""
    return parse_devices(_read(pid, "dev"))


def routes(pid: int | str = "self") -> list[Route]:
    """Its main table of routes."""
    return parse_routes(_read(pid, "route"))


def listening(pid: int | str = "self") -> list[int]:
    """The TCP ports at which somebody takes connections from outside of himself."""
    return sorted({port for each in ("tcp", "tcp6") for port in parse_listening(_read(pid, each))})


def way_to(address: IPv4Address, table: list[Route]) -> Route | None:
    """The route that the kernel takes: of those that fit, the one that is narrowest."""
    fitting = [route for route in table if address in route.subnet]
    return max(fitting, key=lambda route: route.subnet.prefixlen, default=None)


def parse_devices(text: str) -> dict[str, Device]:
    """/proc/net/dev: two lines of heads, then "name: bytes packets …", eight numbers each way."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        counted = [int(number) for number in numbers.split()]
        found[name.strip()] = Device(name.strip(), counted[1], counted[9])
    return found


def parse_routes(text: str) -> list[Route]:
    """/proc/net/route: addresses are hexadecimal in the machine's own byte order."""
    found = []
    for line in text.splitlines()[1:]:
        device, destination, gateway, _, _, _, _, mask, *_ = line.split()
        subnet = IPv4Network((int(_address(destination)), int(_address(mask)).bit_count()))
        via = _address(gateway)
        found.append(Route(subnet, via if int(via) else None, device))
    return found


def parse_listening(text: str) -> list[int]:
    """/proc/net/tcp: "sl local remote state …", an address and a port in hexadecimal."""
    found = []
    for line in text.splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        digits, _, port = local.partition(":")
        ours = len(digits) == 8 and _address(digits) == OF_THE_ENGINE
        if state == LISTENING and not ours:
            found.append(int(port, 16))
    return found


def _address(digits: str) -> IPv4Address:
    return IPv4Address(int.from_bytes(bytes.fromhex(digits), "little"))


def _read(pid: int | str, name: str) -> str:
    """A file of a process's network; "" where the kernel has no such thing (IPv6)."""
    try:
        return Path(f"/proc/{pid}/net/{name}").read_text()
    except FileNotFoundError:
        return ""
