"""What the engine says of itself and of its host: docker's SystemInfo and SystemVersion.

Every member that docker has is there, but for those that only its debug mode fills. Nothing is
remembered: who asks again gets what is true now. Docker Engine API 1.47, SystemInfo.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.build.plan.arguments import GO_ARCHITECTURES
from runtime.container.log import timestamp
from runtime.container.log_options import DEFAULT_DRIVER, LIMITS_OF_DRIVER
from runtime.engine.engine import version
from runtime.linux import cgroup_mounts
from runtime.network.ipam import POOLS
from runtime.network.values import BRIDGE, HOST
from runtime.oci.reference import DEFAULT_DOMAIN
from runtime.registry.trust import Trust

if TYPE_CHECKING:
    from runtime.engine.engine import Engine

API_VERSION, MIN_API_VERSION = "1.47", "1.24"
"""Of Docker's API: the newest and the oldest that are spoken."""

HUB = "https://index.docker.io/v1/"
"""What docker's clients call docker.io when they log in."""

LOOPBACK = ["::1/128", "127.0.0.0/8"]
"""Where a registry is always spoken to without TLS, if it wants to."""

NO_COMMIT = {"ID": "N/A", "Expected": "N/A"}
"""Docker's words for a program that is not there: containerd, runc and its init."""


def info(engine: Engine) -> dict[str, Any]:
    """The host and what is on it. See `Engine.info`."""
    states = [each.status for each in engine.containers.glances()]
    running, paused = states.count("running"), states.count("paused")
    release = _release()
    return {
        "ID": engine_id(engine.root),
        "Containers": len(states),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(states) - running - paused,
        "Images": len(engine.images.list()),
        "Driver": "overlay",
        "DriverStatus": [["Backing Filesystem", _file_system(engine.root)]],
        "DockerRootDir": str(engine.root),
        "Plugins": {
            "Volume": ["local"],
            "Network": [BRIDGE, HOST, "null"],
            "Authorization": None,
            "Log": sorted(LIMITS_OF_DRIVER),
        },
        **_limits(),
        **_forwarding(),
        "Debug": False,
        "SystemTime": timestamp(time.time_ns()),
        "LoggingDriver": DEFAULT_DRIVER,
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": cgroup_version(),
        "KernelVersion": platform.release(),
        "OperatingSystem": release.get("PRETTY_NAME", "Linux"),
        "OSVersion": release.get("VERSION_ID", ""),
        "OSType": "linux",
        "Architecture": platform.machine(),
        "NCPU": len(os.sched_getaffinity(0)),
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "IndexServerAddress": HUB,
        "RegistryConfig": registries(Trust.of(engine.root).insecure),
        "GenericResources": None,
        **_proxies(),
        "Name": platform.node(),
        "Labels": [],
        "ExperimentalBuild": False,
        "ServerVersion": version(),
        "Runtimes": {"onggi": {"path": sys.executable}},
        "DefaultRuntime": "onggi",
        "Swarm": SWARM,
        "LiveRestoreEnabled": True,  # every container has a process of its own that looks after it
        "Isolation": "",
        "InitBinary": "onggi",
        "ContainerdCommit": NO_COMMIT,
        "RuncCommit": NO_COMMIT,
        "InitCommit": NO_COMMIT,
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
        "DefaultAddressPools": [{"Base": str(pool), "Size": bits} for pool, bits in POOLS],
        "CDISpecDirs": [],
        "Warnings": [f"{each}" for each in engine.obstacles()] or None,
    }


SWARM = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}
"""Of an engine that is in no swarm."""


def version_document() -> dict[str, Any]:
    """Versions of the engine, of Python and of the kernel. See `Engine.version`."""
    machine, python = platform.machine(), platform.python_version()
    engine = {
        "Version": version(),
        "ApiVersion": API_VERSION,
        "MinAPIVersion": MIN_API_VERSION,
        "GitCommit": "",
        "GoVersion": f"python{python}",
        "Os": "linux",
        "Arch": GO_ARCHITECTURES.get(machine, machine),
        "KernelVersion": platform.release(),
        "BuildTime": "",
    }
    details = {key: text for key, text in engine.items() if key != "Version"}
    return {
        "Platform": {"Name": "Onggi"},
        "Components": [
            {
                "Name": "Engine",
                "Version": version(),
                "Details": {**details, "Experimental": "false"},
            },
            {"Name": "Python", "Version": python, "Details": {"Executable": sys.executable}},
        ],
        **engine,
        "PythonVersion": python,
        "Executable": sys.executable,
    }


