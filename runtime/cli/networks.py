"""Commands about networks: create, ls, inspect, connect, disconnect, rm, prune."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.cli import console, units
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import (
    LIST,
    SWITCH,
    WORD,
    EndsWithOne,
    Flag,
    Given,
    Kind,
    UsageError,
    elsewhere,
)
from runtime.cli.listing import (
    FILTER,
    FORMAT,
    NO_TRUNC,
    PRUNE_FILTER,
    Row,
    filters_of,
    show,
    show_removed,
)

HEADERS: Row = {
    "ID": "NETWORK ID",
    "Name": "NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "CreatedAt": "CREATED AT",
    "IPv4": "IPV4",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "Label": lambda name: name,
}
MAP = Kind("map", repeats=True)
COLUMNS = ("ID", "Name", "Driver", "Scope")


@command(
    "[OPTIONS] NETWORK",
    Flag("attachable", "", SWITCH, "Enable manual container attachment"),
    Flag("aux-address", "", LIST, "Auxiliary IPv4 or IPv6 addresses used by the driver"),
    Flag("config-from", "", elsewhere(WORD), "The network from which to copy the configuration"),
    Flag("config-only", "", elsewhere(SWITCH), "Create a configuration only network"),
    Flag("driver", "d", WORD, "Driver to manage the network", "bridge"),
    Flag("gateway", "", LIST, "IPv4 or IPv6 gateway for the subnet"),
    Flag("ingress", "", SWITCH, "Create swarm routing-mesh network"),
    Flag("internal", "", SWITCH, "Restrict external access to the network"),
    Flag("ip-range", "", LIST, "Allocate container IP from a sub-range"),
    Flag("ipam-driver", "", WORD, "IP address management driver", "default"),
    Flag("ipam-opt", "", elsewhere(MAP), "Set IPAM driver specific options"),
    Flag("ipv6", "", SWITCH, "Enable IPv6 networking"),
    Flag("label", "", LIST, "Set metadata on a network"),
    Flag("opt", "o", LIST, "Set driver specific options"),
    Flag("scope", "", WORD, "Control the network's scope"),
    Flag("subnet", "", LIST, "Subnet in CIDR format that represents a network segment"),
    least=1,
    most=1,
)
def create(given: Given) -> int:
    """A network of one's own; its id."""
    more: dict[str, Any] = {}
    if given.config_only or given.config_from:
        more = {"config_only": given.config_only, "config_from": given.config_from}
    network = open_engine().networks.create(
        given.words[0],
        driver=given.driver,
        options=pairs_of(given.opt, "--opt"),
        ipam=ipam_of(given),
        internal=given.internal,
        labels=given.label,
        enable_ipv6=given.ipv6,
        attachable=given.attachable,
        scope=given.scope,
        ingress=given.ingress,
        **more,
    )
    console.say(network.id)
    return 0


def ipam_of(given: Given) -> dict[str, Any]:
    """Docker's IPAM. Raises InvalidInput."""
    ipam: dict[str, Any] = {"Driver": given.ipam_driver, "Config": configs_of(given)}
    if given.ipam_opt:
        ipam["Options"] = pairs_of(given.ipam_opt, "--ipam-opt")
    return ipam


def configs_of(given: Given) -> list[dict[str, Any]]:
    """Docker's IPAM configurations: each gateway, range and address goes to the subnet in which it
    lies. Raises InvalidInput.
    """
    from runtime.network.ipam import read_address, read_subnet

    subnets = [read_subnet(text) for text in given.subnet]
    configs: list[dict[str, Any]] = [{"Subnet": str(subnet)} for subnet in subnets]

    def config_of(flag: str, text: str, address: Any) -> dict[str, Any]:
        for subnet, config in zip(subnets, configs, strict=True):
            if address in subnet:
                return config
        raise EndsWithOne("no matching subnet for {flag} {text}", flag=flag, text=text)

    for flag, key, texts in (
        ("--gateway", "Gateway", given.gateway),
        ("--ip-range", "IPRange", given.ip_range),
    ):
        for text in texts:
            config = config_of(flag, text, read_address(text))
            if key in config:
                raise UsageError(
                    "{flag} was given twice for the subnet {subnet}",
                    flag=flag,
                    subnet=config["Subnet"],
                )
            config[key] = text
    for name, text in pairs_of(given.aux_address, "--aux-address").items():
        config = config_of("--aux-address", text, read_address(text))
        config.setdefault("AuxiliaryAddresses", {})[name] = text
    return configs


