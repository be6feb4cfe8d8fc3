"""Sharing a world: with the host, or with a container that runs.

A first process is forked before anybody knows which container it will be, so it has worlds of its
own already. What is to be shared it enters afterwards, by a pidfd: that means a process, and never
another one that got its number. The PID world is the exception, it is entered by being born there:
for that, another first process is forked, and the one that was ready is let go.

    monitor    worlds_of(spec)  ──▶  [(which worlds, pidfd), …]  ──▶  first process: enter

The host's worlds are those of the monitor. Shared memory, /dev/shm, is a mount; whoever shares
another container's IPC world gets that one's, fetched from its mount namespace.

man 2 setns, man 2 pidfd_open, man 7 ipc_namespaces
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.container.records import Records
from runtime.container.state import LIVE
from runtime.container.worlds import SHM
from runtime.errors import Conflict, KernelError
from runtime.linux import files, mount, namespaces, process
from runtime.linux.namespaces import FLAG_OF_KIND
from runtime.oci.spec import Namespace, Spec

BY_SETNS = ("network", "ipc", "uts", "cgroup")
"""Worlds that a process can change; the mounts are always its own."""

HOST, ANOTHER = "host", "another"

Worlds = list[tuple[int, int, str]]
"""Which worlds (CLONE_NEW… flags), a pidfd of a process in them, and whose they are."""


@contextlib.contextmanager
def worlds_of(spec: Spec, root: Path) -> Iterator[Worlds]:
    """The worlds to enter; their descriptors are open inside the block.

    Raises Conflict for a container that does not run, NotFound for one that is not there.
    """
    with contextlib.ExitStack() as stack:
        found: Worlds = []
        for kind in BY_SETNS:
            if (pidfd := _neighbour(spec.namespace(kind), root)) is not None:
                stack.callback(os.close, pidfd)
                whose = HOST if spec.namespace(kind) is None else ANOTHER
                found.append((FLAG_OF_KIND[kind], pidfd, whose))
        yield found


def pid_world_of(spec: Spec, root: Path) -> int | None:
    """A pidfd of a process in the PID world to be born in; None for a new world. Raises as
    `worlds_of`.
    """
    return _neighbour(spec.namespace("pid"), root)


def _neighbour(namespace: Namespace | None, root: Path) -> int | None:
    """A pidfd of somebody in that world; None if it is to be a new one."""
    if namespace is None:
        return namespaces.pidfd_open(os.getpid())
    if not namespace.path:
        return None
    return _first_process(Path(namespace.path).parts[-3], namespace.kind, root)


def _first_process(container_id: str, kind: str, root: Path) -> int:
    """The descriptor is taken before the start time is compared: see `execute.enter`."""
    row = Records(root).row(container_id)
    ended = Conflict(
        "cannot share the {kind} namespace of container {name}: it is not running",
        hint="start it first",
        kind=kind,
        name=row["name"],
    )
    if row["status"] not in LIVE:
        raise ended
    try:
        pidfd = namespaces.pidfd_open(row["pid"])
    except KernelError as error:
        raise ended from error
    if not process.is_alive(row["pid"], row["pid_start"]):
        os.close(pidfd)
        raise ended
    return pidfd


def enter(worlds: Worlds) -> dict[str, int]:
    """For the first process: enter them. What was fetched on the way, by where it belongs: the
    other container's shared memory, attached nowhere yet. Raises KernelError.
    """
    fetched = {}
    for flags, pidfd, whose in worlds:
        if flags & namespaces.CLONE_NEWIPC and whose == ANOTHER:
            fetched[SHM] = shared_memory(pidfd)
        namespaces.setns(pidfd, flags)
        os.close(pidfd)
    return fetched


def shared_memory(pidfd: int) -> int:
    """A copy of the mount at /dev/shm of that process. Only who is in its mount namespace may
    copy it, so this goes there and comes back. Nothing on the way there is a link: the container
    might have made one. Raises KernelError.
    """
    here = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespaces.setns(pidfd, namespaces.CLONE_NEWNS)
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        place = files.open_beneath(root, SHM.lstrip("/"), os.O_PATH | os.O_DIRECTORY)
        try:
            return mount.open_tree(place)
        finally:
            os.close(place)
            os.close(root)
            namespaces.setns(here, namespaces.CLONE_NEWNS)
            os.chdir("/")
    finally:
        os.close(here)
