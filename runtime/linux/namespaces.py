"""Namespaces: which world a process sees.

`unshare` gives the caller new worlds, `setns` moves it into somebody else's. A new PID
namespace is the exception: it is entered by the next child, who becomes its PID 1.

man 7 namespaces, man 2 unshare, man 2 setns
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.linux.libc import checked, system_call

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

FLAG_OF_KIND = {
    "mount": CLONE_NEWNS,
    "cgroup": CLONE_NEWCGROUP,
    "uts": CLONE_NEWUTS,
    "ipc": CLONE_NEWIPC,
    "user": CLONE_NEWUSER,
    "pid": CLONE_NEWPID,
    "network": CLONE_NEWNET,
}
"""OCI runtime-spec's name of a namespace (config-linux.md, "Namespaces") → its clone flag."""

PROC_NAME_OF_KIND = {"mount": "mnt", "network": "net"}
"""Where /proc/PID/ns uses another name than the OCI specification."""


def unshare(flags: int) -> None:
    """Leave the shared namespaces named by `flags` for new ones.

    Raises KernelError. EPERM: no CAP_SYS_ADMIN. EINVAL: a kernel without that namespace, or
    CLONE_NEWPID a second time. ENOSPC: a limit in /proc/sys/user. man 2 unshare
    """
    checked("unshare", flags)


def give_children_new_pids() -> None:
    """The next child will be PID 1 of a new PID namespace, and all later ones will live in it.

    If there was such a namespace before, the caller first takes its children back into its own:
    the kernel would refuse a second `unshare`. man 7 pid_namespaces, "setns(2) and unshare(2)"
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(own, CLONE_NEWPID)
    finally:
        os.close(own)
    unshare(CLONE_NEWPID)


@contextlib.contextmanager
def children_born_here() -> Iterator[None]:
    """Inside the block the caller's children are born into its own PID namespace, wherever they
    were to be born before and will be afterwards. Raises KernelError. man 7 pid_namespaces
    """
    place = Path("/proc/self/ns/pid_for_children")
    if place.readlink() == Path("/proc/self/ns/pid").readlink():
        yield
        return
    own, theirs = (
        os.open(name, os.O_RDONLY | os.O_CLOEXEC) for name in ("/proc/self/ns/pid", place)
    )
    try:
        setns(own, CLONE_NEWPID)
        yield
    finally:
        setns(theirs, CLONE_NEWPID)
        os.close(own)
        os.close(theirs)


@contextlib.contextmanager
def coming_home() -> Iterator[None]:
    """At the end of the block the caller sees its own mounts again, and has its own root, whatever
    mount namespace it has entered meanwhile. Raises KernelError.
    """
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield
    finally:
        setns(home, CLONE_NEWNS)
        os.fchdir(root)
        os.chroot(".")  # the namespace's root need not be the caller's
        os.close(home)
        os.close(root)


def setns(descriptor: int, flags: int = 0) -> None:
    """Enter a namespace by its /proc/PID/ns file, or several at once by a pidfd and `flags`.

    Raises KernelError. EPERM: not allowed there. ESRCH: the pidfd's process has gone.
    man 2 setns
    """
    checked("setns", descriptor, flags)


def sethostname(name: str) -> None:
    """Name this UTS namespace. Raises KernelError (EINVAL: over 64 bytes). man 2 sethostname"""
    encoded = name.encode()
    checked("sethostname", encoded, len(encoded))


def setdomainname(name: str) -> None:
    """Its NIS domain, which hardly anybody uses. Raises KernelError. man 2 setdomainname"""
    encoded = name.encode()
    checked("setdomainname", encoded, len(encoded))


def pidfd_open(pid: int) -> int:
    """A descriptor that means this process and never another one with its number.

    Readable when the process has ended. Closed on exec. Raises KernelError (ESRCH).
    man 2 pidfd_open
    """
    return system_call("pidfd_open", pid, 0)


def identity(pid: int | str, kind: str) -> str:
    """Which namespace of that OCI `kind` the process is in, as "pid:[4026531836]".

    Two processes share the namespace exactly if the texts are equal. man 7 namespaces
    """
    return str(Path(f"/proc/{pid}/ns/{PROC_NAME_OF_KIND.get(kind, kind)}").readlink())
