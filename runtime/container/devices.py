"""Which devices a container gets: docker's handful, and those of the host that were asked for.

The host is asked what is at a path; what the container may do with it is kept by the kernel for its
control group (`runtime/linux/device_rules.py`).

moby: daemon/pkg/oci/devices_linux.go; opencontainers/cgroups, devices
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import HostLacks, InvalidInput, NotFound
from runtime.linux import device_rules
from runtime.linux.cgroup import Cgroup
from runtime.oci.devices import (
    DEFAULT_DEVICE_RULES,
    DEFAULT_DEVICES,
    EVERY_DEVICE,
    Device,
    DeviceRule,
)
from runtime.oci.spec import Spec

if TYPE_CHECKING:
    from runtime.container.bundle import Request

DEV = Path("/dev")
NOT_THE_HOST_S = frozenset({"pts", "ptmx", "shm", "fd", "mqueue", "console", ".lxc", ".udev"})
"""What a privileged container does not get of the host's /dev: it has its own."""

_RULE = re.compile(r"([abc]) (\d{1,7}|\*):(\d{1,7}|\*) ([rwm]{1,3})", re.ASCII)


def devices_of(request: Request) -> tuple[tuple[Device, ...], tuple[DeviceRule, ...]]:
    """The nodes to be made, and the rules for the control group.

    Raises NotFound for a path that is not there, InvalidInput for one that is no device.
    """
    if request.privileged:
        found = {each.path: each for each in (*_all_of(DEV, DEV), *DEFAULT_DEVICES)}
        return tuple(found.values()), EVERY_DEVICE
    devices = {each.path: each for each in DEFAULT_DEVICES}
    rules = [*DEFAULT_DEVICE_RULES]
    for on_host, inside, access in request.devices:
        for device in _devices_at(Path(on_host), Path(inside)):
            devices[device.path] = device
            rules.append(DeviceRule.for_device(device, access))
    rules += map(parse_rule, request.device_rules)
    return tuple(devices.values()), tuple(rules)


def parse_rule(text: str) -> DeviceRule:
    """`c 10:200 rwm`, with * for any number. Raises InvalidInput."""
    shape = _RULE.fullmatch(text)
    if shape is None:
        raise InvalidInput(
            "not a device rule: {text!r}",
            hint="write type, numbers and access, such as: c 10:200 rwm, or b 8:* r",
            text=text,
        )
    major, minor = (None if number == "*" else int(number) for number in shape.group(2, 3))
    return DeviceRule(True, shape[1], major, minor, shape[4])


def permits_new_nodes(devices: tuple[Device, ...], rules: tuple[DeviceRule, ...]) -> bool:
    """Whether the rules let the container open other devices than those that it is given, by
    nodes that it makes itself.
    """
    given: set[tuple[str, int | None, int | None]]
    given = {(device.kind, device.major, device.minor) for device in devices}
    given |= {(each.kind, each.major, each.minor) for each in DEFAULT_DEVICE_RULES if each.allow}
    opening = [rule for rule in rules if rule.allow and {*rule.access} & {*"rw"}]
    return any((rule.kind, rule.major, rule.minor) not in given for rule in opening)


def keep_rules(group: Cgroup, spec: Spec) -> None:
    """Have the kernel keep the rules. Raises HostLacks where it cannot, and nothing else stands
    in for them.
    """
    if spec.device_rules == EVERY_DEVICE or device_rules.keep(group, spec.device_rules):
        return
    if permits_new_nodes(spec.devices, spec.device_rules):
        raise HostLacks(
            "this host has no control groups for devices, so the rules for them cannot be kept",
            feature="device control group",
            evidence="/proc/self/mounts: neither devices nor cgroup2",
            hint="leave out --device-cgroup-rule",
        )


def _devices_at(on_host: Path, inside: Path) -> list[Device]:
    """The device at a path, or all in a directory."""
    try:
        found = device_at(on_host, inside)
    except OSError as error:
        raise NotFound(
            "no such device on this host: {path}: {reason}",
            path=on_host,
            reason=error.strerror,
        ) from error
    if found is not None:
        return [found]
    many = list(_all_of(on_host, inside)) if on_host.is_dir() else []
    if not many:
        raise InvalidInput(
            "not a device: {text!r}", hint="`ls -l` shows a c or a b for one", text=str(on_host)
        )
    return many


def device_at(path: Path, inside: Path) -> Device | None:
    """The device at a path of the host, as it is to be inside; None if it is none. Raises
    OSError.
    """
    status = path.stat()
    kind = "c" if stat.S_ISCHR(status.st_mode) else "b" if stat.S_ISBLK(status.st_mode) else ""
    if not kind:
        return None
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    mode = stat.S_IMODE(status.st_mode)
    return Device(str(inside), kind, major, minor, mode, status.st_uid, status.st_gid)


def _all_of(folder: Path, inside: Path) -> Iterator[Device]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink() or (folder == DEV and entry.name in NOT_THE_HOST_S):
            continue
        path = Path(entry.path)
        if entry.is_dir():
            yield from _all_of(path, inside / entry.name)
        elif found := device_at(path, inside / entry.name):
            yield found
