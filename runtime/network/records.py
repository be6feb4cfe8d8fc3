"""What is written down about networks: which there are, who is in them, with which addresses.

Everything that two processes could want at once (a name, a subnet, an address) is given away in a
transaction, and the database refuses to give it twice. An endpoint's row is written *before* its
cable is made and deleted *after* it is gone: so a cable that no row knows can be nobody's.

A container's row has, in `networks`, in which networks it wants to be. `plugs` and `endpoints` are
about containers that run; they are written by the keeper.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import Path
from typing import Any, TypeVar

from runtime import journal
from runtime.database import Database, Row, UniqueViolation
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.network import ipam
from runtime.network.values import (
    LONGEST_LINK,
    NAME_OPTION,
    PREDEFINED,
    PREFIX_OPTION,
    Address,
    Endpoint,
    Network,
    Place,
    Pool,
    Subnet,
)

PREFIX = "onggi-"
"""What the bridges of users' networks are called, and the first digits of the network's id."""

Interface = TypeVar("Interface", IPv4Interface, IPv6Interface)


@dataclass(frozen=True, slots=True)
class Plug:
    """A container that is to have cables: its first process, and where its files are."""

    container: str
    pid: int
    pid_start: int
    directory: Path
    hostname: str
    domainname: str = ""


class NetworkRecords:
    """The networks of one state directory, as they are written down."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ── Networks ───────────────────────────────────────────────────────────────────────────────

    def all(self) -> list[Network]:
        """The newest first; those that are always there are the oldest."""
        rows = self.database.all("SELECT * FROM networks ORDER BY created_ns DESC, name")
        return [_network(row) for row in rows]

    def network(self, network_id: str) -> Network:
        """By its whole id. Raises NotFound."""
        row = self.database.one("SELECT * FROM networks WHERE id = ?", network_id)
        if row is None:
            raise _no_network(network_id[:12])
        return _network(row)

    def get(self, text: str) -> Network:
        """By its id, its name, or the beginning of its id. Raises NotFound, Conflict when several
        begin like this.
        """
        query = "SELECT * FROM networks WHERE id = ? OR name = ? ORDER BY id = ? DESC"
        if (row := self.database.one(query, text, text, text)) is not None:
            return _network(row)
        rows: list[Row] = []
        if text and set(text) <= set("0123456789abcdef"):
            rows = self.database.all("SELECT * FROM networks WHERE id GLOB ?", text + "*")
        if len(rows) > 1:
            raise Conflict(
                "several networks have an id that begins with {text}",
                hint="write more of its digits",
                text=text,
            )
        if not rows:
            raise _no_network(text)
        return _network(rows[0])

    def create(
        self,
        draft: Network,
        configs: Sequence[Mapping[str, Any]],
        routes: Callable[[], Iterable[Subnet]],
    ) -> Network:
        """Give `draft` an id, a bridge's name and its pools, and write it down.

        Raises Conflict for a name or a subnet that is taken, InvalidInput.
        """
        network_id = secrets.token_hex(32)
        link = draft.options.get(NAME_OPTION) or PREFIX + network_id[: LONGEST_LINK - len(PREFIX)]

        def write() -> Network:
            others = self.all()
            if any(other.name == draft.name for other in others):
                raise _name_taken(draft.name)
            if any(other.link == link for other in others):
                raise Conflict("the bridge {link} belongs to another network", link=link)
            taken = [pool.subnet for other in others for pool in other.pools]
            pools = ipam.plan_pools(configs, network_id, taken, routes(), ipv6=draft.ipv6)
            chosen = not any(config.get("Subnet") for config in configs)
            made = replace(
                *(draft,),
                id=network_id,
                link=link,
                pools=pools,
                chosen=chosen,
                created_ns=time.time_ns(),
            )
            self.database.change(
                "INSERT INTO networks (id, name, driver, link, settings, created_ns)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                *(made.id, made.name, made.driver, made.link, _settings(made), made.created_ns),
            )
            self._note("create", made)
            return made

        return self.database.atomically(write)

    def choose_pools(self, network_id: str, routes: Callable[[], Iterable[Subnet]]) -> Network:
        """Give a network pools that has none, or other ones if a route of the host has come in the
        way: as long as nobody is in it, and nobody has asked for these.
        """

        def choose() -> Network:
            network = self.network(network_id)
            if not network.chosen or (network.pools and self.is_used(network_id)):
                return network
            found = [*routes()]
            met = [pool for pool in network.pools for route in found if _meets(pool, route)]
            if network.pools and not met:
                return network
            taken = [
                pool.subnet
                for other in self.all()
                if other.id != network_id
                for pool in other.pools
            ]
            pools = ipam.plan_pools((), network_id, taken, found, ipv6=network.ipv6)
            return self._rewrite(replace(network, pools=pools))

        return self.database.atomically(choose)

    def rename_link(self, network: Network, link: str) -> Network:
        """Its bridge has another name from now on."""
        return self._rewrite(replace(network, link=link))

    def _rewrite(self, network: Network) -> Network:
        self.database.change(
            "UPDATE networks SET settings = ?, link = ? WHERE id = ?",
            *(_settings(network), network.link, network.id),
        )
        return network

    def forget(self, network: Network, *, raised: str = "") -> None:
        """Delete it, if its bridge is not up (or only in the world `raised`, where the caller has
        taken it away). Raises Conflict if somebody is in it, NotFound.
        """

        def forget() -> None:
            self.refuse_removal(network)
            statement = "DELETE FROM networks WHERE id = ? AND raised IN ('', ?)"
            if not self.database.change(statement, network.id, raised):
                raise _no_network(network.name)
            self._note("destroy", network)

        self.database.atomically(forget)

    def refuse_removal(self, network: Network) -> None:
        """Raises Conflict if somebody is in it, or if it is always there."""
        refuse_predefined(network)
        if self.is_used(network.id):
            raise Conflict(
                "network {name} has active endpoints: {containers}",
                hint="stop these containers, or disconnect them",
                name=network.name,
                containers=", ".join(self.names_in(network.id)),
            )

    # ── Worlds: where bridges are ──────────────────────────────────────────────────────────────

    def raised_in(self, network_id: str) -> str:
        """The world in which its bridge is, or was when that world ended; "" for none."""
        query = "SELECT raised FROM networks WHERE id = ?"
        row = self.database.one(query, network_id)
        return str(row["raised"]) if row is not None else ""

    def set_raised(self, network_id: str, world: str) -> None:
        """Before its bridge is made there. Raises NotFound if it has just been removed."""
        statement = "UPDATE networks SET raised = ? WHERE id = ?"
        if not self.database.change(statement, world, network_id):
            raise _no_network(network_id[:12])

    def set_lowered(self, network_id: str, world: str) -> None:
        """After its bridge is gone from there."""
        statement = "UPDATE networks SET raised = '' WHERE id = ? AND raised = ?"
        self.database.change(statement, network_id, world)

    def raised(self, world: str) -> list[Network]:
        """Those with a bridge in that world."""
        query = "SELECT * FROM networks WHERE raised = ?"
        return [_network(row) for row in self.database.all(query, world)]

    def anything_in(self, world: str) -> bool:
        """Whether something of ours may be in the kernel."""
        query = (
            "SELECT 1 FROM networks WHERE raised = ? UNION ALL"
            " SELECT 1 FROM plugs WHERE world = ? LIMIT 1"
        )
        return self.database.one(query, world, world) is not None

    # ── Who is in them ─────────────────────────────────────────────────────────────────────────

    def is_used(self, network_id: str) -> bool:
        """Whether a running container is in it."""
        query = "SELECT 1 FROM endpoints WHERE network = ?"
        return self.database.one(query, network_id) is not None

    def names_in(self, network_id: str) -> list[str]:
        """The names of the containers that run in it."""
        query = (
            "SELECT coalesce(name, substr(container, 1, 12)) AS name FROM endpoints"
            " LEFT JOIN containers ON containers.id = container WHERE network = ? ORDER BY 1"
        )
        return [row["name"] for row in self.database.all(query, network_id)]

    def places(self, container: str) -> dict[str, Place] | None:
        """The networks that a container wants to be in; None if no row says so: a build step's."""
        row = self.database.one("SELECT networks FROM containers WHERE id = ?", container)
        return None if row is None else read_places(row["networks"])

    def set_place(self, container: str, network_id: str, place: Place | None) -> None:
        """From its next start on it is in that network, or with None it is not."""

        def write() -> None:
            places = self.places(container) or {}
            places.pop(network_id, None)
            if place is not None:
                places[network_id] = place
            statement = "UPDATE containers SET networks = ? WHERE id = ?"
            self.database.change(statement, write_places(places), container)

        self.database.atomically(write)

    def plug(self, plug: Plug, places: Mapping[str, Place], world: str) -> tuple[Endpoint, ...]:
        """Give a container that is about to run its addresses, all or none.

        Raises Conflict for an address that is taken, or when none is left; NotFound for a network
        that has been removed.
        """
        facts = {
            "directory": str(plug.directory),
            "hostname": plug.hostname,
            "domainname": plug.domainname,
        }

        def write() -> tuple[Endpoint, ...]:
            self.database.change(
                "INSERT INTO plugs (container, pid, pid_start, world, facts)"
                " VALUES (?, ?, ?, ?, ?)",
                *(plug.container, plug.pid, plug.pid_start, world, json.dumps(facts)),
            )
            return tuple(
                self._occupy(plug.container, network_id, place, number)
                for number, (network_id, place) in enumerate(places.items())
            )

        return self.database.atomically(write)

    def connect(self, container: str, network_id: str, place: Place) -> Endpoint:
        """Give a container that runs an address in one more network. Raises as `plug`."""

        def write() -> Endpoint:
            used = {each.device for each in self.endpoints(container)}
            free = (n for n in range(len(used) + 1) if f"eth{n}" not in used)
            made = self._occupy(container, network_id, place, next(free))
            self.set_place(container, network_id, place)
            return made

        return self.database.atomically(write)

    def _occupy(self, container: str, network_id: str, place: Place, number: int) -> Endpoint:
        network = self.network(network_id)
        endpoint_id = secrets.token_hex(32)
        address, address6 = (self._address(network, place, version) for version in (4, 6))
        either = address or address6
        if either is None:
            raise NotFound("network {name} has no addresses", name=network.name)
        mac = place.mac or ipam.mac_of(either)
        prefix = network.options.get(PREFIX_OPTION, "eth")
        link, device = f"veth{endpoint_id[:7]}", f"{prefix}{number}"
        try:
            self.database.change(
                "INSERT INTO endpoints (id, container, network, address, address6, mac, link,"
                " device, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(endpoint_id, container, network_id, _text(address), _text(address6), mac),
                *(link, device, json.dumps(place.to_json())),
            )
        except UniqueViolation as error:
            raise Conflict(
                "container {container} is in network {network} already",
                container=container[:12],
                network=network.name,
            ) from error
        self._note("connect", network, container)
        return self._endpoint(self._row(endpoint_id))

    def _address(self, network: Network, place: Place, version: int) -> Address | None:
        pool = network.pool(version)
        if pool is None:
            return None
        column = "address" if version == 4 else "address6"
        query = f"SELECT {column} AS address FROM endpoints WHERE network = ?"  # noqa: S608
        rows = self.database.all(query, network.id)
        taken = {ip_address(row["address"]) for row in rows if row["address"]}
        wanted = place.ipv4 if version == 4 else place.ipv6
        if wanted:
            return ipam.claim_address(pool, ip_address(wanted), taken)
        return ipam.choose_address(pool, taken)

    def disconnect(self, endpoint: Endpoint) -> None:
        """Its cable is gone: give its address back."""

        def write() -> None:
            self.database.change("DELETE FROM endpoints WHERE id = ?", endpoint.id)
            self._note("disconnect", endpoint.network, endpoint.container)

        self.database.atomically(write)

    def unplug(self, container: str) -> None:
        """All its cables are gone."""

        def write() -> None:
            for endpoint in self.endpoints(container):
                self.disconnect(endpoint)
            self.database.change("DELETE FROM plugs WHERE container = ?", container)

        self.database.atomically(write)

    def plugs(self, world: str) -> list[Plug]:
        """Containers with cables in that world."""
        query = "SELECT * FROM plugs WHERE world = ?"
        return [_plug(row) for row in self.database.all(query, world)]

    def plugs_elsewhere(self, world: str) -> list[Plug]:
        """Containers with cables in other worlds, of other keepers or before the last reboot."""
        query = "SELECT * FROM plugs WHERE world <> ?"
        return [_plug(row) for row in self.database.all(query, world)]

    def endpoints(self, container: str) -> tuple[Endpoint, ...]:
        """A running container's cables, in the order of their devices."""
        query = "SELECT * FROM endpoints WHERE container = ? ORDER BY length(device), device"
        return tuple(self._endpoint(row) for row in self.database.all(query, container))

    def endpoints_in(self, network_id: str) -> tuple[Endpoint, ...]:
        """All cables that lead to a network."""
        query = "SELECT * FROM endpoints WHERE network = ? ORDER BY container"
        return tuple(self._endpoint(row) for row in self.database.all(query, network_id))

    def request(self, plug: Plug) -> tuple[str, dict[str, Any]]:
        """A container's name and what was asked for when it was created. A build step has neither
        name nor row: what was asked for stands in a file of its bundle (`container/step`).
        """
        query = "SELECT name, request FROM containers WHERE id = ?"
        row = self.database.one(query, plug.container)
        if row is not None:
            return row["name"], json.loads(row["request"])
        with contextlib.suppress(OSError):  # its caller was killed, and somebody has cleaned up
            return "", json.loads((plug.directory / "request.json").read_bytes())
        return "", {}

    def _row(self, endpoint_id: str) -> Row:
        row = self.database.one("SELECT * FROM endpoints WHERE id = ?", endpoint_id)
        assert row is not None
        return row

    def _endpoint(self, row: Row) -> Endpoint:
        network = self.network(row["network"])
        return Endpoint(
            row["id"],
            network,
            row["container"],
            _with_prefix(IPv4Interface, row["address"], network.pool(4)),
            _with_prefix(IPv6Interface, row["address6"], network.pool(6)),
            row["mac"],
            row["link"],
            row["device"],
            Place.from_json(json.loads(row["place"])),
        )

    def _note(self, action: str, network: Network, container: str = "") -> None:
        facts = {"name": network.name, "type": network.driver}
        if container:
            facts = {"container": container, **facts}
        journal.note(self.database, "network", action, network.id, facts)


