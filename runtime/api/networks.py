"""Networks. Docker Engine API 1.47, "Network"; moby: api/server/router/network.

What cannot be is forbidden here (403) where it is a conflict (409) elsewhere: docker's network
library has other words than its engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from runtime.api.answers import Answer, Document, Empty
from runtime.api.call import Call
from runtime.api.errors import Refused
from runtime.api.routes import route
from runtime.api.swarm import no_manager
from runtime.engine.networks import Network
from runtime.errors import Conflict
from runtime.network.values import BRIDGE, PREDEFINED
from runtime.oci.document import Document as Body


def _named(call: Call) -> Network:
    """The network of the path. Raises NotFound, Conflict."""
    return call.engine.networks.get(call["id"])


@contextlib.contextmanager
def _forbidden(name: str = "") -> Iterator[None]:
    """A conflict in here is a 403, unless it is about that name: that one is taken."""
    try:
        yield
    except Conflict as error:
        status = 409 if name and error.facts.get("name") == name else 403
        raise Refused.instead(error, status) from error


@route("GET", "/networks")
def list_(call: Call) -> Answer:
    """All of them, by name. Who is in one tells only a look at that one."""
    found = call.engine.networks.list(filters=call.filters())
    tells_all = call.version < (1, 28)
    documents = [each.attrs for each in found]
    return Document([each if tells_all else {**each, "Containers": {}} for each in documents])


@route("POST", "/networks/create")
def create(call: Call) -> Answer:
    """A network of one's own."""
    asked = call.document()
    name = asked.text("Name", "")
    _refuse_what_is_not_here(asked)
    with _forbidden(name):
        network = call.engine.networks.create(
            name,
            driver=asked.text("Driver", ""),
            options=asked.text_map("Options"),
            ipam=read_ipam(asked.child("IPAM", optional=True)),
            internal=asked.flag("Internal"),
            labels=asked.text_map("Labels"),
            enable_ipv6=asked.flag("EnableIPv6"),
            attachable=asked.flag("Attachable"),
        )
    return Document({"Id": network.id, "Warning": ""}, 201)


def read_ipam(asked: Body) -> dict[str, Any]:
    """Docker's IPAM, looked at member by member. Raises InvalidInput."""
    return {
        "Driver": asked.text("Driver", ""),
        "Options": asked.text_map("Options"),
        "Config": [
            {
                **{key: each.text(key, "") for key in ("Subnet", "IPRange", "Gateway")},
                "AuxiliaryAddresses": each.text_map("AuxiliaryAddresses"),
            }
            for each in asked.children("Config")
        ],
    }


def _refuse_what_is_not_here(asked: Body) -> None:
    """Raises Refused for networks of other kinds than this engine has, in docker's words."""
    name, driver = asked.text("Name", ""), asked.text("Driver", "")
    if name in PREDEFINED:
        raise Refused(403, "operation is not permitted on predefined {name} network", name=name)
    if asked.flag("Ingress"):
        raise Refused(403, "Ingress network can only be global scope network")
    if asked.text("Scope", "") not in ("", "local"):
        raise Refused(403, "cannot create a swarm scoped network when swarm is not active")
    if driver == "overlay":
        raise no_manager()
    if driver in ("host", "null"):
        raise Refused(403, 'only one instance of "{driver}" network is allowed', driver=driver)
    if driver not in ("", BRIDGE):
        raise Refused(404, 'plugin "{name}" not found', name=driver)
    if asked.flag("ConfigOnly") or asked.child("ConfigFrom", optional=True).text("Network", ""):
        raise Refused(501, "networks that only lend their configuration are not implemented")
    if asked.has("EnableIPv4") and not asked.flag("EnableIPv4"):
        raise Refused(501, "networks without IPv4 are not implemented")


@route("POST", "/networks/prune", long=True)
def prune(call: Call) -> Answer:
    """Remove those that no container is in."""
    return Document(call.engine.networks.prune(call.filters()))


@route("POST", "/networks/{id}/connect")
def connect(call: Call) -> Answer:
    """Plug a container in."""
    asked = call.document()
    network, settings = _named(call), asked.child("EndpointConfig", optional=True)
    addresses = settings.child("IPAMConfig", optional=True)
    with _forbidden():
        network.connect(
            asked.text("Container"),
            aliases=settings.texts("Aliases"),
            links=settings.texts("Links"),
            ipv4_address=addresses.text("IPv4Address", ""),
            ipv6_address=addresses.text("IPv6Address", ""),
            link_local_ips=addresses.texts("LinkLocalIPs"),
            driver_opt=settings.text_map("DriverOpts"),
            mac_address=settings.text("MacAddress", ""),
        )
    return Empty(200)


@route("POST", "/networks/{id}/disconnect")
def disconnect(call: Call) -> Answer:
    """Unplug a container."""
    asked = call.document()
    network = _named(call)
    with _forbidden():
        network.disconnect(asked.text("Container"), force=asked.flag("Force"))
    return Empty(200)


@route("GET", "/networks/{id}")
def inspect(call: Call) -> Answer:
    """Everything about one."""
    return Document(_named(call).attrs)


@route("DELETE", "/networks/{id}")
def remove(call: Call) -> Answer:
    """Delete one that no container runs in."""
    network = _named(call)
    with _forbidden():
        network.remove()
    return Empty()
