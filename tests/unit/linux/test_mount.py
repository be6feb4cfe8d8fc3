"""Mount options: which are the kernel's flags and which the file system's own."""

from __future__ import annotations

import pytest

from runtime.linux import mount
from runtime.oci.mounts import DEFAULT_MOUNTS


@pytest.mark.parametrize(
    ("options", "flags", "data"),
    [
        ((), 0, ""),
        (("ro",), 1, ""),
        (("rw",), 0, ""),
        (("size=1m",), 0, "size=1m"),
        (("ro", "size=1m", "nosuid", "mode=755"), 1 | 2, "size=1m,mode=755"),
        (("nosuid", "nodev", "noexec"), 2 | 4 | 8, ""),
        (("bind",), 4096, ""),
        (("rbind", "ro"), 4096 | 16384 | 1, ""),
        (("relatime", "noatime", "strictatime"), (1 << 21) | 1024 | (1 << 24), ""),
        (("newinstance", "gid=5"), 0, "newinstance,gid=5"),
    ],
)
def test_options_are_flags_or_data(options: tuple[str, ...], flags: int, data: str) -> None:
    assert mount.parse_options(options) == (flags, data)


def test_every_default_mount_forbids_setuid_programs() -> None:
    """config-linux.md, "Default Filesystems": what the kernel makes up holds no programs."""
    for each in DEFAULT_MOUNTS:
        flags, data = mount.parse_options(each.options)
        assert flags & mount.MS_NOSUID, each.destination
        assert "nosuid" not in data
