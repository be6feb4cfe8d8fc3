"""Networks: what Docker's Python SDK calls `client.networks`.

    home = engine.networks.create("home", ipam={"Config": [{"Subnet": "10.5.0.0/24"}]})
    home.connect(engine.containers.get("web"), aliases=["www"])

A network is a row. Its bridge is in the kernel while somebody is in it: the keeper
(`runtime/network/keeper.py`) makes it, and does all that needs the kernel; the rest is done here.

Docker Engine API 1.47, Network; docker-py, `models.networks`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from runtime import journal
from runtime.container.log import timestamp
from runtime.container.state import LIVE
from runtime.engine.arguments import as_labels
from runtime.engine.directory import require_root
from runtime.engine.filters import Filters, has_labels, is_true, prune_test, read_filters
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.linux.routes import routes
from runtime.network import requests, values
from runtime.network.ipam import read_address, read_mac
from runtime.network.records import NetworkRecords, refuse_fixed_address, refuse_predefined
from runtime.network.values import BRIDGE, HOST, NONE, PREDEFINED, Endpoint, Place

if TYPE_CHECKING:
    from runtime.container.records import Records
    from runtime.engine.container import Container
    from runtime.engine.containers import Containers

NetworkList = list["Network"]

FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")
KINDS = ("custom", "builtin")

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)
_LINK = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}", re.ASCII)


class Networks:
    """`engine.networks`."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._records: Records = containers.lifecycle.records
        self.records = NetworkRecords(self._records.database)

    def create(
        self,
        name: str,
        driver: str | None = None,
        options: Mapping[str, str] | None = None,
        ipam: Mapping[str, Any] | None = None,
        check_duplicate: bool | None = None,
        internal: bool = False,
        labels: Mapping[str, str] | Iterable[str] | None = None,
        enable_ipv6: bool = False,
        attachable: bool | None = None,
        scope: str | None = None,
        ingress: bool | None = None,
    ) -> Network:
        """A network of one's own. `ipam` is docker's: {"Config": [{"Subnet": …, "Gateway": …}]}.

        Raises Conflict for a name or a subnet that is taken, InvalidInput. `check_duplicate` is
        always done.
        """
        require_root()
        refuse_name(name)
        refuse_what_belongs_to_swarm(driver, scope, ingress=bool(ingress))
        configs = read_ipam(ipam)
        draft = values.Network(
            *("", name, driver or BRIDGE, ""),
            internal=internal,
            attachable=bool(attachable),
            ipv6=enable_ipv6,
            labels=as_labels(labels),
            options=read_driver_options(options or {}),
        )
        return Network(self, self.records.create(draft, configs, routes))

    def get(
        self, network_id: str, verbose: bool | None = None, scope: str | None = None
    ) -> Network:
        """The network of a name or an id (whole, or its beginning). Raises NotFound, Conflict."""
        return Network(self, self.with_pools(self.records.get(network_id)))

    def list(
        self,
        names: Iterable[str] | None = None,
        ids: Iterable[str] | None = None,
        filters: Filters = None,
        greedy: bool = False,
    ) -> NetworkList:
        """All networks, or those with a part of their name or the beginning of their id among
        these, that pass the `filters`: dangling, driver, id, label, name, scope, type.
        """
        wanted = read_filters(filters, FILTERS)
        wanted |= {"name": [*names]} if names else {}
        wanted |= {"id": [*ids]} if ids else {}
        found = [Network(self, network) for network in self.records.all()]
        return [each for each in found if all(_passes(each, *item) for item in wanted.items())]

    def prune(self, filters: Filters = None) -> dict[str, Any]:
        """Remove all networks of users' that no container is in, running or not, and that pass
        the `filters`: until, label, label!. Docker's answer: NetworksDeleted (names).
        """
        goes = prune_test(filters)
        deleted = []
        for network in self.list():
            if network.name in PREDEFINED or self._is_asked_for(network.id):
                continue  # whether somebody runs in it the keeper knows, sooner than the rows
            if goes(network.value.labels, network.value.created_ns):
                with contextlib.suppress(Conflict, NotFound):
                    network.remove()
                    deleted.append(network.name)
        journal.note_prune(self._records.database, "network", 0)
        return {"NetworksDeleted": deleted}

    def is_wanted(self, network_id: str) -> bool:
        """Whether a container is in it, or will be when it is started."""
        return self.records.is_used(network_id) or self._is_asked_for(network_id)

    def _is_asked_for(self, network_id: str) -> bool:
        """Whether a container says that it wants to be in it."""
        rows = self._records.database.all("SELECT networks FROM containers")
        return any(network_id in row["networks"] for row in rows)

    def with_pools(self, network: values.Network) -> values.Network:
        """The default network gets its subnet when somebody first asks for it."""
        if network.driver != BRIDGE or network.pools:
            return network
        return self.records.choose_pools(network.id, routes)

    def containers_in(self, network_id: str) -> dict[str, tuple[Container, Endpoint]]:
        """The containers that run in it, and what they got."""
        found = {}
        for endpoint in self.records.endpoints_in(network_id):
            with contextlib.suppress(NotFound):  # a build step, or removed just now
                container = self._containers.get(endpoint.container)
                if container.status in LIVE:
                    found[container.id] = container, endpoint
        return found

    def container(self, container: Container | str) -> Container:
        """By its name, id, or as it is."""
        name = container if isinstance(container, str) else container.id
        return self._containers.get(name)

    def settle(self) -> None:
        """Have cleaned up what a keeper that was killed has left, if one was."""
        requests.settle(self._records.root, self.records)

    def ask(self, message: dict[str, Any]) -> None:
        """Let the keeper do what needs the kernel. Raises what it refuses."""
        requests.ask(self._records.root, message)