def refuse_predefined(network: Network) -> None:
    """Raises Conflict for a network that is always there."""
    if network.name in PREDEFINED:
        raise Conflict("{name} is a pre-defined network and cannot be removed", name=network.name)


def refuse_fixed_address(network: Network, place: Place) -> None:
    """Raises InvalidInput for a fixed address or aliases where docker has none."""
    if network.is_default and place.aliases:
        raise InvalidInput(
            "network-scoped alias is supported only for containers in user defined networks",
            hint="make a network: onggi network create NAME",
        )
    if not (place.ipv4 or place.ipv6):
        return
    if network.is_default:
        raise InvalidInput(
            "user specified IP address is supported on user defined networks only",
            hint="make a network: onggi network create --subnet 10.5.0.0/24 NAME",
        )
    if network.chosen:
        raise InvalidInput(
            "user specified IP address is supported only when connecting to networks with user "
            "configured subnets",
            hint="make the network with --subnet",
        )
    for version, text in ((4, place.ipv4), (6, place.ipv6)):
        pool = network.pool(version)
        if text and (pool is None or ip_address(text) not in pool.subnet):
            raise InvalidInput(
                "the address {address} is in no subnet of network {name}",
                address=text,
                name=network.name,
            )


def read_places(text: str) -> dict[str, Place]:
    """The column `networks` of a container's row."""
    return {name: Place.from_json(each) for name, each in json.loads(text).items()}


