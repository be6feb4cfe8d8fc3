"""Block devices: their numbers, and which of them share their time by weight.

A weight of the blkio controller is kept by a device's I/O scheduler, and only "bfq" does it;
version 2 of the control groups has another way, which has to be switched on for each device.

Documentation/block/bfq-iosched.rst, Documentation/admin-guide/cgroup-v2.rst "IO"
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path

from runtime.errors import InvalidInput
from runtime.linux.cgroup_mounts import controllers

DEVICES, DISKS = Path("/sys/block"), Path("/sys/dev/block")
"""Them by their names and by their numbers."""


def numbers_of(path: str) -> tuple[int, int]:
    """A block device's major and minor number. Raises InvalidInput for anything else."""
    with contextlib.suppress(OSError, ValueError):
        status = Path(path).stat()
        if stat.S_ISBLK(status.st_mode):
            return os.major(status.st_rdev), os.minor(status.st_rdev)
    raise InvalidInput(
        "not a block device: {path}", hint="`lsblk -p` lists this host's", path=path[:200]
    )


def weighs(numbers: tuple[int, int], devices: Path = DISKS) -> tuple[bool, str]:
    """Whether the disk shares its time by weight, and its scheduler. Raises InvalidInput for a
    part of a disk: it has no scheduler of its own.
    """
    name = "{}:{}".format(*numbers)
    try:
        scheduler = scheduler_in((devices / name / "queue" / "scheduler").read_text())
    except OSError as error:
        raise InvalidInput(
            "not a whole disk: {device}", hint="`lsblk -dp` lists them", device=name
        ) from error
    return scheduler == "bfq" or name in _weighed_by_cost(), scheduler


def without_weights(devices: Path = DEVICES) -> tuple[tuple[str, str], ...]:
    """Each disk whose time is not shared by weight, with the scheduler that it has instead."""
    weighed = _weighed_by_cost()
    found = []
    for device in sorted(devices.iterdir() if devices.exists() else ()):
        with contextlib.suppress(OSError):
            # One without a size is an empty drive, or a loop device that nobody uses.
            if int((device / "size").read_text()) == 0:
                continue
            scheduler = scheduler_in((device / "queue" / "scheduler").read_text())
            numbers = (device / "dev").read_text().strip()
            if scheduler != "bfq" and numbers not in weighed:
                found.append((device.name, scheduler))
    return tuple(found)


def scheduler_in(text: str) -> str:
    """The one in brackets: "none [mq-deadline] bfq" → "mq-deadline"."""
    shape = re.search(r"\[(.+?)\]", text)
    return shape[1] if shape else text.strip()


def _weighed_by_cost() -> frozenset[str]:
    """Devices for which version 2's io.weight was switched on: lines "8:0 enable=1 …"."""
    found = controllers().get("blkio")
    with contextlib.suppress(OSError, AttributeError):
        lines = (found.mount / "io.cost.qos").read_text().splitlines()  # type: ignore[union-attr]
        return frozenset(line.split(" ")[0] for line in lines if "enable=1" in line)
    return frozenset()
