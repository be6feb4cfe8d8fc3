"""A container's file system, seen from outside: for `cp` and `export`.

    running    what its processes see: its layers, and what is mounted on them, such as a tmpfs
    stopped    its layers, put together in a mount namespace of our own, while they are needed

Either way it is a copy of the tree of mounts, attached nowhere: whoever has its descriptor reads
and writes the real files, but nobody's path leads to it, and it goes with the descriptor, however
its holder ends. The kernel's own directories (/proc, /sys, /dev) are taken off it, as docker has
it: they are no files of the container's.

A mount namespace belongs to a thread, not to a process. A thread of its own enters it and ends,
so that nothing else in this process (a notebook, say) ever sees the inside of a container.

Rule: the thread imports nothing and reads no file by a path once it is inside.
man 7 mount_namespaces, man 2 open_tree, man 2 setns
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.container.bundle import Bundle
from runtime.container.init import mount_root, open_bind
from runtime.container.records import Records
from runtime.database import Row
from runtime.errors import Conflict, KernelError, NotFound
from runtime.linux import mount, namespaces, process
from runtime.linux.files import open_in_root
from runtime.oci.mounts import Mount
from runtime.snapshot.overlay import Overlay

_KERNELS_OWN = frozenset({"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"})


@contextlib.contextmanager
def open_root(records: Records, container_id: str, *, with_mounts: bool = True) -> Iterator[int]:
    """A descriptor of the container's `/`, with what is mounted in it or without.

    While one that is stopped is open, a start waits. Raises NotFound, KernelError.
    """
    bundle = records.bundle(container_id)
    with contextlib.ExitStack() as held:
        while (root := _try_to_open(records, bundle, with_mounts, held)) is None:
            time.sleep(0.01)
        held.callback(os.close, root)
        yield root


def _try_to_open(
    records: Records, bundle: Bundle, with_mounts: bool, held: contextlib.ExitStack
) -> int | None:
    """None while it is just starting or ending. What keeps it from starting is put on `held`."""
    container_id = bundle.directory.name
    row = records.row(container_id)
    if row["pid"]:
        with contextlib.suppress(Conflict):  # it has ended meanwhile
            return _root_of_running(row, with_mounts)
        return None
    lock = held.enter_context(_open_lock(bundle))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    if records.row(container_id)["pid"]:
        fcntl.flock(lock, fcntl.LOCK_UN)
        return None
    return _root_of_stopped(records.snapshots.overlay(container_id), bundle, with_mounts)


@contextlib.contextmanager
def _open_lock(bundle: Bundle) -> Iterator[int]:
    """What a monitor holds as long as its container runs: see `monitor.only_monitor`."""
    lock = os.open(bundle.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def _root_of_running(row: Row, with_mounts: bool) -> int:
    """Raises Conflict when it does not run any more."""
    pid = row["pid"]
    ended = Conflict("container {name} is not running", name=row["name"])
    try:
        pidfd = namespaces.pidfd_open(pid)
        covers = _covers(pid)
    except OSError as cause:
        raise ended from cause
    try:
        if not process.is_alive(pid, row["pid_start"]):
            raise ended

        def enter() -> int:
            namespaces.setns(pidfd, namespaces.CLONE_NEWNS)
            namespaces.unshare(namespaces.CLONE_NEWNS)  # a copy: the container keeps its own
            mount.make_private("/")
            for path in covers:
                with contextlib.suppress(KernelError):  # it was inside of another one
                    mount.umount(path, detach=True)
            return mount.open_tree("/", recursive=with_mounts)

        return _in_a_thread(namespaces.CLONE_FS, enter)
    except KernelError as cause:
        if cause.errno == errno.ESRCH:
            raise ended from cause
        raise
    finally:
        os.close(pidfd)


def open_layers(overlay: Overlay, bundle: Bundle) -> int:
    """A descriptor of the layers of a container that is being created. Raises KernelError."""
    return _root_of_stopped(overlay, bundle, with_mounts=False)


def _root_of_stopped(overlay: Overlay, bundle: Bundle, with_mounts: bool) -> int:
    spec = bundle.spec()

    def put_together() -> int:
        mount_root(overlay, bundle)
        if spec.root_readonly:
            mount.make_read_only(bundle.rootfs, mount.MS_NODEV)
        for each in spec.mounts if with_mounts else ():
            if each.type == "bind":
                _bind(each, bundle)
        return mount.open_tree(bundle.rootfs, recursive=with_mounts)

    return _in_a_thread(namespaces.CLONE_NEWNS, put_together)


def _bind(each: Mount, bundle: Bundle) -> None:
    """Show a volume, or a file of the host's, where the container will have it."""
    flags, _ = mount.parse_options(each.options)
    with contextlib.suppress(OSError, NotFound):  # it, or its place, is not there yet
        source = open_bind(each, bundle)
        try:
            if flags & mount.MS_RDONLY:
                mount.set_attributes(source, mount.MS_RDONLY, recursive="rro" in each.options)
            is_file = not stat.S_ISDIR(os.fstat(source).st_mode)
            root = os.open(bundle.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                how = os.O_PATH | (os.O_NOFOLLOW if is_file else 0)
                target = open_in_root(root, each.destination, how)
            finally:
                os.close(root)
            try:
                mount.move_mount_to(source, target)
            finally:
                os.close(target)
        finally:
            os.close(source)


def _covers(pid: int) -> list[str]:
    """Where a process sees what is the kernel's and not a file system's: innermost first."""
    found = []
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        path, kind = fields[4], fields[fields.index("-") + 1]
        if kind in _KERNELS_OWN or path == "/dev" or path.startswith("/dev/"):
            found.append(path)
    return found[::-1]


def _in_a_thread(leave: int, act: Callable[[], int]) -> int:
    """What `act` returns in a thread that has left what `leave` says, and ends with it."""
    answer: list[int | BaseException] = []

    def run() -> None:
        try:
            namespaces.unshare(leave)
            answer.append(act())
        except BaseException as error:  # noqa: BLE001  (raised again by the one who waits)
            answer.append(error)

    thread = threading.Thread(target=run, name="onggi-root")
    thread.start()
    thread.join()
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return answer[0]
