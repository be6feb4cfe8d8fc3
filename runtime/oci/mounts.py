"""Mounts: what a container finds under which path, in the order in which it is put there.

A mount is a description: this file mounts nothing. What its options mean to the kernel is said in
`runtime/linux/mount.py`.

runtime-spec: config.md, "Mounts"; config-linux.md, "Default Filesystems"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.oci.document import Document


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
