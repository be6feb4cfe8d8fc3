"""A container as docker's JSON: what `docker inspect` shows.

Docker Engine API 1.47, ContainerInspect. Only what this engine knows is there; a field is never
filled with something made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.container.lifecycle import recorded_exit
from runtime.container.log import timestamp
from runtime.container.state import BUSY, LIVE, Status

if TYPE_CHECKING:
    from runtime.engine.container import Container

NEVER = "0001-01-01T00:00:00Z"
"""How docker writes a time that has not come."""


def inspect_container(container: Container) -> dict[str, Any]:
    """The whole document."""
    spec = container.spec
    row = container.row
    return {
        "Id": container.id,
        "Created": timestamp(row["created_ns"]),
        "Path": spec.process.args[0],
        "Args": list(spec.process.args[1:]),
        "State": _state(container),
        "Image": container.image.id,
        "ResolvConfPath": str(container.bundle_path / "resolv.conf"),
        "HostnamePath": str(container.bundle_path / "hostname"),
        "HostsPath": str(container.bundle_path / "hosts"),
        "LogPath": str(container.bundle_path / "log"),
        "Name": "/" + container.name,
        "RestartCount": row["restarts"],
        "Driver": "overlay",
        "Platform": "linux",
        "HostConfig": _host_config(container),
        "GraphDriver": _graph_driver(container),
        "Mounts": [],
        "Config": _config(container),
        "NetworkSettings": {"Ports": {}, "Networks": {}},
    }


def _state(container: Container) -> dict[str, Any]:
    row, status = container.row, container.status
    return {
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
    request = container.request
    return {
        "NetworkMode": "none",
        "AutoRemove": request.auto_remove,
        "Memory": request.memory_bytes,
        "MemorySwap": 2 * request.memory_bytes,
        "NanoCpus": request.nano_cpus,
        "PidsLimit": request.pids_limit or None,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "Privileged": False,
        "ReadonlyRootfs": False,
        "CapAdd": None,
        "CapDrop": None,
        "MaskedPaths": list(container.spec.masked_paths),
        "ReadonlyPaths": list(container.spec.readonly_paths),
    }


def _config(container: Container) -> dict[str, Any]:
    request, spec, image = container.request, container.spec, container.image.config.config
    entrypoint = image.entrypoint if request.entrypoint is None else request.entrypoint
    command = request.command if request.command is not None else image.cmd
    return {
        "Hostname": spec.hostname,
        "Domainname": "",
        "User": spec.process.user,
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "OpenStdin": request.stdin_open,
        "StdinOnce": request.stdin_open,
        "Env": list(spec.process.env),
        "Cmd": None if command is None else list(command),
        "Image": request.image,
        "Volumes": None,
        "WorkingDir": spec.process.cwd,
        "Entrypoint": None if entrypoint is None else list(entrypoint),
        "Labels": container.labels,
        **({"StopSignal": container.stop_signal} if container.stop_signal else {}),
        **({} if request.stop_timeout_s is None else {"StopTimeout": request.stop_timeout_s}),
    }


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