def pairs_of(texts: list[str], flag: str) -> dict[str, str]:
    """name=value texts; a bare name has an empty value. Raises UsageError."""
    pairs = dict(text.partition("=")[::2] for text in texts)
    if "" in pairs:
        raise UsageError("{flag} takes name=value", flag=flag)
    return pairs


@command(
    "[OPTIONS]",
    FILTER,
    FORMAT,
    NO_TRUNC,
    Flag("quiet", "q", SWITCH, "Only display network IDs"),
    most=0,
)
def ls(given: Given) -> int:
    """One line for each network, by name."""
    networks = [
        each.attrs for each in open_engine().networks.list(filters=filters_of(given.filter))
    ]
    networks.sort(key=lambda attrs: str(attrs["Name"]))
    rows = [row_of(attrs, whole=given.no_trunc) for attrs in networks]
    if given.quiet and not given.format:
        for row in rows:
            console.say(row["ID"])
        return 0
    show(rows, HEADERS, COLUMNS, given.format)
    return 0


def row_of(attrs: Mapping[str, Any], *, whole: bool) -> Row:
    """A network as `network ls` shows it."""
    labels = attrs.get("Labels") or {}
    created, fraction = units.parse_time(attrs["Created"]), units.fraction_of(attrs["Created"])
    return {
        "ID": attrs["Id"] if whole else attrs["Id"][:12],
        "Name": attrs["Name"],
        "Driver": attrs["Driver"],
        "Scope": attrs["Scope"],
        "CreatedAt": units.local_time(created, fraction) if created else "",
        "IPv4": str(attrs.get("EnableIPv4", False)).lower(),
        "IPv6": str(attrs["EnableIPv6"]).lower(),
        "Internal": str(attrs["Internal"]).lower(),
        "Labels": ",".join(f"{name}={text}" for name, text in sorted(labels.items())),
        "Label": lambda name: labels.get(name, ""),
    }


@command(
    "[OPTIONS] NETWORK CONTAINER",
    Flag("alias", "", LIST, "Add network-scoped alias for the container"),
    Flag("driver-opt", "", LIST, "driver options for the network"),
    Flag("ip", "", WORD, 'IPv4 address (e.g., "172.30.100.104")'),
    Flag("ip6", "", WORD, 'IPv6 address (e.g., "2001:db8::33")'),
    Flag("link", "", LIST, "Add link to another container"),
    Flag("link-local-ip", "", LIST, "Add a link-local address for the container"),
    least=2,
    most=2,
)
def connect(given: Given) -> int:
    """Plug a container in; it may be running."""
    network, container = given.words
    open_engine().networks.get(network).connect(
        container,
        aliases=given.alias,
        links=given.link,
        ipv4_address=given.ip,
        ipv6_address=given.ip6,
        link_local_ips=given.link_local_ip,
        driver_opt=pairs_of(given.driver_opt, "--driver-opt"),
    )
    return 0


@command(
    "[OPTIONS] NETWORK CONTAINER",
    Flag("force", "f", SWITCH, "Force the container to disconnect from a network"),
    least=2,
    most=2,
)
def disconnect(given: Given) -> int:
    """Unplug a container; it goes on running."""
    network, container = given.words
    open_engine().networks.get(network).disconnect(container, force=given.force)
    return 0


@command(
    "NETWORK [NETWORK...]",
    Flag("force", "f", SWITCH, "Do not error if the network does not exist"),
    least=1,
)
def rm(given: Given) -> int:
    """Only networks that no running container is in go."""
    engine = open_engine()

    def remove(name: str) -> str:
        engine.networks.get(name).remove()
        return name

    return console.each(given.words, remove, may_be_missing=given.force)


@command(
    "[OPTIONS]",
    PRUNE_FILTER,
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove networks that no container is in."""
    question = "This removes all networks that no container is in. Continue?"
    if not given.force and not console.agrees(question):
        return 1
    removed = open_engine().networks.prune(filters_of(given.filter))
    show_removed("Networks", removed["NetworksDeleted"])
    return 0
