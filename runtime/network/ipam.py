"""Addresses: which subnet a new network gets, and which address a container.

    choose_subnet(taken)          the first of docker's subnets that nothing of the host overlaps
    plan_pools(configs, …)        what was asked for as pools, or what is wrong with it
    choose_address(pool, taken)   the lowest one that is free

Pure: which routes there are, and which addresses are taken, is told to it. Who asks does so inside
a transaction of the database, so two processes never get the same answer.

IP address management; moby: libnetwork/ipam, libnetwork/ipamutils
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from runtime.errors import Conflict, InvalidInput
from runtime.network.values import Address, Pool, Subnet

POOLS = (
    *((IPv4Network(f"172.{number}.0.0/16"), 16) for number in range(17, 32)),
    (IPv4Network("192.168.0.0/16"), 20),
)
"""Docker's: from each of these, subnets with that many fixed bits."""

LARGEST_PREFIX = {4: 8, 6: 4}
"""A route to more than this (10.0.0.0/8 is still one network) is a default route in disguise: a
VPN has 0.0.0.0/1 and 128.0.0.0/1, and beside these no subnet would be free."""

SMALLEST_SUBNET = {4: 30, 6: 126}
"""The network's own address, a gateway, a container, and the last one, to which all listen."""

LOCAL_POOL = IPv6Network("fd00::/8")
"""Of which everybody may take a part at random. RFC 4193"""


def choose_subnet(taken: Iterable[Subnet]) -> IPv4Network:
    """The first subnet of the pools that overlaps nothing that is taken. Raises Conflict."""
    avoided = [subnet for subnet in taken if is_subnet(subnet)]
    for pool, bits in POOLS:
        for subnet in pool.subnets(new_prefix=bits):
            if not any(overlaps(subnet, other) for other in avoided):
                return subnet
    raise Conflict(
        "all predefined address pools have been given to networks, or the host has routes there",
        hint="remove networks that are not used (onggi network prune), or choose a --subnet",
    )


def choose_local_subnet(identity: str) -> IPv6Network:
    """A subnet of 64 bits at random, where the chance is a hexadecimal id: the network's own."""
    first = int(LOCAL_POOL.network_address) | int(identity[:14], 16) << 64
    return IPv6Network((first, 64))


def is_subnet(route: Subnet) -> bool:
    """Whether a route leads to a network, and not to the rest of the world."""
    return route.prefixlen >= LARGEST_PREFIX[route.version]


def overlaps(one: Subnet, other: Subnet) -> bool:
    """Whether they have an address in common."""
    return one.version == other.version and one.overlaps(other)


def plan_pools(
    configs: Sequence[Mapping[str, Any]],
    identity: str,
    taken: Collection[Subnet],
    routes: Iterable[Subnet],
    *,
    ipv6: bool,
) -> tuple[Pool, ...]:
    """Pools from docker's IPAM configurations, and an automatic one of each version that is
    wanted and that they do not have. None overlaps what is `taken` by other networks; the host's
    `routes` only keep automatic ones away: who asks for a subnet may mean to hide one of them.

    Raises InvalidInput for what contradicts itself, Conflict for what is taken.
    """
    pools = [plan_pool(config) for config in configs if config.get("Subnet")]
    for config in configs:
        if not config.get("Subnet") and any(config.values()):
            raise InvalidInput(
                "an address, a range or a gateway was given without its subnet",
                hint="add --subnet, such as 10.5.0.0/24",
            )
    for number, pool in enumerate(pools):
        if pool.subnet.version == 6 and not ipv6:
            raise InvalidInput("{subnet} is IPv6: add --ipv6", subnet=pool.subnet)
        others = [each.subnet for each in pools[:number]]
        for other in (*others, *taken):
            if overlaps(pool.subnet, other):
                raise Conflict(
                    "the subnet {subnet} overlaps {other}, which another network has",
                    hint="choose another --subnet; `onggi network inspect` shows theirs",
                    subnet=pool.subnet,
                    other=other,
                )
    versions = {pool.subnet.version for pool in pools}
    if 4 not in versions:
        pools.insert(0, _whole(choose_subnet([*taken, *routes])))
    if ipv6 and 6 not in versions:
        pools.append(_whole(choose_local_subnet(identity)))
    return tuple(pools)


def _whole(subnet: Subnet) -> Pool:
    return Pool(subnet, first_address(subnet))


