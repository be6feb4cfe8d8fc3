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

from runtime.errors import InvalidSpec
from runtime.oci.devices import DEFAULT_DEVICE_RULES, DEFAULT_DEVICES, Device, DeviceRule
from runtime.oci.document import Document, without_none
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount

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


UNLIMITED = 2**64 - 1
"""A resource limit that is none. man 2 getrlimit, RLIM_INFINITY"""


@dataclass(frozen=True, slots=True)
class Rlimit:
    """A limit of one process: `soft` counts now, and it may raise that up to `hard`."""

    type: str
    soft: int
    hard: int

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "soft": self.soft, "hard": self.hard}

    @classmethod
    def from_json(cls, document: Document) -> Rlimit:
        """Raises InvalidSpec."""
        return cls(document.text("type"), document.integer("soft"), document.integer("hard"))


@dataclass(frozen=True, slots=True)
class Process:
    """What runs, as whom, where. config.md, "Process".

    `user` is a name or number with an optional group, as in a Dockerfile's USER; only the
    container's own /etc/passwd can say which numbers it means, so it stays text until then. The
    same holds for `groups`, which it is in besides; a name among them has no place in the
    specification and stands in a member of our own.

    `console_size` is the terminal's (height, width) when the program begins.

    All of `capabilities` can be used at once; none is inherited by a program that does not bring
    it itself, so two of the five sets stay empty.
    """

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    groups: tuple[str, ...] = ()
    terminal: bool = False
    console_size: tuple[int, int] | None = None
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES
    no_new_privileges: bool = False
    rlimits: tuple[Rlimit, ...] = ()
    oom_score_adj: int | None = None

    def to_json(self) -> dict[str, Any]:
        full, empty = ("bounding", "effective", "permitted"), ("inheritable", "ambient")
        sets = {name: list(self.capabilities) for name in full} | {name: [] for name in empty}
        members = {
            "terminal": self.terminal,
            "user": self._user(),
            "args": list(self.args),
            "env": list(self.env),
            "cwd": self.cwd,
            "capabilities": sets,
            "rlimits": [limit.to_json() for limit in self.rlimits],
            "noNewPrivileges": self.no_new_privileges,
        }
        if self.console_size is not None:
            members["consoleSize"] = dict(zip(_SIDES, self.console_size, strict=True))
        return members | without_none({"oomScoreAdj": self.oom_score_adj})

    def _user(self) -> dict[str, Any]:
        numbers = [int(group) for group in self.groups if _is_number(group)]
        names = [group for group in self.groups if not _is_number(group)]
        user: dict[str, Any] = {"uid": 0, "gid": 0, "username": self.user}
        user |= {"additionalGids": numbers} if numbers else {}
        return user | ({"additionalGroups": names} if names else {})

    @classmethod
    def from_json(cls, document: Document) -> Process:
        """Raises InvalidSpec."""
        user = document.child("user", optional=True)
        numbers = map(str, user.integers("additionalGids"))
        for refused in ("apparmorProfile", "selinuxLabel"):
            if document.text(refused, ""):
                raise InvalidSpec(
                    "{where}: this engine does not do that", where=f"{document.where}.{refused}"
                )
        return cls(
            args=document.texts("args") or (),
            env=document.texts("env") or (),
            cwd=document.text("cwd", "/"),
            user=user.text("username", ""),
            groups=(*numbers, *(user.texts("additionalGroups") or ())),
            terminal=document.flag("terminal"),
            console_size=_console_size(document),
            capabilities=document.child("capabilities", optional=True).texts("bounding") or (),
            no_new_privileges=document.flag("noNewPrivileges"),
            rlimits=tuple(map(Rlimit.from_json, document.children("rlimits"))),
            oom_score_adj=document.integer("oomScoreAdj") if document.has("oomScoreAdj") else None,
        )


@dataclass(frozen=True, slots=True)
class Namespace:
    """A world of the container: a new one, or with `path` one that is there already. One that is
    not listed at all is the host's. config-linux.md, "Namespaces"
    """

    kind: str
    path: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind} | ({"path": self.path} if self.path else {})

    @classmethod
    def from_json(cls, document: Document) -> Namespace:
        """Raises InvalidSpec."""
        return cls(document.text("type"), document.text("path", ""))


