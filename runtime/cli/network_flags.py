"""`--network` of run and create, and the flags beside it, as what the engine is asked for.

    --network home                       one network
    --network name=home,alias=www,ip=…   docker's longer form; several of them are several networks
    --network-alias www --ip 10.5.0.9    the same for the first network

docker/cli: opts/network.go
"""

from __future__ import annotations

from typing import Any

from runtime.cli.flags import Given, UsageError
from runtime.container.worlds import DEFAULT_NETWORK, HOST_NETWORK, NO_NETWORK, OTHER

FIELDS = ("name", "alias", "ip", "ip6", "mac-address", "driver-opt", "link-local-ip")


def networks_of(given: Given) -> dict[str, Any]:
    """The keywords `network` and `networking_config`. Raises UsageError."""
    wanted = [read_network(text) for text in given.network]
    if not wanted:
        wanted = [{"name": DEFAULT_NETWORK}]
    names = [each["name"] for each in wanted]
    if len(names) > 1 and any(is_special(name) for name in names):
        raise UsageError(
            "conflicting options: cannot attach both user-defined and "
            "non-user-defined network-modes"
        )
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError("network {name} is specified multiple times", name=twice)
    beside = {
        "alias": given.network_alias,
        "ip": given.ip,
        "ip6": given.ip6,
        "link-local-ip": given.link_local_ip,
    }
    for key, value in beside.items():
        if value and wanted[0].get(key):
            raise UsageError(
                "{flag} and --network …,{key}=… contradict each other",
                flag="--network-alias" if key == "alias" else f"--{key}",
                key=key,
            )
        if value:
            wanted[0][key] = value
    if any(each.get("alias") and not is_made(each["name"]) for each in wanted):
        raise UsageError("network-scoped aliases are only supported for user-defined networks")
    config = {each["name"]: config_of(each) for each in wanted}
    config = {name: each for name, each in config.items() if each}
    options: dict[str, Any] = {"network": names[0]} if given.network else {}
    if config or len(names) > 1:
        options["networking_config"] = {name: config.get(name, {}) for name in names}
    return options


def is_special(name: str) -> bool:
    """A mode, and no network: a container is in it alone."""
    return name in (HOST_NETWORK, NO_NETWORK) or name.startswith(OTHER)


def is_made(name: str) -> bool:
    """A network that somebody has made: neither a mode nor one that is always there."""
    return not is_special(name) and name not in (DEFAULT_NETWORK, "default")


def read_network(text: str) -> dict[str, Any]:
    """A name, or fields with their values, of which some may be there several times."""
    if "=" not in text:
        return {"name": text}
    found: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not equals or key not in FIELDS:
            raise UsageError(
                "invalid field in --network: {part}",
                hint="the fields are: {known}",
                part=part,
                known=", ".join(FIELDS),
            )
        if key in ("alias", "driver-opt", "link-local-ip"):
            found.setdefault(key, []).append(value.strip())
        else:
            found[key] = value.strip()
    if not found.get("name"):
        raise UsageError("--network {text}: the network's name is missing", text=text)
    return found


def config_of(wanted: dict[str, Any]) -> dict[str, Any]:
    """As docker's EndpointSettings, without what nobody asked for."""
    addresses = {
        "IPv4Address": wanted.get("ip"),
        "IPv6Address": wanted.get("ip6"),
        "LinkLocalIPs": wanted.get("link-local-ip"),
    }
    config = {
        "Aliases": wanted.get("alias"),
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "MacAddress": wanted.get("mac-address"),
        "DriverOpts": dict(each.partition("=")[::2] for each in wanted.get("driver-opt", ())),
    }
    return {key: value for key, value in config.items() if value}
