"""A container's networks as docker's JSON: EndpointSettings.

Docker Engine API 1.47, EndpointSettings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.container.state import LIVE
from runtime.container.worlds import HOST_NETWORK, NO_NETWORK
from runtime.engine.inspect import ENDPOINT
from runtime.errors import NotFound
from runtime.network.records import NetworkRecords, read_places
from runtime.network.values import Endpoint, Network, Place

if TYPE_CHECKING:
    from runtime.engine.container import Container


def endpoints_of(container: Container) -> dict[str, dict[str, Any]]:
    """The networks that it is in, or will be, by name."""
    records = NetworkRecords(container.database)
    mode = container.request.network
    if mode in (HOST_NETWORK, NO_NETWORK):
        return {mode: {**ENDPOINT, "NetworkID": records.get(mode).id}}
    running = container.status in LIVE
    got = {each.network.id: each for each in records.endpoints(container.id)} if running else {}
    found = {}
    for network_id, place in read_places(container.row["networks"]).items():
        try:
            network = records.network(network_id)
        except NotFound:  # removed while it did not run
            continue
        found[network.name] = settings(container, network, place, got.get(network_id))
    return dict(sorted(found.items()))


def settings(
    container: Container, network: Network, place: Place, endpoint: Endpoint | None
) -> dict[str, Any]:
    """What was asked for in one network, and what it got."""
    asked = {"IPv4Address": place.ipv4, "IPv6Address": place.ipv6}
    names = [container.name, *place.aliases, container.id[:12]]
    document = {
        **ENDPOINT,
        "IPAMConfig": {key: value for key, value in asked.items() if value} or None,
        "Links": [f"{target}:{name}" for name, target in place.links.items()] or None,
        "Aliases": list(place.aliases) or None,
        "MacAddress": place.mac,
        "DriverOpts": dict(place.driver_options) or None,
        "NetworkID": network.id,
        "DNSNames": None if network.is_default else list(dict.fromkeys(names)),
    }
    return document if endpoint is None else document | addresses(network, endpoint)


def addresses(network: Network, endpoint: Endpoint) -> dict[str, Any]:
    """What it got."""
    document: dict[str, Any] = {"EndpointID": endpoint.id, "MacAddress": endpoint.mac}
    for address, version in ((endpoint.address, 4), (endpoint.address6, 6)):
        pool = network.pool(version)
        if address is None or pool is None:
            continue
        gateway = "" if network.internal else str(pool.gateway)
        names = ("IPAddress", "IPPrefixLen", "Gateway")
        if version == 6:
            names = ("GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway")
        values = (str(address.ip), address.network.prefixlen, gateway)
        document |= dict(zip(names, values, strict=True))
    return document