class Network:
    """One network. `attrs` are as of the last `reload`, but for the containers in it."""

    def __init__(self, networks: Networks, value: values.Network) -> None:
        self._networks = networks
        self.value = value

    @property
    def id(self) -> str:
        """64 hex digits."""
        return self.value.id

    @property
    def short_id(self) -> str:
        """The first twelve of them."""
        return self.id[:12]

    @property
    def name(self) -> str:
        """The name it was given."""
        return self.value.name

    @property
    def attrs(self) -> dict[str, Any]:
        """Docker's JSON: what `network inspect` shows."""
        value = self._networks.with_pools(self.value)
        found = self._networks.containers_in(self.id)
        return {
            "Name": self.name,
            "Id": self.id,
            "Created": timestamp(value.created_ns),
            "Scope": "local",
            "Driver": value.driver,
            "EnableIPv4": value.driver == BRIDGE,
            "EnableIPv6": value.ipv6,
            "IPAM": {
                "Driver": "default",
                "Options": None if value.name in PREDEFINED else {},
                "Config": [pool.to_docker() for pool in value.pools],
            },
            "Internal": value.internal,
            "Attachable": value.attachable,
            "Ingress": False,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": False,
            "Containers": {
                container.id: _resource(container, endpoint)
                for container, endpoint in found.values()
            },
            "Options": shown_options(value),
            "Labels": dict(value.labels),
        }

    @property
    def is_wanted(self) -> bool:
        """Whether a container is in it, or will be when it is started."""
        return self._networks.is_wanted(self.id)

    @property
    def containers(self) -> list[Container]:
        """Those that run in it."""
        found = self._networks.containers_in(self.id)
        return [container for container, _ in found.values()]

    def reload(self) -> None:
        """Look again. Raises NotFound when it has been removed."""
        self.value = self._networks.records.network(self.id)

    def remove(self) -> None:
        """Delete it. Raises Conflict if containers run in it, or it is always there; NotFound."""
        refuse_predefined(self.value)
        if self._networks.records.raised_in(self.id) == requests.world():
            return self._networks.ask({"verb": "remove", "network": self.id})
        world = self._networks.records.raised_in(self.id)  # one that has ended, if nobody is in it
        return self._networks.records.forget(self.value, raised=world)

    def connect(
        self,
        container: Container | str,
        aliases: Iterable[str] | None = None,
        links: Any = None,
        ipv4_address: str | None = None,
        ipv6_address: str | None = None,
        link_local_ips: Iterable[str] | None = None,
        driver_opt: Mapping[str, str] | None = None,
        mac_address: str | None = None,
    ) -> None:
        """Plug a container in, at once if it runs, and at each of its starts.

        Raises Conflict if it is in this network already, or has no network of its own.
        """
        config = {
            "Aliases": [*(aliases or ())],
            "Links": links,
            "IPAMConfig": {
                "IPv4Address": ipv4_address or "",
                "IPv6Address": ipv6_address or "",
                "LinkLocalIPs": [*(link_local_ips or ())],
            },
            "DriverOpts": driver_opt,
            "MacAddress": mac_address or "",
        }
        place = read_place(config)
        found = self._networks.container(container)
        refuse_lonely(self.value, found)
        refuse_fixed_address(self.value, place)
        records = self._networks.records
        if self.id in (records.places(found.id) or {}):
            raise Conflict(
                "container {container} is in network {network} already",
                container=found.name,
                network=self.name,
            )
        if found.status in LIVE:
            details = {"network": self.id, "place": place.to_json()}
            self._networks.ask({"verb": "connect", "container": found.id, **details})
        else:
            records.set_place(found.id, self.id, place)

    def disconnect(self, container: Container | str, force: bool = False) -> None:
        """Unplug a container. Raises Conflict, NotFound if it is not in this network."""
        found = self._networks.container(container)
        refuse_lonely(self.value, found)
        records = self._networks.records
        if self.id not in (records.places(found.id) or {}):
            raise NotFound(
                "container {container} is not connected to network {network}",
                container=found.name,
                network=self.name,
            )
        if found.status in LIVE:
            self._networks.ask({"verb": "disconnect", "container": found.id, "network": self.id})
        else:
            records.set_place(found.id, self.id, None)


