"""PID 1's first steps: from a fresh fork to the container's own program.

`prepare` and `become` run in the child that the monitor has forked into a new PID namespace
(`first`). They read like the list that they carry out: leave the host's mounts, put the pile of
layers together; join the control group, make the pile the root, furnish it, give power away, turn
into the program.

The order carries the safety. What is needed from the host (the bind mounts' sources) is opened
*before* `pivot_root`; every path of the container is resolved *after* it, when no symbolic
link of an image can lead outside any more.

Rule: only single-threaded children run this; it never returns. It imports no network or
notebook library. runtime-spec: runtime.md "Lifecycle", config-linux.md
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from runtime.container import messages, reaper
from runtime.container.bundle import Bundle
from runtime.container.devices import permits_new_nodes
from runtime.container.points import MADE_IF_MISSING, SUBDIRECTORY
from runtime.container.power import give_up_power
from runtime.container.terminal import open_terminal
from runtime.container.user import User, find_user
from runtime.container.worlds import SHM
from runtime.errors import CommandNotStarted, Conflict, InvalidInput, NotFound, UnsafePath
from runtime.linux import cgroup, cgroup_mounts, files, mount, namespaces, netdevice, process
from runtime.linux.seccomp import Filter
from runtime.linux.terminal import Size
from runtime.oci.mounts import Mount
from runtime.oci.spec import Namespace, Process, Spec
from runtime.snapshot.overlay import Overlay

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


@dataclass(frozen=True, slots=True)
class Stdio:
    """The descriptors that become the program's 0, 1 and 2."""

    stdin: int
    stdout: int
    stderr: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the new container is made of.

    With `lifeline` its program is killed when its monitor dies; otherwise it lives on. `fetched`
    are sources of mounts that have been opened already, by destination (`joining`).
    With `reaped` a process of ours stays behind as process 1.
    """

    spec: Spec
    overlay: Overlay
    bundle: Bundle
    group: cgroup.Cgroup
    lifeline: bool
    fetched: Mapping[str, int] = field(default_factory=dict)
    reaped: bool = False


def prepare(world: World) -> dict[str, int]:
    """Put the root together, at the bundle's rootfs, an empty directory of the host; the mount
    there is only seen by this process and its children. What comes from the host, opened.

    The mount namespace is made now, and not ahead, so that it has the host's mounts of this
    moment. Raises NotFound, KernelError.
    """
    forbid_imports()
    namespaces.unshare(namespaces.CLONE_NEWNS)
    shown = open_sources(world, "bind")  # while they still hear of the host's later mounts
    mount_root(world.overlay, world.bundle)
    return {**shown, **open_sources(world, "overlay")}


def become(world: World, stdio: Stdio | None, channel: socket.socket) -> NoReturn:
    """Turn the calling process into the container that `world` describes.

    It is in its namespaces already, and has the root. When everything is set up it waits at
    `channel` for permission to begin. Without `stdio` it gets a terminal. Raises KernelError or
    OnggiError when a step fails; the caller reports it and ends.
    """
    spec, bundle = world.spec, world.bundle
    world.group.join()
    leave_host_groups(spec)
    name_host(spec)
    filter_ = bundle.filter()
    change_root(bundle.rootfs)
    for each in spec.mounts:
        make_mount(each, world.fetched)
    if any(each.destination == "/dev" and each.type != "bind" for each in spec.mounts):
        make_devices(spec)
    set_sysctls(spec.sysctl)
    hide(spec.masked_paths)
    protect(spec.readonly_paths)
    finish_root(spec)
    if stdio is None:
        window = spec.process.console_size
        stdio = Stdio(*3 * (open_terminal(window and Size(*window), channel, console=True),))
    permission, _ = messages.receive(channel)
    if permission is None:
        os._exit(1)  # the monitor has decided against it
    at_end = signal.SIGKILL if world.lifeline else 0
    execute(spec.process, stdio, filter_, at_end, reaped=world.reaped)


def enter_early_namespaces() -> None:
    """Leave the host's network, IPC and host name; they depend on nothing that is to come."""
    namespaces.unshare(namespaces.CLONE_NEWNET | namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWUTS)
    netdevice.bring_up("lo")


def leave_host_groups(spec: Spec) -> None:
    """Leave the host's control groups: the group that this process is in becomes the root of
    those that it sees.
    """
    if spec.namespace("cgroup"):
        namespaces.unshare(namespaces.CLONE_NEWCGROUP)


def name_host(spec: Spec) -> None:
    """Give the container its name, if that is its own to give."""
    if spec.namespace("uts") == Namespace("uts"):
        namespaces.sethostname(spec.hostname)
        if spec.domainname:
            namespaces.setdomainname(spec.domainname)