def plan_pool(config: Mapping[str, Any]) -> Pool:
    """One of docker's IPAM configurations. Raises InvalidInput."""
    subnet = read_subnet(config["Subnet"])
    ip_range = read_subnet(config["IPRange"]) if config.get("IPRange") else None
    if ip_range is not None and not _contains(subnet, ip_range):
        raise _outside(ip_range, subnet)
    gateway = read_address(config["Gateway"]) if config.get("Gateway") else first_address(subnet)
    named = (config.get("AuxiliaryAddresses") or config.get("AuxAddress") or {}).items()
    reserved = {str(name): read_address(text) for name, text in named}
    for address in (gateway, *reserved.values()):
        if address not in subnet:
            raise _outside(address, subnet)
    if not config.get("Gateway") and gateway in reserved.values():
        gateway = choose_address(Pool(subnet, subnet.network_address), [*reserved.values()])
    return Pool(subnet, gateway, ip_range, reserved)


def _contains(subnet: Subnet, part: Subnet) -> bool:
    return subnet.version == part.version and part.subnet_of(subnet)  # type: ignore[arg-type]


def _outside(what: object, subnet: Subnet) -> InvalidInput:
    return InvalidInput("{address} is not in the subnet {subnet}", address=what, subnet=subnet)


def read_subnet(text: str) -> Subnet:
    """10.5.0.0/24; a host's address with its prefix means the subnet. Raises InvalidInput."""
    try:
        if "/" not in text:
            raise ValueError(text)
        subnet = ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidInput(
            "not a subnet: {text!r}",
            hint="write an address and its fixed bits, such as 10.5.0.0/24",
            text=str(text)[:100],
        ) from error
    if subnet.prefixlen > SMALLEST_SUBNET[subnet.version]:
        raise InvalidInput("the subnet {subnet} has no room for a container", subnet=subnet)
    return subnet


def read_address(text: str) -> Address:
    """10.5.0.9; docker also takes 10.5.0.9/24. Raises InvalidInput."""
    try:
        return ip_address(str(text).partition("/")[0])
    except ValueError as error:
        raise InvalidInput(
            "not an IP address: {text!r}", hint="such as 10.5.0.9", text=str(text)[:100]
        ) from error


def first_address(subnet: Subnet) -> Address:
    """The one after the network's own: what a gateway has where nothing is said."""
    return subnet.network_address + 1


def choose_address(pool: Pool, taken: Collection[Address]) -> Address:
    """The lowest free address of the pool's range. Raises Conflict when there is none."""
    closed = {pool.gateway, *pool.reserved.values(), *taken}
    for address in _hosts(pool.ip_range or pool.subnet):
        if address not in closed and address not in _ends(pool.subnet):
            return address
    raise Conflict(
        "no address is free in {range}",
        hint="disconnect or stop a container, or make a network with a larger subnet",
        range=pool.ip_range or pool.subnet,
    )


def claim_address(pool: Pool, wanted: Address, taken: Collection[Address]) -> Address:
    """The address that was asked for. Raises InvalidInput if it is none of this pool's, Conflict
    if it is somebody's.
    """
    if wanted not in pool.subnet or wanted in _ends(pool.subnet):
        raise _outside(wanted, pool.subnet)
    if wanted == pool.gateway or wanted in taken:
        raise Conflict("the address {address} is in use", address=wanted)
    return wanted


def _hosts(subnet: Subnet) -> Iterator[Address]:
    """All addresses, the lowest first; not as a list: IPv6 has very many."""
    first = subnet.network_address
    return (first + offset for offset in range(subnet.num_addresses))


def _ends(subnet: Subnet) -> tuple[Address, ...]:
    """What no host has: the network's own address, and in IPv4 the one to which all listen."""
    last = (subnet.broadcast_address,) if subnet.version == 4 else ()
    return (subnet.network_address, *last)


def mac_of(address: Address) -> str:
    """A hardware address that is as unique in its network as the IP address is. The second bit of
    the first byte says that it was given here, and not by a manufacturer.
    """
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + address.packed[-4:])


def read_mac(text: str) -> str:
    """92:d0:c6:0a:29:33 → the same in small letters. Raises InvalidInput."""
    parts = text.replace("-", ":").lower().split(":")
    whole = len(parts) == 6 and all(len(part) == 2 for part in parts)
    if not whole or not all(set(part) <= set("0123456789abcdef") for part in parts):
        raise _not_a_mac(text)
    if int(parts[0], 16) & 1:
        raise _not_a_mac(text)  # of a group, not of one device
    return ":".join(parts)


def _not_a_mac(text: str) -> InvalidInput:
    return InvalidInput(
        "not a MAC address: {text!r}", hint="such as 92:d0:c6:0a:29:33", text=text[:100]
    )