# ── What users write ───────────────────────────────────────────────────────────────────────────


def refuse_name(name: str) -> None:
    """Raises InvalidInput for what cannot be a network's name."""
    if name in (*PREDEFINED, "default"):
        raise InvalidInput("operation is not permitted on predefined {name} network", name=name)
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise InvalidInput(
            "not a name for a network: {name!r}",
            hint="use a-z A-Z 0-9 _ . - and begin with a letter or digit",
            name=name[:100],
        )


def refuse_what_belongs_to_swarm(driver: str | None, scope: str | None, *, ingress: bool) -> None:
    """Raises InvalidInput for kinds of networks that there are not, or only once."""
    if driver in ("host", "null"):
        raise InvalidInput("only one instance of {driver} network is allowed", driver=driver)
    if driver not in (None, "", BRIDGE):
        raise InvalidInput(
            "there is no network driver {driver}", hint="the driver is: bridge", driver=driver
        )
    if ingress or scope not in (None, "", "local"):
        raise InvalidInput("networks of several hosts are not supported yet")


def read_ipam(ipam: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The configurations of docker's IPAM. Raises InvalidInput for another driver."""
    if ipam and ipam.get("Driver") not in (None, "", "default"):
        raise InvalidInput("there is no IPAM driver {driver}", driver=ipam["Driver"])
    return [*((ipam or {}).get("Config") or ())]


def read_driver_options(options: Mapping[str, str]) -> dict[str, str]:
    """`-o name=value`; what this engine acts on is looked at. Raises InvalidInput."""
    found = {str(name): str(value) for name, value in options.items()}
    for name in (values.ICC_OPTION, values.MASQUERADE_OPTION):
        values.is_true(found.get(name, "true"))
    link, mtu = found.get(values.NAME_OPTION, "onggi"), found.get(values.MTU_OPTION, "1500")
    prefix = found.get(values.PREFIX_OPTION, "eth")
    if not _LINK.fullmatch(link) or not _LINK.fullmatch(prefix + "00"):
        raise InvalidInput(
            "not a name for a network device: {name!r}",
            hint="use up to 15 of a-z A-Z 0-9 _ . -",
            name=(prefix if _LINK.fullmatch(link) else link)[:100],
        )
    if not mtu.isdecimal() or not 68 <= int(mtu) <= 65535:
        raise InvalidInput("not an MTU: {text!r}", hint="write 68 to 65535", text=mtu[:100])
    if binding := found.get(values.BINDING_OPTION):
        read_address(binding)
    return found


def read_place(config: Mapping[str, Any] | None) -> Place:
    """Docker's EndpointSettings as what was asked for. Raises InvalidInput."""
    config = config or {}
    addresses = config.get("IPAMConfig") or {}
    if addresses.get("LinkLocalIPs"):
        raise InvalidInput("not supported yet: {flag}", flag="link_local_ips")
    found = {}
    for version, key in ((4, "IPv4Address"), (6, "IPv6Address")):
        text = str(addresses.get(key) or config.get(key) or "")
        if text and ip_address(read_address(text)).version != version:
            raise InvalidInput("not an IP address: {text!r}", hint="such as 10.5.0.9", text=text)
        found[version] = str(read_address(text)) if text else ""
    mac = str(config.get("MacAddress") or "")
    return Place(
        tuple(dict.fromkeys(map(str, config.get("Aliases") or ()))),
        *(found[4], found[6], read_mac(mac) if mac else ""),
        links=read_links(config.get("Links")),
        driver_options=dict(config.get("DriverOpts") or {}),
    )


def read_links(links: Any) -> dict[str, str]:
    """Names by which other containers are called, each with the container: "db:database", or the
    SDK's {"db": "database"} and [("db", "database")].
    """
    if isinstance(links, Mapping):
        links = links.items()
    found = {}
    for link in links or ():
        target, _, name = link.partition(":") if isinstance(link, str) else (link[0], "", link[1])
        found[str(name or target)] = str(target)
    return found


def places_of(
    records: NetworkRecords, mode: str, configs: Mapping[str, Any], mac: str
) -> dict[str, dict[str, Any]]:
    """The networks that a new container is to be in, by id: the one of `--network`, and those of
    docker's `networking_config`. Raises NotFound, InvalidInput.
    """
    if mode in (HOST, NONE) or mode.startswith("container:"):
        if others := [name for name in configs if name != mode]:
            raise InvalidInput(
                "a container with --network {mode} cannot be in network {network}, too",
                mode=mode,
                network=others[0],
            )
        if mac:
            raise InvalidInput("--mac-address does not go with --network {mode}", mode=mode)
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys((mode, *configs)):
        network = records.get(name)
        if network.name in (HOST, NONE):
            raise InvalidInput(
                "a container with --network {mode} cannot be in network {network}, too",
                mode=mode,
                network=network.name,
            )
        config = dict(configs.get(name) or {})
        if mac and name == mode:
            config.setdefault("MacAddress", mac)
        place = read_place(config)
        refuse_fixed_address(network, place)
        found[network.id] = place.to_json()
    return found


def refuse_lonely(network: values.Network, container: Container) -> None:
    """Raises Conflict where docker does: one that shares the host's or another container's world,
    or wanted to be alone, cannot be plugged in or out.
    """
    mode = container.request.network
    if mode in (HOST, NONE) or mode.startswith("container:") or network.name in (HOST, NONE):
        raise Conflict(
            "container {name} cannot be connected to or disconnected from network {network}: "
            "it was created with --network {mode}",
            name=container.name,
            network=network.name,
            mode=mode,
        )


# ── What is shown ──────────────────────────────────────────────────────────────────────────────


def shown_options(value: values.Network) -> dict[str, str]:
    """Of the default network docker shows the ones that nobody has to write."""
    if not value.is_default:
        return dict(value.options)
    return {
        values.DEFAULT_BRIDGE_OPTION: "true",
        values.ICC_OPTION: "true",
        values.MASQUERADE_OPTION: "true",
        values.BINDING_OPTION: "0.0.0.0",  # noqa: S104  (shown, not bound)
        values.NAME_OPTION: value.link,
        values.MTU_OPTION: str(value.mtu),
    }


def _resource(container: Container, endpoint: Endpoint) -> dict[str, str]:
    return {
        "Name": container.name,
        "EndpointID": endpoint.id,
        "MacAddress": endpoint.mac,
        "IPv4Address": str(endpoint.address or ""),
        "IPv6Address": str(endpoint.address6 or ""),
    }


def _passes(network: Network, name: str, texts: list[str]) -> bool:
    """One filter of a list. Raises InvalidInput for a value that does not exist."""
    value = network.value
    match name:
        case "name":
            return any(text in value.name for text in texts)
        case "id":
            return any(value.id.startswith(text) for text in texts)
        case "driver":
            return value.driver in texts
        case "scope":
            return "local" in texts
        case "label":
            return has_labels(value.labels, texts)
        case "type":
            if unknown := [text for text in texts if text not in KINDS]:
                raise InvalidInput(
                    "invalid filter {name}={text}",
                    hint="its values are: {known}",
                    name=name,
                    text=unknown[0],
                    known=", ".join(KINDS),
                )
            return ("builtin" if value.name in PREDEFINED else "custom") in texts
        case _:
            free = value.name not in PREDEFINED and not network.is_wanted
            return free == is_true(name, texts)
