"""A network in the kernel: a bridge, and cables from it into containers.

    container          host
    ┌──────────┐       ┌───────────────────────────────────┐
    │ eth0 ────┼───────┼── veth3f2a1b0 ── onggi0 ── routes │ ── the world
    │ .0.2     │       │                   .0.1            │
    └──────────┘       └───────────────────────────────────┘

The bridge is a switch; the host is plugged into it with the gateway's address, so that packets
for elsewhere come to the host's routes. Each device of ours bears an alias that says whose it is:
what is in the kernel is compared with the rows by that, and nothing of somebody else's is touched.

man 8 bridge, man 4 veth
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_interface
from pathlib import Path

from runtime.errors import Conflict, KernelError
from runtime.network import links as orders
from runtime.network.links import Interface, Link, Links, Order, inside
from runtime.network.values import LONGEST_LINK, Address, Endpoint, Network, Pool

DEAD = 0x06E6
"""The group of devices that are about to go."""

NUMBERED = "onggi"
"""The default network's bridge is onggi0, unless somebody has that already: then onggi1…"""

SYSCTL = Path("/proc/sys/net/ipv6/conf")


def alias(root: Path, identity: str) -> str:
    """What is written on a device: that it is ours, of which state directory, and what it is."""
    mark = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return f"onggi {mark} {identity[:12]}"


def free_name(network: Network, mine: str, there: Iterable[Link]) -> str:
    """The name that its bridge has, or can have, among the devices that are there.

    Raises Conflict if the user has chosen one that somebody has.
    """
    others = {link.name for link in there if link.alias != mine}
    if network.link not in others:
        return network.link
    if not network.is_default:
        raise Conflict(
            "there is a network device {link} already, and it is not ours",
            hint="give the bridge another name: -o com.docker.network.bridge.name=…",
            link=network.link,
        )
    names = (f"{NUMBERED}{number}"[:LONGEST_LINK] for number in range(len(others) + 1))
    return next(name for name in names if name not in others)


def raise_bridge(links: Links, network: Network, mine: str) -> int:
    """Make the network's bridge, with the gateways' addresses, and switch it on; its index. What
    is there of it already stays.
    """
    found = links.find(network.link)
    if found is None:
        new = orders.bridge(network.link, network.mtu)
        links.carry_out(new, orders.label(network.link, mine))
        found = links.find(network.link)
        assert found is not None
    _permit_ipv6(network.link, any(pool.subnet.version == 6 for pool in network.pools))
    for pool in network.pools:
        with contextlib.suppress(_Exists):
            _carry_out(links, orders.address(found.index, _gateway(pool)))
    links.carry_out(orders.up(found.index))
    return found.index


def lower_bridge(links: Links, network: Network, mine: str) -> None:
    """Take its bridge away, if it is there and ours."""
    found = links.find(network.link)
    if found is not None and found.alias == mine:
        links.carry_out(orders.deletion(found.index))


def plug_in(
    links: Links, root: Path, endpoints: Sequence[Endpoint], masters: Mapping[str, int], there: int
) -> None:
    """Lay a cable for each endpoint, from its bridge (`masters`, by the network's id) into the
    network namespace `there`. Raises KernelError, HostLacks: then some may lie already.
    """
    for each in endpoints:
        cable = orders.cable(
            *(each.link, masters[each.network.id], each.network.mtu),
            there=there,
            device=each.device,
            mac=each.mac,
        )
        links.carry_out(cable, orders.label(each.link, alias(root, each.id)))
    with inside(there):
        indexes = {each.id: socket.if_nametoindex(each.device) for each in endpoints}
        for each in endpoints:
            _permit_ipv6(each.device, each.address6 is not None)
        with Links() as theirs:
            for each in endpoints:
                index = indexes[each.id]
                given = [orders.address(index, address) for address in _addresses(each)]
                theirs.carry_out(*given, orders.up(index))


def turn_outward(there: int, before: Sequence[Endpoint], after: Sequence[Endpoint]) -> None:
    """Let a container's packets for elsewhere go by the right one of its networks, when these were
    the endpoints `before` and are those `after`.
    """
    old, new = way_out(before), way_out(after)
    if old == new:
        return
    with inside(there):
        indexes = {name: index for index, name in socket.if_nameindex()}
        with Links() as theirs:
            for device, gateway in old - new:
                if device in indexes:
                    with contextlib.suppress(KernelError):
                        theirs.carry_out(orders.no_default_route(indexes[device], gateway))
            theirs.carry_out(
                *(orders.default_route(indexes[device], gateway) for device, gateway in new - old)
            )


def way_out(endpoints: Sequence[Endpoint]) -> set[tuple[str, Address]]:
    """The device and the gateway of the default route, one of IPv4 and one of IPv6: those of the
    first network by name that leads outside, as docker chooses.
    """
    found: dict[int, tuple[str, Address]] = {}
    for each in sorted(endpoints, key=lambda each: each.network.name):
        for pool in () if each.network.internal else each.network.pools:
            found.setdefault(pool.subnet.version, (each.device, pool.gateway))
    return set(found.values())


def silence(endpoints: Sequence[Endpoint], there: int) -> None:
    """Take the addresses from a container that has ended. Its cables lie there a moment longer,
    and the kernel would answer for these addresses, which somebody else may have by now.
    """
    with inside(there):
        indexes = {name: index for index, name in socket.if_nameindex()}
        with Links() as theirs:
            for each in endpoints:
                for address in _addresses(each) if each.device in indexes else ():
                    with contextlib.suppress(KernelError):
                        theirs.carry_out(orders.no_address(indexes[each.device], address))


def pull_out(links: Links, names: Iterable[str]) -> None:
    """Take away the cables with these ends on the host, those that are there."""
    wanted = set(names)
    dead = [link.index for link in links.all() if link.name in wanted] if wanted else []
    if dead:
        _although_gone(links, *(orders.into_group(index, DEAD) for index in dead))
        _although_gone(links, orders.deletion_of_group(DEAD))


def _although_gone(links: Links, *each: Order) -> None:
    """Carry out orders for devices that the kernel may be taking away at this moment: a cable goes
    with the network namespace of its other end.
    """
    try:
        links.carry_out(*each)
    except KernelError as refusal:
        if refusal.errno != errno.ENODEV:
            raise


def strays(links: Links, root: Path, known: Iterable[str]) -> list[Link]:
    """Devices of this state directory that are in nobody's row: their maker was killed. `known`
    are the ids of networks and endpoints.
    """
    ours, legitimate = alias(root, ""), {alias(root, identity) for identity in known}
    return [
        link for link in links.all() if link.alias.startswith(ours) and link.alias not in legitimate
    ]


class _Exists(Exception):
    """It is there already."""


def _carry_out(links: Links, order: Order) -> None:
    try:
        links.carry_out(order)
    except KernelError as error:
        if error.errno == errno.EEXIST:
            raise _Exists from error
        raise


def _gateway(pool: Pool) -> Interface:
    return ip_interface(f"{pool.gateway}/{pool.subnet.prefixlen}")


def _addresses(endpoint: Endpoint) -> list[Interface]:
    found: list[Interface | None] = [endpoint.address, endpoint.address6]
    return [address for address in found if address is not None]


def _permit_ipv6(device: str, wanted: bool) -> None:
    """A network without IPv6 has not even its automatic addresses, as with docker."""
    with contextlib.suppress(OSError):  # a kernel without IPv6
        (SYSCTL / device / "disable_ipv6").write_text("0" if wanted else "1")
