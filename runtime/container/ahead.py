"""Ahead: what is made of a container while a first process waits for its orders.

Nearly every container has the same /proc, /dev and /sys: thirty mounts and half a dozen nodes. They
belong to worlds that the waiting process has already (its PIDs, its network, its IPC), and not to
an image. So it furnishes an empty room with them, in a mount namespace that nobody else sees, takes
a copy of each of the three trees, attached nowhere, and goes home. When it knows what it is to be
and has its root, it carries them in: three calls.

    waiting   furnish_room()     the floor as root ── furnish(USUAL) ── open_tree ×3 ── home again
    called    carry_in(spec)     move_mount ×3; what `spec` wants besides is left to `furnish`

The same with its control group, where groups can be renamed (version 1: eight directories, and
eight mounts by which the container sees them; in version 2 it is one, and made when it is needed).

    waiting   make_group()       onggi/ahead-PID, of the monitor ── the first process joins
    called    take_group()       renamed to the container's id, unless its limits are not the usual

Whoever asks for something else there (`--privileged`, `--device`, `--shm-size`, a volume below
/dev, somebody else's world) is furnished as if nothing had been done ahead: `furnish` has made
both.

man 2 open_tree, man 2 move_mount, man 7 mount_namespaces
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.container.bundle import make_floor
from runtime.container.furniture import carry_in, furnish, mount_cgroups
from runtime.errors import HostLacks, KernelError
from runtime.linux import cgroup, device_rules, mount, namespaces
from runtime.linux.cgroup import Cgroup
from runtime.oci.mounts import DEFAULT_MOUNTS
from runtime.oci.spec import Namespace, Process, Spec

PLACES = ("/proc", "/dev", "/sys")

(GROUPS,) = (each for each in DEFAULT_MOUNTS if each.type == "cgroup")
"""What a container sees of control groups is its own: so it must have joined it before."""

MADE = tuple(each for each in DEFAULT_MOUNTS if each != GROUPS)

USUAL = Spec(Process(()), mounts=MADE)

GROUP = "ahead-"
"""Such a group's name goes on with the PID of the process that has made it, and will remove it."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """The trees, by their places: descriptors of mounts that are attached nowhere. `groups` is
    what is mounted in one of them, if there was a control group by then.
    """

    trees: Mapping[str, int]
    groups: int | None

    def carry_in(self, spec: Spec, *, in_group: bool) -> Spec:
        """Attach the trees, if they are what `spec` wants; what it wants besides is returned.

        The caller's root is the container's, and its worlds are those in which the trees were made;
        and that control group is the container's if the caller is `in_group`.
        """
        if not fits(spec):
            return spec
        for place, tree in self.trees.items():
            carry_in(tree, place)
        made = MADE
        if in_group and self.groups is not None:
            carry_in(self.groups, GROUPS.destination)
            made = DEFAULT_MOUNTS
        others = tuple(each for each in spec.mounts if each not in made)
        return replace(spec, mounts=others, masked_paths=(), readonly_paths=())


def fits(spec: Spec) -> bool:
    """Whether a container has what all have at these places, and nothing else there."""
    others = (each.destination for each in spec.mounts if each not in DEFAULT_MOUNTS)
    return (
        {*MADE} <= {*spec.mounts}
        and not any(map(is_inside, others))
        and not spec.sysctl
        and spec.namespaces == USUAL.namespaces
        and (spec.devices, spec.device_rules) == (USUAL.devices, USUAL.device_rules)
        and spec.masked_paths == USUAL.masked_paths
        and spec.readonly_paths == USUAL.readonly_paths
    )


def is_inside(path: str) -> bool:
    """Whether it is one of the places, or below one."""
    return any(f"{path}/".startswith(f"{place}/") for place in PLACES)


def furnish_room(floor: Path, *, in_group: bool) -> Furniture:
    """Make the trees, on an empty directory that has their places. Raises KernelError.

    The caller comes back to its mounts and its root, and finds there what has been mounted
    meanwhile: so the container will see the host's mounts of the moment in which it starts.
    """
    make_floor(floor)
    with namespaces.coming_home():
        namespaces.unshare(namespaces.CLONE_NEWNS)
        mount.make_private("/")
        os.chroot(floor)
        os.chdir("/")
        furnish(USUAL, {})
        trees = {place: mount.open_tree(place, recursive=True) for place in PLACES}
        if not in_group:
            return Furniture(trees, None)
        mount_cgroups(GROUPS)
        return Furniture(trees, mount.open_tree(GROUPS.destination, recursive=True))


def make_group() -> Cgroup | None:
    """A control group that keeps docker's device rules, and no other limits. None where it could
    not become a container's later, or without privilege.
    """
    clear_groups()
    if cgroup.can_be_renamed():
        group = Cgroup(f"{GROUP}{os.getpid()}")
        with contextlib.suppress(HostLacks, KernelError):
            group.create({})
            device_rules.keep(group, USUAL.device_rules)
            return group
    return None


def clear_groups() -> None:
    """Remove the groups of those who were killed before they could do it."""
    for name in cgroup.names():
        if name.startswith(GROUP) and not Path("/proc", name.removeprefix(GROUP)).exists():
            Cgroup(name).remove_if_empty()


def take_group(group: Cgroup | None, spec: Spec, name: str) -> bool:
    """Make `group` the one of the container with that name; False if it needs another one: it has
    limits, or other rules, or sees the host's; or it has a group, which a killed monitor has left.
    """
    usual = (
        not spec.resources
        and spec.device_rules == USUAL.device_rules
        and spec.namespace("cgroup") == Namespace("cgroup")
    )
    if group is None or not usual or Cgroup(name).exists():
        return False
    group.rename(name)
    return True


def step_into(doors: tuple[int, ...]) -> None:
    """Join the group, by its doors: it may be renamed meanwhile, as somebody may be waiting. It
    becomes the root of those that the caller sees.
    """
    cgroup.pass_through(doors)
    namespaces.unshare(namespaces.CLONE_NEWCGROUP)