def mount_root(overlay: Overlay, bundle: Bundle) -> None:
    """Show the pile of layers at the bundle's rootfs, in this mount namespace only.

    At the very bottom lie empty mount points (see `Bundle.floor`), so that they exist without
    anything being written to the container's own layer. Layer directories are named relative
    to their common parent: see `mount_overlay`.
    """
    mount.make_private("/")
    if overlay.upper is None or overlay.work is None:
        raise ValueError("a container needs a writable snapshot")
    snapshots = overlay.upper.parents[1]
    bottom = [path for path in (bundle.points, bundle.floor) if path.exists()]
    lower = [os.path.relpath(path, snapshots) for path in (*overlay.lower, *bottom)]
    upper, work = (os.path.relpath(path, snapshots) for path in (overlay.upper, overlay.work))
    mount.mount_overlay(snapshots, tuple(lower), upper, work, bundle.rootfs)


def open_sources(world: World, kind: str) -> dict[str, int]:
    """What comes from the host, by destination, attached nowhere yet; but for the shared memory
    that another container's world will bring (`joining`).
    """
    neighbour = world.spec.namespace("ipc")
    awaited = SHM if neighbour is not None and neighbour.path else None
    open_source = {"bind": open_bind, "overlay": open_pile}[kind]
    return {
        each.destination: open_source(each, world.bundle)
        for each in world.spec.mounts
        if each.type == kind and each.destination != awaited
    }