def engine_id(root: Path) -> str:
    """Which engine this is: made up once for a state directory, in a file, as docker's is."""
    file = root / "engine-id"
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    draft = root / f"engine-id.{uuid.uuid4().hex}"
    draft.write_text(str(uuid.uuid4()))
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)  # whoever comes second takes the first one's
    draft.unlink()
    return file.read_text()


def cgroup_version() -> str:
    """ "1" or "2": by which of the kernel's interfaces containers are limited here."""
    return "2" if cgroup_mounts.version_of("memory") == 2 else "1"


def registries(insecure: Sequence[str], mirrors: Sequence[str] = ()) -> dict[str, Any]:
    """Docker's RegistryServiceConfig: whom to trust how."""
    networks = [text for text in insecure if re.fullmatch(r"[\d.:a-fA-F]+/\d+", text)]
    hosts = [text for text in insecure if text not in networks]
    return {
        "AllowNondistributableArtifactsCIDRs": [],
        "AllowNondistributableArtifactsHostnames": [],
        "InsecureRegistryCIDRs": [*LOOPBACK, *networks],
        "IndexConfigs": {
            DEFAULT_DOMAIN: _index(DEFAULT_DOMAIN, mirrors, secure=True),
            **{host: _index(host, (), secure=False) for host in hosts},
        },
        "Mirrors": [*mirrors],
    }


def _index(name: str, mirrors: Sequence[str], *, secure: bool) -> dict[str, Any]:
    official = name == DEFAULT_DOMAIN
    return {"Name": name, "Mirrors": [*mirrors], "Secure": secure, "Official": official}


def _limits() -> dict[str, bool]:
    """Which limits this host's control groups can keep."""
    offered = cgroup_mounts.version_of
    return {
        "MemoryLimit": offered("memory") > 0,
        "SwapLimit": _has("memory", "memory.memsw.limit_in_bytes"),
        "CpuCfsPeriod": _has("cpu", "cpu.cfs_period_us"),
        "CpuCfsQuota": _has("cpu", "cpu.cfs_quota_us"),
        "CPUShares": offered("cpu") > 0,
        "CPUSet": offered("cpuset") > 0,
        "PidsLimit": offered("pids") > 0,
        "OomKillDisable": _has("memory", "memory.oom_control") and offered("memory") == 1,
    }


def _has(controller: str, file: str) -> bool:
    """Whether version 1 has that file here; version 2's controllers have all that there is."""
    found = cgroup_mounts.controllers().get(controller)
    return found is not None and (found.version == 2 or (found.mount / file).exists())


def _forwarding() -> dict[str, bool]:
    return {
        "IPv4Forwarding": _is_on("net/ipv4/ip_forward"),
        "BridgeNfIptables": _is_on("net/bridge/bridge-nf-call-iptables"),
        "BridgeNfIp6tables": _is_on("net/bridge/bridge-nf-call-ip6tables"),
    }


def _is_on(setting: str) -> bool:
    with contextlib.suppress(OSError):
        return Path("/proc/sys", setting).read_text().strip() == "1"
    return False


def _release() -> dict[str, str]:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release()
    return {}


def _file_system(place: Path) -> str:
    """The kind of file system that a directory lies in. man 5 proc_pid_mountinfo"""
    device = place.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split(" ")[2] == number:
            return after.split(" ")[0]
    return "unknown"


def _proxies() -> dict[str, str]:
    """The proxies of this process's environment, without the passwords in them."""
    found = {}
    for member, name in (("HttpProxy", "HTTP_PROXY"), ("HttpsProxy", "HTTPS_PROXY")):
        address = os.environ.get(name) or os.environ.get(name.lower()) or ""
        found[member] = re.sub(r"(?<=//)[^/@]*@", "xxxxx:xxxxx@", address)
    found["NoProxy"] = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return found
