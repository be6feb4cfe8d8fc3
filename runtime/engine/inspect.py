"""A container as docker's JSON: what `docker inspect` shows.

Docker Engine API 1.47, ContainerInspect. Every member that docker has is there, so that whoever
reads one finds it; for what this engine does not have yet it says what docker says of a container
that does not use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime.container.lifecycle import recorded_exit
from runtime.container.log import timestamp
from runtime.container.points import as_docker
from runtime.container.state import BUSY, LIVE, Status
from runtime.engine.options import members
from runtime.oci.image import RunConfig

if TYPE_CHECKING:
    from runtime.engine.container import Container

NEVER = "0001-01-01T00:00:00Z"
"""How docker writes a time that has not come."""


HOST_CONFIG: Mapping[str, Any] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "bridge",
    "PortBindings": {},
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "VolumeDriver": "",
    "VolumesFrom": None,
    "ConsoleSize": [0, 0],
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "private",
    "Dns": [],
    "DnsOptions": [],
    "DnsSearch": [],
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "SecurityOpt": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 67108864,
    "Runtime": "onggi",
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": [],
    "BlkioDeviceReadBps": [],
    "BlkioDeviceWriteBps": [],
    "BlkioDeviceReadIOps": [],
    "BlkioDeviceWriteIOps": [],
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": [],
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "PidsLimit": None,
    "Ulimits": [],
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
    "MaskedPaths": [],
    "ReadonlyPaths": [],
}
"""What docker shows of a container for which nothing was asked, in docker's order."""

NETWORK_SETTINGS: Mapping[str, Any] = {
    "Bridge": "",
    "SandboxID": "",
    "SandboxKey": "",
    "Ports": {},
    "HairpinMode": False,
    "LinkLocalIPv6Address": "",
    "LinkLocalIPv6PrefixLen": 0,
    "SecondaryIPAddresses": None,
    "SecondaryIPv6Addresses": None,
    "EndpointID": "",
    "Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "MacAddress": "",
}
OF_THE_DEFAULT = (
    *("EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress"),
    *("IPPrefixLen", "IPv6Gateway", "MacAddress"),
)
ENDPOINT: Mapping[str, Any] = {
    "IPAMConfig": None,
    "Links": None,
    "Aliases": None,
    "MacAddress": "",
    "DriverOpts": None,
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "DNSNames": None,
}
"""A container's place in a network that has no addresses."""


def inspect_container(container: Container, *, size: bool = False) -> dict[str, Any]:
    """The whole document; with `size` also how much of the disk it takes, which needs a while."""
    spec = container.spec
    row = container.row
    document = {
        "Id": container.id,
        "Created": timestamp(row["created_ns"]),
        "Path": spec.process.args[0],
        "Args": list(spec.process.args[1:]),
        "State": _state(container),
        "Image": container.image.id,
        "ResolvConfPath": str(container.bundle_path / "resolv.conf"),
        "HostnamePath": str(container.bundle_path / "hostname"),
        "HostsPath": str(container.bundle_path / "hosts"),
        "LogPath": container.log_path,
        "Name": "/" + container.name,
        "RestartCount": row["restarts"],
        "Driver": "overlay",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": container.exec_ids or None,
        "HostConfig": _host_config(container),
        "GraphDriver": _graph_driver(container),
        "Mounts": [as_docker(point) for point in container.points],
        "Config": _config(container),
        "NetworkSettings": _network_settings(container),
    }
    return document | (_sizes(container) if size else {})


def _state(container: Container) -> dict[str, Any]:
    row, status = container.row, container.status
    return {
        **({"Health": json.loads(row["health"])} if row["health"] else {}),
        "Status": status,
        "Running": status in BUSY,
        "Paused": status == Status.PAUSED,
        "Restarting": status == Status.RESTARTING,
        "OOMKilled": bool(row["oom_killed"]),
        "Dead": status == Status.DEAD,
        "Pid": row["pid"],
        "ExitCode": recorded_exit(row).code if status not in LIVE else 0,
        "Error": row["error"],
        "StartedAt": _time(row["started_ns"]),
        "FinishedAt": _time(row["finished_ns"]),
    }