def open_bind(each: Mount, bundle: Bundle) -> int:
    """A copy of a bind mount's source, or of a directory in it: a link on the way to that is
    somebody else's, and ends in the source. Raises NotFound, KernelError.
    """
    del bundle
    if MADE_IF_MISSING in each.options and not os.path.lexists(each.source):
        os.makedirs(each.source, exist_ok=True)
    below = [name.removeprefix(SUBDIRECTORY) for name in each.options if SUBDIRECTORY in name]
    recursive = "rbind" in each.options
    try:
        if not below:
            return mount.open_tree(each.source, recursive=recursive)
        source = os.open(each.source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = files.open_in_root(source, below[-1], os.O_PATH)
        finally:
            os.close(source)
        try:
            return mount.open_tree(inside, recursive=recursive)
        finally:
            os.close(inside)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        raise NotFound(
            "there is nothing to mount at {path}: {source} is not there",
            path=each.destination,
            source="/".join((each.source, *below)),
        ) from error


def open_pile(each: Mount, bundle: Bundle) -> int:
    """A pile of layers, which a build step sees of another stage. It is put together at a place
    in the bundle that only this process sees, and taken up from there.
    """
    option = dict(option.partition("=")[::2] for option in each.options)
    place = bundle.directory / "overlay"
    place.mkdir(exist_ok=True)
    lower = tuple(option["lowerdir"].split(":"))
    mount.mount_overlay(
        bundle.root / "snapshots", lower, option["upperdir"], option["workdir"], place
    )
    opened = mount.open_tree(place)
    mount.umount(place, detach=True)
    return opened


def change_root(rootfs: Path) -> None:
    """Make `rootfs` the root and let go of the old one, so that no path leads back.

    With both arguments "." the old root is mounted over the new one at the same place, and no
    directory is needed for it. man 2 pivot_root, "pivot_root(".", ".")"
    """
    os.chdir(rootfs)
    mount.pivot_root(".", ".")
    mount.umount(".", detach=True)
    os.chdir("/")


def make_mount(each: Mount, sources: Mapping[str, int]) -> None:
    """One mount of the spec, its mount point made if missing.

    Raises UnsafePath for the kernel's own file systems at a symbolic link: whoever can turn it
    elsewhere could have them covered in one place and open in another.
    """
    if each.type == "cgroup":
        return mount_cgroups(each)
    if each.destination in sources:
        return bind_source(each, sources[each.destination])
    if each.type in ("proc", "sysfs") and Path(each.destination).is_symlink():
        raise UnsafePath("{path} of the image is a symbolic link", path=each.destination)
    os.close(mount_point(each.destination, directory=True))
    flags, data = mount.parse_options(each.options)
    mount.mount(each.source, each.destination, each.type, flags, data)
    return mount.set_propagation(each.destination, each.options)


def bind_source(each: Mount, source: int) -> None:
    """Attach an opened source, with what its options forbid: before it is seen anywhere.

    The place is a descriptor, found once: whoever swaps links there meanwhile is too late.
    Raises UnsafePath in the kernel's own /proc, Conflict for a file onto a directory.
    """
    directory = stat.S_ISDIR(os.fstat(source).st_mode)
    flags, _ = mount.parse_options(each.options)
    if forbidden := flags & mount.ATTRIBUTES:
        mount.set_attributes(source, forbidden, recursive="rro" in each.options)
    mount.set_propagation_of(source, each.options)
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
        kind = {"c": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}[device.kind]
        os.makedirs(Path(device.path).parent, mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # outside of /dev: it was made the last time
            numbers = os.makedev(device.major, device.minor)
            os.mknod(device.path, kind | device.file_mode, numbers)
            if device.uid or device.gid:
                os.chown(device.path, device.uid, device.gid, follow_symlinks=False)
        if not free:
            mount.bind(device.path, device.path)
    if not free:
        mount.forbid_devices("/dev", mount.MS_NOSUID | mount.MS_STRICTATIME)
    for name, target in DEV_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.umask(mask)


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


def finish_root(spec: Spec) -> None:
    """What the root itself permits, when nothing more is to be made in it."""
    flags = 0 if permits_new_nodes(spec.devices, spec.device_rules) else mount.MS_NODEV
    if spec.root_readonly:
        with contextlib.suppress(OSError):  # `execute` says what is wrong with it
            os.makedirs(spec.process.cwd, exist_ok=True)
        mount.make_read_only("/", flags)
    elif not flags:
        mount.restrict("/", 0)
    mount.set_propagation("/", (spec.root_propagation,))


def hide(paths: tuple[str, ...]) -> None:
    """Cover each path that exists: a file with /dev/null, a directory with an empty one."""
    for path in paths:
        if os.path.isdir(path):
            mount.mount("tmpfs", path, "tmpfs", mount.MS_RDONLY)
        elif os.path.exists(path):
            mount.bind("/dev/null", path)


def protect(paths: tuple[str, ...]) -> None:
    """Make each path that exists read-only, keeping what its mount has forbidden already."""
    for path in paths:
        if os.path.exists(path):
            mount.bind(path, path, recursive=True)
            mount.make_read_only(path, mount.MS_NOSUID | mount.MS_NODEV | mount.MS_NOEXEC)


def execute(
    program: Process,
    stdio: Stdio,
    filter_: Filter | None,
    at_parent_s_end: int = 0,
    *,
    reaped: bool = False,
) -> NoReturn:
    """Give power away and turn into `program`. Raises CommandNotStarted when it cannot be.

    Used for PID 1 and for `exec` alike; `filter_` is the container's. `at_parent_s_end` is the
    signal that the program gets when its parent dies; it is set last, as a change of user
    forgets it (man 2 prctl).
    """
    user = find_user(program.user, program.groups)
    environment = _environment(program, user)
    _enter_directory(program.cwd)
    for descriptor, number in ((stdio.stdin, 0), (stdio.stdout, 1), (stdio.stderr, 2)):
        # A program that opens /dev/stdout by name must be allowed to, also as another user.
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode) or program.terminal:
            os.fchown(descriptor, user.uid, -1)
        os.dup2(descriptor, number, inheritable=True)
    process.close_on_exec_from(3)
    os.umask(0o022)
    give_up_power(user, program, filter_)
    process.die_with_parent(at_parent_s_end)
    if reaped:
        reaper.stay_behind()
    _reset_signals()
    _replace(program.args, environment)


def _environment(program: Process, user: User) -> dict[str, str]:
    variables = dict(entry.partition("=")[::2] for entry in program.env)
    variables.setdefault("HOME", user.home)
    return variables


def _enter_directory(path: str) -> None:
    """Docker makes a working directory that is missing."""
    try:
        os.makedirs(path, exist_ok=True)
        os.chdir(path)
        Path.cwd()  # fails for one that no path leads to: outside of this root (CVE-2024-21626)
    except OSError as error:
        raise _no_directory(path, error) from error


def require_directory(path: str) -> None:
    """It does not make one for an `exec`. Raises CommandNotStarted."""
    try:
        Path(path).stat()
    except OSError as error:
        raise _no_directory(path, error) from error


def _no_directory(path: str, error: OSError) -> CommandNotStarted:
    return CommandNotStarted(
        "cannot enter the working directory {path}: {reason}",
        exit_code=126,
        path=path,
        reason=error.strerror,
    )


def _reset_signals() -> None:
    """Python ignores SIGPIPE and handles SIGINT; the program must find the defaults."""
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _replace(arguments: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    command = arguments[0]
    try:
        os.execvpe(command, arguments, environment)
    except OSError as error:
        raise refusal(command, error) from error


def refusal(command: str, error: OSError) -> CommandNotStarted:
    """Docker's and the shell's convention: 127 for not there, 126 for there but not possible."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return CommandNotStarted(
            "command not found in the container: {command}",
            exit_code=127,
            hint="check the spelling, or whether the image has that program",
            command=command,
        )
    return CommandNotStarted(
        "command cannot be executed in the container: {command}: {reason}",
        exit_code=126,
        hint="is it a program, with its execute permission set, for this machine?",
        command=command,
        reason=error.strerror,
    )


def forbid_imports() -> None:
    """Let this process load no Python file any more.

    After `pivot_root` or `setns` the paths in sys.path lead into the container, whose files
    would be executed here with the power that is about to be given up.
    """
    sys.meta_path.clear()
    sys.path.clear()