def write_places(places: Mapping[str, Place]) -> str:
    """What `read_places` reads."""
    return json.dumps({name: place.to_json() for name, place in places.items()})


def _network(row: Row) -> Network:
    settings = json.loads(row["settings"])
    pools = tuple(Pool.from_docker(each) for each in settings.pop("pools", ()))
    return Network(
        *(row["id"], row["name"], row["driver"], row["link"], pools),
        created_ns=row["created_ns"],
        **settings,
    )


def _settings(network: Network) -> str:
    return json.dumps(
        {
            "pools": [pool.to_docker() for pool in network.pools],
            "internal": network.internal,
            "attachable": network.attachable,
            "ipv6": network.ipv6,
            "chosen": network.chosen,
            "labels": dict(network.labels),
            "options": dict(network.options),
        }
    )


def _plug(row: Row) -> Plug:
    facts = json.loads(row["facts"])
    return Plug(
        *(row["container"], row["pid"], row["pid_start"], Path(facts["directory"])),
        *(facts["hostname"], facts["domainname"]),
    )


def _with_prefix(kind: type[Interface], address: str | None, pool: Pool | None) -> Interface | None:
    return kind(f"{address}/{pool.subnet.prefixlen}") if address and pool else None


def _meets(pool: Pool, route: Subnet) -> bool:
    return ipam.is_subnet(route) and ipam.overlaps(pool.subnet, route)


def _text(address: Address | None) -> str | None:
    return None if address is None else str(address)


def _no_network(name: str) -> NotFound:
    return NotFound(
        "network {name} not found", hint="`onggi network ls` lists all networks", name=name
    )


def _name_taken(name: str) -> Conflict:
    return Conflict(
        "network with name {name} already exists",
        hint="remove it (onggi network rm {name}), or choose another name",
        name=name,
    )
