"""Networks and volumes of an engine that is elsewhere: the words of `engine.networks` and
`engine.volumes`.

Docker Engine API 1.47, Network and Volume
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.api.client.http import Transport, as_filters, quoted

if TYPE_CHECKING:
    from runtime.api.client.container import RemoteContainer

NetworkList = list["RemoteNetwork"]
VolumeList = list["RemoteVolume"]
Filters = Mapping[str, Sequence[str]] | None

ALL_BY_FILTER = (1, 42)
"""From this version on volumes with a name are pruned on demand only."""


class RemoteNetworks:
    """`engine.networks`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        driver: str | None = None,
        options: Mapping[str, str] | None = None,
        ipam: Mapping[str, Any] | None = None,
        internal: bool = False,
        labels: Any = None,
        enable_ipv6: bool = False,
        attachable: bool | None = None,
        scope: str | None = None,
        ingress: bool | None = None,
        config_from: str | None = None,
        config_only: bool = False,
    ) -> RemoteNetwork:
        """A new network."""
        from runtime.engine.arguments import as_labels

        body: dict[str, Any] = {
            "Name": name,
            "CheckDuplicate": True,
            "Driver": driver or "bridge",
            "Options": dict(options or {}),
            "Internal": internal,
            "Labels": as_labels(labels),
            "Attachable": bool(attachable),
            "Ingress": bool(ingress),
            "EnableIPv6": enable_ipv6,
            "ConfigOnly": config_only,
        }
        if ipam:
            body["IPAM"] = dict(ipam)
        if scope:
            body["Scope"] = scope
        if config_from:
            body["ConfigFrom"] = {"Network": config_from}
        answer = self._transport.tell("POST", "/networks/create", document=body)
        return RemoteNetwork(self._transport, answer["Id"])

    def get(
        self, network_id: str, verbose: bool | None = None, scope: str | None = None
    ) -> RemoteNetwork:
        """The network of a name or an id."""
        return RemoteNetwork(self._transport, network_id, verbose=bool(verbose), scope=scope)

    def list(self, filters: Filters = None) -> NetworkList:
        """All networks."""
        found = self._transport.tell("GET", "/networks", {"filters": as_filters(filters)}) or []
        return [RemoteNetwork(self._transport, each["Id"], each) for each in found]

    def prune(self, filters: Filters = None) -> dict[str, Any]:
        """Docker's answer: NetworksDeleted."""
        query = {"filters": as_filters(filters)}
        found = self._transport.tell("POST", "/networks/prune", query) or {}
        return {**found, "NetworksDeleted": found.get("NetworksDeleted") or []}


class RemoteNetwork:
    """One network, by the name that was written or its id."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        attrs: dict[str, Any] | None = None,
        *,
        verbose: bool = False,
        scope: str | None = None,
    ) -> None:
        self._transport = transport
        self._name = name
        self._attrs = attrs
        self._query = {"verbose": verbose or None, "scope": scope or None}

    @property
    def attrs(self) -> dict[str, Any]:
        """What `network inspect` shows. Raises NotFound."""
        if self._attrs is None:
            self._attrs = self._transport.tell("GET", self._path(), self._query)
        assert self._attrs is not None
        return self._attrs

    @property
    def id(self) -> str:
        """64 hex digits."""
        return self._name if len(self._name) == 64 else str(self.attrs["Id"])

    def remove(self) -> None:
        """Delete it."""
        self._transport.tell("DELETE", self._path())

    def connect(
        self,
        container: RemoteContainer | str,
        aliases: Iterable[str] | None = None,
        links: Iterable[str] | None = None,
        ipv4_address: str | None = None,
        ipv6_address: str | None = None,
        link_local_ips: Iterable[str] | None = None,
        driver_opt: Mapping[str, str] | None = None,
        mac_address: str | None = None,
    ) -> None:
        """Plug a container in."""
        settings: dict[str, Any] = {
            "Aliases": [*(aliases or ())],
            "Links": [*(links or ())],
            "IPAMConfig": {
                "IPv4Address": ipv4_address or "",
                "IPv6Address": ipv6_address or "",
                "LinkLocalIPs": [*(link_local_ips or ())],
            },
            "DriverOpts": dict(driver_opt or {}),
        }
        if mac_address:
            settings["MacAddress"] = mac_address
        body = {"Container": _name_of(container), "EndpointConfig": settings}
        self._transport.tell("POST", self._path("/connect"), document=body)

    def disconnect(self, container: RemoteContainer | str, force: bool = False) -> None:
        """Unplug a container."""
        body = {"Container": _name_of(container), "Force": force}
        self._transport.tell("POST", self._path("/disconnect"), document=body)

    def _path(self, rest: str = "") -> str:
        return f"/networks/{quoted(self._name)}{rest}"


def _name_of(container: RemoteContainer | str) -> str:
    return container if isinstance(container, str) else container.id


class RemoteVolumes:
    """`engine.volumes`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str | None = None,
        driver: str | None = None,
        driver_opts: Mapping[str, str] | None = None,
        labels: Any = None,
    ) -> RemoteVolume:
        """A new volume, or the one that has this name already."""
        from runtime.engine.arguments import as_labels

        body = {
            "Name": name or "",
            "Driver": driver or "local",
            "DriverOpts": dict(driver_opts or {}),
            "Labels": as_labels(labels),
        }
        found = self._transport.tell("POST", "/volumes/create", document=body)
        return RemoteVolume(self._transport, found["Name"], found)

    def get(self, volume_id: str) -> RemoteVolume:
        """The volume of that name."""
        return RemoteVolume(self._transport, volume_id)

    def list(self, filters: Filters = None) -> VolumeList:
        """All of them, by name."""
        answer = self._transport.tell("GET", "/volumes", {"filters": as_filters(filters)}) or {}
        found = sorted(answer.get("Volumes") or [], key=lambda volume: str(volume["Name"]))
        return [RemoteVolume(self._transport, each["Name"], each) for each in found]

    def prune(self, filters: Filters = None) -> dict[str, Any]:
        """Docker's answer: VolumesDeleted, SpaceReclaimed."""
        wanted = dict(filters or {})
        if self._transport.version < ALL_BY_FILTER:
            wanted.pop("all", None)  # which it does anyway
        query = {"filters": as_filters(wanted)}
        found = self._transport.tell("POST", "/volumes/prune", query) or {}
        return {**found, "VolumesDeleted": found.get("VolumesDeleted") or []}


class RemoteVolume:
    """One volume."""

    def __init__(
        self, transport: Transport, name: str, attrs: dict[str, Any] | None = None
    ) -> None:
        self._transport = transport
        self._attrs = attrs
        self.id = name

    @property
    def attrs(self) -> dict[str, Any]:
        """What `volume inspect` shows. Raises NotFound."""
        if self._attrs is None:
            self._attrs = self._transport.tell("GET", f"/volumes/{quoted(self.id)}")
        assert self._attrs is not None
        return self._attrs

    def remove(self, force: bool = False) -> None:
        """Delete it with its contents."""
        self._transport.tell("DELETE", f"/volumes/{quoted(self.id)}", {"force": force or None})
