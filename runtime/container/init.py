"""PID 1's first steps: from a fresh fork to the container's own program.

`prepare` and `become` run in the child that the monitor has forked into a new PID namespace
(`first`). They read like the list that they carry out: leave the host's mounts, put the pile of
layers together; join the control group, make the pile the root, furnish it (`furniture`), give
power away, turn into the program.

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

from runtime.container import reaper
from runtime.container.ahead import Furniture
from runtime.container.bundle import Bundle
from runtime.container.devices import permits_new_nodes
from runtime.container.furniture import furnish
from runtime.container.points import MADE_IF_MISSING, SUBDIRECTORY
from runtime.container.power import give_up_power
from runtime.container.terminal import open_terminal
from runtime.container.user import User, find_user
from runtime.container.worlds import SHM
from runtime.errors import CommandNotStarted, NotFound
from runtime.linux import cgroup, files, mount, namespaces, netdevice, process
from runtime.linux.seccomp import Filter
from runtime.linux.terminal import Size
from runtime.oci.mounts import Mount
from runtime.oci.spec import Namespace, Process, Spec
from runtime.snapshot.overlay import Overlay


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
    With `reaped` a process of ours stays behind as process 1. `furniture` is what was made ahead;
    with `in_group` the caller is in the control group already, and sees no other one.
    """

    spec: Spec
    overlay: Overlay
    bundle: Bundle
    group: cgroup.Cgroup
    lifeline: bool
    fetched: Mapping[str, int] = field(default_factory=dict)
    reaped: bool = False
    furniture: Furniture | None = None
    in_group: bool = False


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

    It is in its namespaces already, and has the root. When all is done but to become the program
    it waits at `channel` for permission. Without `stdio` it gets a terminal. Raises KernelError or
    OnggiError when a step fails; the caller reports it and ends.

    What happens at its monitor's end is said last, as a change of user forgets it (man 2 prctl).
    """
    spec, bundle = world.spec, world.bundle
    if not world.in_group:
        world.group.join()
        leave_host_groups(spec)
    name_host(spec)
    filter_ = bundle.filter()
    change_root(bundle.rootfs)
    made, missing = world.furniture, spec
    if made is not None:
        missing = made.carry_in(spec, in_group=world.in_group)
    furnish(missing, world.fetched)
    finish_root(spec)
    if stdio is None:
        window = spec.process.console_size
        stdio = Stdio(*3 * (open_terminal(window and Size(*window), channel, console=True),))
    environment = get_ready(spec.process, stdio, filter_)
    if not os.read(channel.fileno(), 1):  # of all ways to listen, what every filter permits
        os._exit(1)  # the monitor has decided against it
    process.die_with_parent(signal.SIGKILL if world.lifeline else 0)
    if world.reaped:
        reaper.stay_behind()
    turn_into(spec.process, environment)


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


def execute(program: Process, stdio: Stdio, filter_: Filter | None) -> NoReturn:
    """Give power away and turn into `program`; `filter_` is the container's.

    Raises CommandNotStarted when it cannot be. PID 1 and `exec` both end with these two.
    """
    turn_into(program, get_ready(program, stdio, filter_))


def get_ready(program: Process, stdio: Stdio, filter_: Filter | None) -> dict[str, str]:
    """Become in all but its code what `program` is to be; the variables that it will get.

    Raises CommandNotStarted.
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
    return environment


def turn_into(program: Process, environment: dict[str, str]) -> NoReturn:
    """Replace this process's code. Raises CommandNotStarted: it is not there, or is no program."""
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
