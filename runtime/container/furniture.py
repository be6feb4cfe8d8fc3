"""Furnishing: what a container finds in its root besides its image's files.

    mounts        /proc, /dev and /sys, then volumes, files and whatever else it is shown
    devices       nodes in its /dev, each of which works, and no other one that root makes there
    sysctls       settings of its own worlds, while they can be written yet
    masked and read-only paths    of the kernel's files

`furnish` does it, from inside: the caller's root is the container's already. What `ahead` can do
before anybody knows which container it will be is done there with the same function.

runtime-spec: config.md "Mounts", config-linux.md "Devices", "Masked Paths"
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from runtime.container.devices import permits_new_nodes
from runtime.errors import Conflict, InvalidInput, UnsafePath
from runtime.linux import cgroup_mounts, files, mount
from runtime.oci.devices import Device
from runtime.oci.mounts import Mount
from runtime.oci.spec import Spec

DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
"""config-linux.md, "/dev symbolic links"."""

COVERABLE = frozenset(
    f"/proc/{name}"
    for name in (
        *("cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo"),
        *("net/dev", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"),
    )
)
"""Files of /proc that something may be mounted on: lxcfs does. (runc: rootfs_linux.go)"""


def furnish(spec: Spec, sources: Mapping[str, int]) -> None:
    """Put into the root what `spec` says. `sources` are those of bind mounts, opened, by
    destination. Raises KernelError or OnggiError.
    """
    for each in spec.mounts:
        make_mount(each, sources)
    if any(each.destination == "/dev" and each.type != "bind" for each in spec.mounts):
        make_devices(spec)
    set_sysctls(spec.sysctl)
    hide(spec.masked_paths)
    protect(spec.readonly_paths)


def make_mount(each: Mount, sources: Mapping[str, int]) -> None:
    """One mount of the spec, its mount point made if missing. Raises UnsafePath, KernelError."""
    if each.type == "cgroup":
        return mount_cgroups(each)
    if each.destination in sources:
        return bind_source(each, sources[each.destination])
    if each.type in ("proc", "sysfs"):
        refuse_link(each.destination)
    os.close(mount_point(each.destination, directory=True))
    flags, data = mount.parse_options(each.options)
    mount.mount(each.source, each.destination, each.type, flags, data)
    return mount.set_propagation(each.destination, each.options)


def refuse_link(path: str) -> None:
    """Raises UnsafePath where one of the kernel's own file systems would go to a symbolic link:
    whoever can turn it elsewhere could have it covered in one place and open in another.
    """
    if Path(path).is_symlink():
        raise UnsafePath("{path} of the image is a symbolic link", path=path)


def carry_in(tree: int, path: str) -> None:
    """Attach what was put together `ahead`. Raises UnsafePath, KernelError."""
    if path != "/dev":
        refuse_link(path)
    place = mount_point(path, directory=True)
    mount.move_mount_to(tree, place)
    os.close(place)
    os.close(tree)


def bind_source(each: Mount, source: int) -> None:
    """Attach an opened source, with what its options forbid: before it is seen anywhere.

    The place is a descriptor, found once: whoever swaps links there meanwhile is too late.
    Raises UnsafePath in the kernel's own /proc, Conflict for a file onto a directory.
    """
    directory = stat.S_ISDIR(os.fstat(source).st_mode)
    flags, _ = mount.parse_options(each.options)
    if forbidden := flags & mount.ATTRIBUTES:
        mount.set_attributes(source, forbidden, recursive="rro" in each.options)
    mount.set_propagation_of(source, propagation_of(each.options))
    place = mount_point(each.destination, directory=directory)
    try:
        refuse_kernels_own(place, each.destination)
        if directory != stat.S_ISDIR(os.fstat(place).st_mode):
            raise Conflict(
                "{source} cannot be mounted onto {path}: one is a directory, the other a file",
                source=each.source,
                path=each.destination,
            )
        mount.move_mount_to(source, place)
    finally:
        os.close(place)
        os.close(source)


def propagation_of(options: tuple[str, ...]) -> tuple[str, ...]:
    """What is said of a bind's root, and of the mounts below it what is not said: unless it is to
    be shared, whatever the container mounts there is not the host's to see, as with runc.
    """
    return options if {"shared", "rshared"} & {*options} else ("rslave", *options)


def mount_point(path: str, *, directory: bool) -> int:
    """A descriptor of the place to mount something at, made if missing. Links lead to where they
    lead inside, and never through /proc to what this process has open.

    A file covers a link itself: many an image's /etc/resolv.conf is one that leads nowhere.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not directory and Path(path).is_symlink():
            return files.open_in_root(root, path, os.O_PATH | os.O_NOFOLLOW)
        return files.make_in_root(root, path, directory=directory)
    finally:
        os.close(root)