@dataclass(frozen=True, slots=True)
class Spec:
    """A container, described.

    `resources` is the OCI object of that name without its devices, in bytes and µs. `seccomp` is
    that one: made by `runtime/container/profile.py`, carried out by `runtime/linux/seccomp.py`.
    """

    process: Process
    hostname: str = ""
    domainname: str = ""
    root_path: str = "rootfs"
    root_readonly: bool = False
    root_propagation: str = ""
    mounts: tuple[Mount, ...] = DEFAULT_MOUNTS
    namespaces: tuple[Namespace, ...] = tuple(map(Namespace, NAMESPACES))
    devices: tuple[Device, ...] = DEFAULT_DEVICES
    device_rules: tuple[DeviceRule, ...] = DEFAULT_DEVICE_RULES
    resources: Mapping[str, Any] = field(default_factory=dict)
    cgroups_path: str = ""
    sysctl: Mapping[str, str] = field(default_factory=dict)
    seccomp: Mapping[str, Any] | None = None
    masked_paths: tuple[str, ...] = MASKED_PATHS
    readonly_paths: tuple[str, ...] = READONLY_PATHS
    annotations: Mapping[str, str] = field(default_factory=dict)

    def namespace(self, kind: str) -> Namespace | None:
        """The world of that kind; None for the host's."""
        return next((each for each in self.namespaces if each.kind == kind), None)

    def to_json(self) -> dict[str, Any]:
        """The config.json of a bundle, which the schema of the runtime-spec accepts."""
        return {
            "ociVersion": VERSION,
            "process": self.process.to_json(),
            "root": {"path": self.root_path, "readonly": self.root_readonly},
            "hostname": self.hostname,
            **({"domainname": self.domainname} if self.domainname else {}),
            "mounts": [mount.to_json() for mount in self.mounts],
            "annotations": dict(self.annotations),
            "linux": self._linux(),
        }

    def _linux(self) -> dict[str, Any]:
        rules = [rule.to_json() for rule in self.device_rules]
        members = {
            "cgroupsPath": self.cgroups_path,
            "namespaces": [namespace.to_json() for namespace in self.namespaces],
            "devices": [device.to_json() for device in self.devices],
            "resources": {**self.resources, "devices": rules},
            "sysctl": dict(self.sysctl),
            "maskedPaths": list(self.masked_paths),
            "readonlyPaths": list(self.readonly_paths),
            "rootfsPropagation": self.root_propagation or None,
            "seccomp": self.seccomp,
        }
        return without_none(members)

    @classmethod
    def from_bytes(cls, data: bytes) -> Spec:
        """Raises InvalidSpec, with the address of what is wrong."""
        document = Document.parse(data, "config")
        root = document.child("root")
        linux = document.child("linux", optional=True)
        resources = linux.child("resources", optional=True)
        return cls(
            process=Process.from_json(document.child("process")),
            hostname=document.text("hostname", ""),
            domainname=document.text("domainname", ""),
            root_path=root.text("path"),
            root_readonly=root.flag("readonly"),
            root_propagation=linux.text("rootfsPropagation", ""),
            mounts=tuple(map(Mount.from_json, document.children("mounts"))),
            namespaces=tuple(map(Namespace.from_json, linux.children("namespaces"))),
            devices=tuple(map(Device.from_json, linux.children("devices"))),
            device_rules=tuple(map(DeviceRule.from_json, resources.children("devices"))),
            resources=resources.others("devices"),
            cgroups_path=linux.text("cgroupsPath", ""),
            sysctl=linux.text_map("sysctl"),
            seccomp=linux.child("seccomp").members if linux.has("seccomp") else None,
            masked_paths=linux.texts("maskedPaths") or (),
            readonly_paths=linux.texts("readonlyPaths") or (),
            annotations=document.text_map("annotations"),
        )


_SIDES = ("height", "width")


def _console_size(document: Document) -> tuple[int, int] | None:
    if not document.has("consoleSize"):
        return None
    size = document.child("consoleSize")
    return size.number("height"), size.number("width")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
