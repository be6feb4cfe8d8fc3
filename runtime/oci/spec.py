"""The OCI runtime configuration: everything that makes a container, before there is one.

A `Spec` is what `onggi spec` prints, what stands in a bundle as `config.json`, and the one
description that `runtime/container/init.py` carries out. It is a value: it opens nothing and
asks the host nothing.

Only what this engine acts on has a field; `from_json` refuses nothing else, because a
specification may say more than a runtime knows (spec.md, "Extensibility").

runtime-spec: config.md, config-linux.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.oci.document import Document

VERSION = "1.2.0"

DEFAULT_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
"""Docker's fourteen: enough for root to look like root inside, not enough to leave."""

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
"""Paths that tell about the host, or control it: shown empty."""

READONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
"""Paths that would change the host when written."""

NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
"""The worlds that a container has for itself. The user namespace is not among docker's."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount, in the order in which they are made. config.md, "Mounts"."""

    destination: str
    type: str
    source: str
    options: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "destination": self.destination,
            "type": self.type,
            "source": self.source,
            "options": list(self.options),
        }

    @classmethod
    def from_json(cls, document: Document) -> Mount:
        """Raises InvalidSpec."""
        return cls(
            document.text("destination"),
            document.text("type", "bind"),
            document.text("source", "none"),
            document.texts("options") or (),
        )


DEFAULT_MOUNTS = (
    Mount("/proc", "proc", "proc", ("nosuid", "noexec", "nodev")),
    Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    Mount(
        "/dev/pts",
        "devpts",
        "devpts",
        ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    ),
    Mount("/dev/mqueue", "mqueue", "mqueue", ("nosuid", "noexec", "nodev")),
    Mount("/dev/shm", "tmpfs", "shm", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    Mount("/sys", "sysfs", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
    Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "noexec", "nodev", "ro")),
)
"""Docker's. config-linux.md, "Default Filesystems"."""


@dataclass(frozen=True, slots=True)
class Process:
    """What runs, as whom, where. config.md, "Process".

    `user` is a name or number with an optional group, as in a Dockerfile's USER; only the
    container's own /etc/passwd can say which numbers it means, so it stays text until then.
    """

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES
    no_new_privileges: bool = False

    def to_json(self) -> dict[str, Any]:
        sets = ("bounding", "effective", "permitted")
        return {
            "user": {"uid": 0, "gid": 0, "username": self.user},
            "args": list(self.args),
            "env": list(self.env),
            "cwd": self.cwd,
            "capabilities": {name: list(self.capabilities) for name in sets},
            "noNewPrivileges": self.no_new_privileges,
        }

    @classmethod
    def from_json(cls, document: Document) -> Process:
        """Raises InvalidSpec."""
        user = document.child("user", optional=True)
        return cls(
            args=document.texts("args") or (),
            env=document.texts("env") or (),
            cwd=document.text("cwd", "/"),
            user=user.text("username", ""),
            capabilities=document.child("capabilities", optional=True).texts("bounding") or (),
            no_new_privileges=document.flag("noNewPrivileges"),
        )


@dataclass(frozen=True, slots=True)
class Spec:
    """A container, described. `resources` is the OCI object of that name, in bytes and µs."""

    process: Process
    hostname: str = ""
    root_path: str = "rootfs"
    root_readonly: bool = False
    mounts: tuple[Mount, ...] = DEFAULT_MOUNTS
    namespaces: tuple[str, ...] = NAMESPACES
    resources: Mapping[str, Any] = field(default_factory=dict)
    cgroups_path: str = ""
    masked_paths: tuple[str, ...] = MASKED_PATHS
    readonly_paths: tuple[str, ...] = READONLY_PATHS
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The config.json of a bundle, which the schema of the runtime-spec accepts."""
        return {
            "ociVersion": VERSION,
            "process": self.process.to_json(),
            "root": {"path": self.root_path, "readonly": self.root_readonly},
            "hostname": self.hostname,
            "mounts": [mount.to_json() for mount in self.mounts],
            "annotations": dict(self.annotations),
            "linux": {
                "cgroupsPath": self.cgroups_path,
                "namespaces": [{"type": kind} for kind in self.namespaces],
                "resources": dict(self.resources),
                "maskedPaths": list(self.masked_paths),
                "readonlyPaths": list(self.readonly_paths),
            },
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Spec:
        """Raises InvalidSpec, with the address of what is wrong."""
        document = Document.parse(data, "config")
        root = document.child("root")
        linux = document.child("linux", optional=True)
        return cls(
            process=Process.from_json(document.child("process")),
            hostname=document.text("hostname", ""),
            root_path=root.text("path"),
            root_readonly=root.flag("readonly"),
            mounts=tuple(map(Mount.from_json, document.children("mounts"))),
            namespaces=tuple(kind.text("type") for kind in linux.children("namespaces")),
            resources=dict(linux.child("resources", optional=True).members),
            cgroups_path=linux.text("cgroupsPath", ""),
            masked_paths=linux.texts("maskedPaths") or (),
            readonly_paths=linux.texts("readonlyPaths") or (),
            annotations=document.text_map("annotations"),
        )