def _host_config(container: Container) -> dict[str, Any]:
    """What was asked for, over what docker shows where nothing was."""
    request, spec = container.request, container.spec
    document = {
        **HOST_CONFIG,
        "MaskedPaths": list(spec.masked_paths),
        "ReadonlyPaths": list(spec.readonly_paths),
    }
    for member, value in members(request):
        name, dot, inner = member.partition(".")
        document[name] = {**document[name], inner: value} if dot else value
    if request.memory_bytes and not document["MemorySwap"]:
        document["MemorySwap"] = 2 * request.memory_bytes
    return document


def _config(container: Container) -> dict[str, Any]:
    """What it runs: what its image says, and on top of that what was asked for."""
    request, spec, config = container.request, container.spec, container.run_config
    exposed = container.exposed_ports
    document = {
        "Hostname": spec.hostname,
        "Domainname": getattr(request, "domainname", ""),
        "User": config.user,
        "AttachStdin": request.stdin_open and "stdin" in request.attach,
        "AttachStdout": "stdout" in request.attach,
        "AttachStderr": "stderr" in request.attach,
        "Tty": request.tty,
        "OpenStdin": request.stdin_open,
        "StdinOnce": request.stdin_open and "stdin" in request.attach,
        **image_config(config),
        "Image": request.image,
        **({"ExposedPorts": {name: {} for name in exposed}} if exposed else {}),
        "WorkingDir": spec.process.cwd,
    }
    if request.stop_timeout_s is not None:
        document["StopTimeout"] = request.stop_timeout_s
    return document


def image_config(config: RunConfig) -> dict[str, Any]:
    """The part of docker's Config that an image has, too: members that say nothing are there,
    because templates ask for them, except those that docker leaves out.
    """
    document: dict[str, Any] = {"User": "", "Env": None, "Cmd": None, "Image": "", "Volumes": None}
    document |= {"WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": {}}
    return {**document, **json_ready(config.to_json())}


def json_ready(value: Any) -> Any:
    """The same without tuples and frozen mappings, as `json.loads` would give it."""
    if isinstance(value, Mapping):
        return {key: json_ready(item) for key, item in value.items()}
    return [json_ready(item) for item in value] if isinstance(value, list | tuple) else value


def _network_settings(container: Container) -> dict[str, Any]:
    """Where it is plugged in. Its network namespace is a file of the host's."""
    networks = container.network_endpoints
    document = {
        **NETWORK_SETTINGS,
        "SandboxID": container.id if container.pid else "",
        "SandboxKey": f"/proc/{container.pid}/ns/net" if container.pid else "",
        "Ports": container.ports,
        "Networks": networks,
    }
    default = networks.get("bridge", {})  # of the others docker's older members say nothing
    return document | {name: default[name] for name in OF_THE_DEFAULT if name in default}


def _sizes(container: Container) -> dict[str, int]:
    """Bytes that it wrote, and bytes of its whole root file system."""
    written = container.images.snapshots.usage(container.id)
    return {"SizeRw": written, "SizeRootFs": written + container.image.size}


def _graph_driver(container: Container) -> dict[str, Any]:
    """Where the layers are. There is no MergedDir on the host: the mount is in the container's
    own namespace, and seen from here at /proc/PID/root while it runs.
    """
    lower = [str(layer.files) for layer in container.image.layers[::-1]]
    upper = container.upper_path
    return {
        "Name": "overlay",
        "Data": {
            "LowerDir": ":".join(lower),
            "UpperDir": str(upper),
            "WorkDir": str(upper.parent / "work"),
            "MergedDir": str(container.root_path) if container.pid else "",
        },
    }


def _time(nanoseconds: int) -> str:
    return timestamp(nanoseconds) if nanoseconds else NEVER
