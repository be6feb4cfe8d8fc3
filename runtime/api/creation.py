"""The body of ContainerCreate, as the keywords of `Containers.create`.

Clients send every member, most of them empty: what is empty asks for nothing. A member of the wrong
kind is refused with its name, and so is one that asks for what this engine does not do: nothing is
ever taken and forgotten.

Docker Engine API 1.47, ContainerConfig, HostConfig, NetworkingConfig
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtime.engine.options import CHANGEABLE, OPTIONS, read_options
from runtime.errors import InvalidInput
from runtime.oci.document import Document

CONFIG = {
    "Hostname": "hostname",
    "Domainname": "domainname",
    "User": "user",
    "Tty": "tty",
    "OpenStdin": "stdin_open",
    "Healthcheck": "healthcheck",
    "WorkingDir": "working_dir",
    "Entrypoint": "entrypoint",
    "MacAddress": "mac_address",
    "Labels": "labels",
    "StopSignal": "stop_signal",
}
"""Members of ContainerConfig, and the keywords that mean the same. The others need a look."""

KINDS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("Memory", "MemorySwap", "MemoryReservation", "MemorySwappiness", "KernelMemory"),
            *("NanoCpus", "CpuShares", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod"),
            *("CpuRealtimeRuntime", "PidsLimit", "BlkioWeight", "ShmSize", "OomScoreAdj"),
            *("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth", "StopTimeout"),
            "KernelMemoryTCP",
        ),
        "integer",
    ),
    **dict.fromkeys(
        (
            *("AutoRemove", "Init", "OomKillDisable", "Privileged", "ReadonlyRootfs"),
            *("PublishAllPorts", "Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout"),
            *("AttachStderr", "NetworkDisabled", "ArgsEscaped"),
        ),
        "flag",
    ),
    **dict.fromkeys(
        (
            *("CgroupParent", "CgroupnsMode", "CpusetCpus", "CpusetMems", "IpcMode", "PidMode"),
            *("UTSMode", "UsernsMode", "NetworkMode", "Runtime", "VolumeDriver", "Isolation"),
            *("Cgroup", "ContainerIDFile", "Hostname", "Domainname", "User", "WorkingDir", "Image"),
            *("MacAddress", "StopSignal"),
        ),
        "text",
    ),
    **dict.fromkeys(
        (
            *(
                "Binds",
                "CapAdd",
                "CapDrop",
                "Devices",
                "DeviceCgroupRules",
                "DeviceRequests",
                "Dns",
            ),
            *("DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "Links", "Mounts"),
            *("SecurityOpt", "Ulimits", "VolumesFrom", "BlkioWeightDevice", "BlkioDeviceReadBps"),
            *("BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "MaskedPaths"),
            *("ReadonlyPaths", "ConsoleSize", "Env", "OnBuild", "Shell"),
        ),
        "list",
    ),
    **dict.fromkeys(
        (
            *("LogConfig", "PortBindings", "RestartPolicy", "Sysctls", "Tmpfs", "StorageOpt"),
            *("Annotations", "Healthcheck", "Labels", "Volumes", "ExposedPorts"),
        ),
        "object",
    ),
    **dict.fromkeys(("Entrypoint", "Cmd"), "command"),
}
"""What JSON a member is. A command is a list, or a text."""

MEANS_NOTHING = {
    "MemorySwappiness": -1,
    "KernelMemory": 0,
    "Isolation": "default",
    "Runtime": "onggi",
}
"""What clients send where nothing was asked for, besides 0, "", null and the empty ones."""

WITHOUT_EFFECT = ("ContainerIDFile", "ConsoleSize")
"""Of HostConfig: for the client itself, or said again by others."""

SYSTEM_PATHS = ("MaskedPaths", "ReadonlyPaths")
"""Both empty is how a client says `--security-opt systempaths=unconfined`. Null is docker's
default, and other lists are refused.
"""


def read_create(body: Document) -> tuple[str, dict[str, Any]]:
    """The image, and the keywords. Raises InvalidInput."""
    image = body.text("Image", "")
    if not image:
        raise InvalidInput("no image was specified: {where}", where="body.Image")
    options = {**_config(body), **_host_config(body.child("HostConfig", optional=True))}
    if volumes := (*body.names("Volumes"), *options.get("volumes", ())):
        options["volumes"] = volumes
    endpoints = body.child("NetworkingConfig", optional=True).child(
        "EndpointsConfig", optional=True
    )
    if endpoints.members:
        named = {"default": "bridge"}
        wanted = {
            named.get(name, name): endpoints.child(name, optional=True).members
            for name in endpoints.members
        }
        options["networking_config"] = wanted
        options.setdefault("network", next(iter(wanted)))
    return image, _readable(options)


def _config(body: Document) -> dict[str, Any]:
    options = {
        keyword: value for member, keyword in CONFIG.items() if (value := _checked(body, member))
    }
    if options.get("entrypoint") == [""]:  # none, not even the image's
        options["entrypoint"] = []
    command = _checked(body, "Cmd")
    options["command"] = command or None
    if env := body.texts("Env"):
        options["environment"] = [entry for entry in env if "=" in entry]
    streams = {"stdin": "AttachStdin", "stdout": "AttachStdout", "stderr": "AttachStderr"}
    options["attach"] = [name for name, member in streams.items() if body.flag(member)]
    if exposed := body.names("ExposedPorts"):
        options["exposed_ports"] = exposed
    if body.has("StopTimeout"):
        options["stop_timeout"] = body.integer("StopTimeout")
    if body.flag("NetworkDisabled"):
        options["network"] = "none"
    return options


def _host_config(host: Document) -> dict[str, Any]:
    options: dict[str, Any] = {}
    keywords = {
        option.member.partition(".")[0]: option.keyword for option in OPTIONS if option.member
    }
    keywords |= {"KernelMemory": "kernel_memory", "StorageOpt": "storage_opt"}
    keywords |= {"DeviceRequests": "device_requests"}
    for member, value in _asked(host):
        if member in WITHOUT_EFFECT:
            continue
        keyword = keywords.get(member)
        if keyword is None:
            raise InvalidInput("not supported yet: {flag}", flag=f"HostConfig.{member}")
        options[keyword] = value
    emptied = [member for member in SYSTEM_PATHS if host.members.get(member) == []]
    if len(emptied) == 1:
        raise InvalidInput("not supported yet: {flag}", flag=f"HostConfig.{emptied[0]} alone")
    if emptied:
        options["security_opt"] = [*options.get("security_opt", ()), "systempaths=unconfined"]
    return options


def _asked(host: Document) -> Iterator[tuple[str, Any]]:
    """Members that ask for something."""
    for member in host.members:
        value = _checked(host, member)
        if value and value != MEANS_NOTHING.get(member):
            yield member, value


def read_update(body: Document) -> dict[str, Any]:
    """The body of ContainerUpdate as the keywords of `Container.update`. Raises InvalidInput."""
    options = _host_config(body)
    for keyword in options:
        if keyword not in CHANGEABLE:
            raise InvalidInput("cannot be changed later: {name}", name=keyword)
    return _readable(options)


def _checked(body: Document, member: str) -> Any:
    """A member, None if it is absent. Raises InvalidInput, which names it, for a wrong kind."""
    value = body.members.get(member)
    if value is None:
        return None
    match KINDS.get(member):
        case "integer":
            return body.integer(member)
        case "flag":
            return body.flag(member)
        case "text":
            return body.text(member)
        case "object":
            return body.child(member).members
        case "list" | "command" if not isinstance(value, list):
            if KINDS[member] == "list" or not isinstance(value, str):
                return body.texts(member)  # which says what is wrong with it
            return [value]
        case "command":
            return list(body.texts(member) or ())
    return value


def _readable(options: dict[str, Any]) -> dict[str, Any]:
    """The same, each read once to see whether what is inside can be understood at all.

    Raises InvalidInput.
    """
    for keyword, value in options.items():
        try:
            read_options({} if keyword == "command" else {keyword: value})
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as cause:
            raise InvalidInput(
                "{name} cannot be understood: {text}", name=keyword, text=str(value)[:100]
            ) from cause
    return options
