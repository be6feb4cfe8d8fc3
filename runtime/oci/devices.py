"""Devices: what stands in a container's /dev, and which of the host's may be opened at all.

Two things that are easily taken for one. A *node* is a name in a directory that means a device by
its type and two numbers; whoever has CAP_MKNOD makes one where he likes. A *rule* is kept by the
kernel for a control group, whatever the node is called and wherever it stands.

runtime-spec: config-linux.md, "Devices", "Allowed Device list"; man 4 null, Linux's devices.txt
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.oci.document import Document


@dataclass(frozen=True, slots=True)
class Device:
    """A node to be made. `kind` is c (character), b (block) or p (pipe, which has no numbers)."""

    path: str
    kind: str
    major: int = 0
    minor: int = 0
    file_mode: int = 0o666
    uid: int = 0
    gid: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "type": self.kind,
            "major": self.major,
            "minor": self.minor,
            "fileMode": self.file_mode,
            "uid": self.uid,
            "gid": self.gid,
        }

    @classmethod
    def from_json(cls, document: Document) -> Device:
        """Raises InvalidSpec."""
        numbers = ("major", "minor", "uid", "gid")
        return cls(
            document.text("path"),
            document.text("type"),
            file_mode=document.number("fileMode") if document.has("fileMode") else 0o666,
            **{name: document.number(name) for name in numbers if document.has(name)},
        )


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """What a control group may do with devices: r (read), w (write), m (make a node).

    `kind` is c, b or a (all); None as a number means every one. The last rule that fits counts.
    """

    allow: bool
    kind: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"

    def to_json(self) -> dict[str, Any]:
        members = {
            "allow": self.allow,
            "type": self.kind,
            "major": self.major,
            "minor": self.minor,
            "access": self.access,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_json(cls, document: Document) -> DeviceRule:
        """Raises InvalidSpec."""
        return cls(
            allow=document.flag("allow"),
            kind=document.text("type", "a"),
            major=document.number("major") if document.has("major") else None,
            minor=document.number("minor") if document.has("minor") else None,
            access=document.text("access", "rwm"),
        )

    @classmethod
    def for_device(cls, device: Device, access: str = "rwm") -> DeviceRule:
        """The rule that lets this one be used."""
        return cls(True, device.kind, device.major, device.minor, access)


DEFAULT_DEVICES = (
    Device("/dev/null", "c", 1, 3),
    Device("/dev/zero", "c", 1, 5),
    Device("/dev/full", "c", 1, 7),
    Device("/dev/random", "c", 1, 8),
    Device("/dev/urandom", "c", 1, 9),
    Device("/dev/tty", "c", 5, 0),
)
"""What every program expects. config-linux.md, "Default Devices"."""

DEFAULT_DEVICE_RULES = (
    DeviceRule(False),
    DeviceRule(True, "c", access="m"),
    DeviceRule(True, "b", access="m"),
    *map(DeviceRule.for_device, DEFAULT_DEVICES),
    DeviceRule(True, "c", 5, 2),
    DeviceRule(True, "c", 136),
)
"""Docker's and runc's: nothing; but nodes may be made, and the devices above be used, and
pseudo-terminals (/dev/ptmx and /dev/pts). Not /dev/console, which docker allows: it is the host's.
"""

EVERY_DEVICE = (DeviceRule(True),)
"""What a privileged container gets."""
