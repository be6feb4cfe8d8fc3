"""What a container is to be like, as the body that an engine takes: ContainerCreate.

The rows of `engine/options.py` say of each option how it is read and how docker's JSON shows it.
What is only in there for engines of docker (GPUs, user namespaces, other runtimes) is read here.

Docker Engine API 1.47, ContainerConfig, HostConfig, NetworkingConfig
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from runtime.engine import notation
from runtime.engine.arguments import as_bytes
from runtime.engine.options import ALIASES, named, works

SEVERAL_NETWORKS = (1, 44)
"""The version from which on a container may be created in several."""

CONFIG: Mapping[str, Callable[[Any], tuple[str, Any]]] = {
    "working_dir": lambda value: ("WorkingDir", value),
    "user": lambda value: ("User", value),
    "hostname": lambda value: ("Hostname", value),
    "domainname": lambda value: ("Domainname", value),
    "environment": lambda value: ("Env", list(value)),
    "entrypoint": lambda value: ("Entrypoint", list(value) or [""]),
    "labels": lambda value: ("Labels", dict(value)),
    "stdin_open": lambda value: ("OpenStdin", value),
    "tty": lambda value: ("Tty", value),
    "stop_signal": lambda value: ("StopSignal", value),
    "stop_timeout_s": lambda value: ("StopTimeout", value),
    "health": lambda value: ("Healthcheck", dict(value)),
    "exposed_ports": lambda value: ("ExposedPorts", {port: {} for port in value}),
    "volumes": lambda value: ("Volumes", {place: {} for place in value}),
    "mac_address": lambda value: ("MacAddress", value),
}
"""Fields of a request that do not stand in HostConfig."""


def _gpus(value: Any) -> list[dict[str, Any]]:
    """--gpus: "all", a number, or docker's fields."""
    fields = dict(part.partition("=")[::2] for part in str(value).split(",") if "=" in part)
    bare = next((part for part in str(value).split(",") if "=" not in part), "")
    count = fields.get("count", bare) or ("0" if "device" in fields else "1")
    return [
        {
            "Driver": fields.get("driver", ""),
            "Count": -1 if count == "all" else int(count) if count.isdecimal() else 0,
            "DeviceIDs": fields["device"].split(";") if "device" in fields else None,
            "Capabilities": [["gpu", *filter(None, fields.get("capabilities", "").split(";"))]],
            "Options": {},
        }
    ]


OF_DOCKER: Mapping[str, Callable[[Any], tuple[str, Any]]] = {
    "device_requests": lambda value: ("DeviceRequests", _gpus(value)),
    "storage_opt": lambda value: ("StorageOpt", notation.as_pairs(value)),
    "kernel_memory": lambda value: ("KernelMemory", as_bytes(value)),
}
"""Options by their keywords that this engine has no field for, and docker's has."""


def body_of(
    image: str,
    command: Sequence[str] | None,
    options: Mapping[str, Any],
    version: tuple[int, int] = SEVERAL_NETWORKS,
) -> dict[str, Any]:
    """The whole body. Raises InvalidInput for what cannot be read."""
    config: dict[str, Any] = {"Image": image, "Cmd": None if command is None else list(command)}
    host: dict[str, Any] = {"NetworkMode": "default"}
    endpoints: dict[str, Any] = {}
    for keyword, value in options.items():
        if value is None or value is False:
            continue
        for row in named(keyword):
            if not works(row) and row.keyword in OF_DOCKER:
                member, shown = OF_DOCKER[row.keyword](value)
                host[member] = shown
                continue
            read = row.read(value)
            if row.field == "attach":
                config |= {f"Attach{name.capitalize()}": name in read for name in _STREAMS}
            elif row.field == "networks":
                endpoints = read
            elif row.field in CONFIG:
                member, shown = CONFIG[row.field](read)
                config[member] = shown
            elif read not in ((), {}, ""):
                _put(host, row.member, row.show(read))
    config["StdinOnce"] = bool(config.get("OpenStdin") and config.get("AttachStdin"))
    for port in host.get("PortBindings") or {}:
        config.setdefault("ExposedPorts", {})[port] = {}
    if version >= SEVERAL_NETWORKS and (mac := config.pop("MacAddress", "")):
        first = next(iter(endpoints), host["NetworkMode"])
        endpoints.setdefault(first, {}).setdefault("MacAddress", mac)
    if version < SEVERAL_NETWORKS:
        endpoints = {name: endpoints[name] for name in [*endpoints][:1]}
    return {
        **config,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    }


_STREAMS = ("stdin", "stdout", "stderr")


def more_networks(
    options: Mapping[str, Any], version: tuple[int, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Networks that an older engine has to be asked for one by one, afterwards."""
    endpoints = notation.as_endpoints(options.get("networking_config") or {})
    if version < SEVERAL_NETWORKS:
        yield from [*endpoints.items()][1:]


def changes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `update` as its body."""
    body: dict[str, Any] = {}
    for keyword, value in options.items():
        for row in named(ALIASES.get(keyword, keyword)):
            if row.keyword in OF_DOCKER and not works(row):
                member, shown = OF_DOCKER[row.keyword](value)
                body[member] = shown
            else:
                _put(body, row.member, row.show(row.read(value)))
    return body


def _put(document: dict[str, Any], member: str, value: Any) -> None:
    """`RestartPolicy.Name` is a member within a member."""
    name, dot, inner = member.partition(".")
    if dot:
        document.setdefault(name, {})[inner] = value
    else:
        document[name] = value