def refuse_kernels_own(place: int, path: str) -> None:
    """Raises UnsafePath for a place in /proc: who could cover /proc/self/attr there could keep
    those who come into the container from giving power away (CVE-2019-16884).
    """
    with contextlib.suppress(FileNotFoundError):
        kernels = Path("/proc").stat().st_dev
        inside = os.fstat(place).st_dev == kernels != Path("/").stat().st_dev
        if inside and str(Path(f"/proc/self/fd/{place}").readlink()) not in COVERABLE:
            raise UnsafePath("{path} cannot be mounted because it is inside /proc", path=path)


def mount_cgroups(each: Mount) -> None:
    """Show the container its own control groups, read-only: it may read its limits.

    Version 2 is one mount. Version 1 is a directory with one mount a hierarchy, which may be
    of several controllers ("cpu,cpuacct"); then each of them is a link to it.
    """
    os.makedirs(each.destination, exist_ok=True)
    flags, _ = mount.parse_options(each.options)
    hierarchies = cgroup_mounts.hierarchies_v1()
    if not hierarchies:
        return mount.mount("cgroup", each.destination, "cgroup2", flags)
    mount.mount("tmpfs", each.destination, "tmpfs", flags & ~mount.MS_RDONLY, "mode=755")
    for names in hierarchies:
        together = ",".join(names)
        Path(each.destination, together).mkdir()
        mount.mount("cgroup", f"{each.destination}/{together}", "cgroup", flags, together)
        for name in names if len(names) > 1 else ():
            Path(each.destination, name).symlink_to(together)
    return mount.restrict(each.destination, flags)


def make_devices(spec: Spec) -> None:
    """The handful of devices that every program expects, and those of the host that were asked
    for.

    Root may make nodes of other devices, such as the host's disk. The control group's rules
    forbid to open them; and so that this does not hang on one thread, no mount in which root can
    make one lets it be opened. Each device that it is given becomes a mount of its own, which does.
    Where the rules permit more, nodes may be used wherever they are.
    """
    free = permits_new_nodes(spec.devices, spec.device_rules)
    mask = os.umask(0)
    for device in spec.devices:
        node = make_node(device)
        if not free:
            tree = mount.open_tree_at(node)
            mount.permit_devices(tree)
            mount.move_mount_to(tree, node)
            os.close(tree)
        os.close(node)
    if not free:
        mount.forbid_devices("/dev", mount.MS_NOSUID | mount.MS_STRICTATIME)
    for name, target in DEV_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.umask(mask)


def make_node(device: Device) -> int:
    """The device's node as a descriptor (O_PATH), made if it is missing: outside of /dev it was
    made the last time. Links lead on inside; what stands there itself must be that node, no link.

    Raises Conflict for something else, KernelError.
    """
    place = Path(device.path)
    kind = {"c": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}[device.kind]
    numbers = os.makedev(device.major, device.minor)
    parent = mount_point(str(place.parent), directory=True)
    try:
        with contextlib.suppress(FileExistsError):
            os.mknod(place.name, kind | device.file_mode, numbers, dir_fd=parent)
            if device.uid or device.gid:
                who = device.uid, device.gid
                os.chown(place.name, *who, dir_fd=parent, follow_symlinks=False)
        node = os.open(place.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)
    found = os.fstat(node)
    if (stat.S_IFMT(found.st_mode), found.st_rdev) != (kind, numbers):
        os.close(node)
        raise Conflict("the image has something else where a device is to be: {path}", path=place)
    return node


def set_sysctls(settings: Mapping[str, str]) -> None:
    """Change settings of the container's own worlds. Raises InvalidInput where the kernel does
    not know one, or refuses the value.
    """
    for name, value in settings.items():
        try:
            Path("/proc/sys", name.replace(".", "/")).write_text(value)
        except OSError as error:
            raise InvalidInput(
                "sysctl {name} cannot be set to {value!r}: {reason}",
                name=name,
                value=value,
                reason=error.strerror,
            ) from error


def hide(paths: tuple[str, ...]) -> None:
    """Cover each path that exists: a file with /dev/null, a directory with an empty one. Raises
    UnsafePath, KernelError.
    """
    covered = [path for path in paths if os.path.exists(path) and not os.path.isdir(path)]
    null = open_null() if covered else -1
    for path in covered:
        tree = mount.open_tree_at(null)
        mount.move_mount(tree, path)
        os.close(tree)
    if covered:
        os.close(null)
    for path in paths:
        if os.path.isdir(path):
            mount.mount("tmpfs", path, "tmpfs", mount.MS_RDONLY)


def open_null() -> int:
    """A descriptor of /dev/null (O_PATH). If /dev is a volume, that may be a link to a file of the
    kernel's, which would be shown writable where one should be hidden (CVE-2025-31133).
    """
    place = mount_point("/dev/null", directory=False)
    status = os.fstat(place)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3):
        return place
    os.close(place)
    raise UnsafePath("{path} of the container is not that device", path="/dev/null")


def protect(paths: tuple[str, ...]) -> None:
    """Make each path that exists read-only, keeping what its mount has forbidden already."""
    for path in paths:
        if os.path.exists(path):
            mount.bind(path, path, recursive=True)
            mount.make_read_only(path, mount.MS_NOSUID | mount.MS_NODEV | mount.MS_NOEXEC)
