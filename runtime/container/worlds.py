"""Which worlds a container has for itself, and which it shares: with the host, or with another
container; and what is mounted in them.

    --pid --ipc --uts     host · container:NAME        --ipc also  private · shareable · none
    --cgroupns            host · private
    --network             host · container:NAME · none, or the networks that it is plugged into

A shared world of another container is named in the Spec by a path in that one's bundle,
`…/containers/ID/ns/pid`. Nothing stands there: which process's world that is can only be said when
this container starts, by its monitor (`runtime/container/joining.py`).

runtime-spec: config-linux.md, "Namespaces"; moby: api/types/container/hostconfig.go
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runtime.errors import InvalidInput
from runtime.linux import mount
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount
from runtime.oci.spec import NAMESPACES, Namespace

if TYPE_CHECKING:
    from runtime.container.bundle import Request

MODES = {
    "pid": ("", "private", "host"),
    "ipc": ("", "private", "shareable", "none", "host"),
    "uts": ("", "private", "host"),
    "cgroup": ("", "private", "host"),
}
"""What a mode may be besides container:ID. Nothing said means private."""

JOINABLE = frozenset({"pid", "ipc", "uts"})
OTHER = "container:"

HOST_NETWORK, NO_NETWORK = "host", "none"
DEFAULT_NETWORK = "bridge"
"""What a container has for which nobody says anything, and a step of a build."""

NETWORK_ANNOTATION = "onggi.network"
"""The runtime-spec has no member for it, so a bundle says here that it is to be plugged in."""

PLUGGED = "plugged"

SHM = "/dev/shm"
TMPFS_DEFAULTS = ("noexec", "nosuid", "nodev")
TMPFS_DATA = ("size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol")


def mode_of(request: Request, kind: str) -> str:
    """How that world was asked for; "" where nobody asked. Raises InvalidInput.

    A network is a thing that a world of its own is plugged into, whatever its name.
    """
    if kind == "network":
        shared = request.network == HOST_NETWORK or request.network.startswith(OTHER)
        return request.network if shared else ""
    fields = {
        "pid": request.pid_mode,
        "ipc": request.ipc_mode,
        "uts": request.uts_mode,
        "cgroup": request.cgroupns_mode,
    }
    mode = fields.get(kind, "")
    if kind not in MODES or mode in MODES[kind]:
        return mode
    if kind in JOINABLE and mode.startswith(OTHER) and mode != OTHER:
        return mode
    raise InvalidInput(
        "not a mode of the {kind} namespace: {mode!r}",
        hint="write {modes}",
        kind=kind,
        mode=mode,
        modes=", ".join((*filter(None, MODES[kind]), *(["container:NAME"] * (kind in JOINABLE)))),
    )


def is_own(request: Request, kind: str) -> bool:
    """Whether the container has that world for itself."""
    mode = mode_of(request, kind)
    return mode != "host" and not mode.startswith(OTHER)


def namespaces_of(request: Request, root: Path) -> tuple[Namespace, ...]:
    """The worlds as the Spec lists them: what is not there is the host's."""
    found = []
    for kind in NAMESPACES:
        mode = mode_of(request, kind)
        if mode.startswith(OTHER):
            found.append(Namespace(kind, str(_bundle_of(mode, root) / "ns" / kind)))
        elif mode != "host":
            found.append(Namespace(kind))
    return tuple(found)


def network_annotation(network: str) -> dict[str, str]:
    """What the Spec says of a world that is to be plugged into networks."""
    alone = network in (HOST_NETWORK, NO_NETWORK) or network.startswith(OTHER)
    return {} if alone else {NETWORK_ANNOTATION: PLUGGED}


def neighbour_bundle(request: Request, root: Path) -> Path | None:
    """The bundle of the container whose network it shares, and so its names and resolvers."""
    mode = mode_of(request, "network")
    return _bundle_of(mode, root) if mode.startswith(OTHER) else None


def refuse_foreign_names(request: Request) -> None:
    """Raises InvalidInput for what would name or set a world that is somebody else's."""
    if (request.hostname or request.domainname) and not is_own(request, "uts"):
        raise InvalidInput(
            "a host name cannot be given to a container that shares the names of another: "
            "--uts {mode}",
            hint="leave out --hostname and --domainname, or --uts",
            mode=request.uts_mode,
        )
    for name in request.sysctls:
        kind = "network" if name.startswith("net.") else "ipc"
        if not is_own(request, kind):
            raise InvalidInput(
                "sysctl {name} cannot be set for a world that is shared: --{kind} {mode}",
                hint="leave out one of them",
                name=name,
                kind=kind,
                mode=mode_of(request, kind),
            )


def mounts_of(request: Request, root: Path, more: tuple[Mount, ...] = ()) -> tuple[Mount, ...]:
    """Docker's default mounts as the request changes them, then its tmpfs mounts and `more`, the
    outer ones first. Of several at one place the last counts. Raises InvalidInput.
    """
    mounts = {each.destination: each for each in DEFAULT_MOUNTS}
    if request.privileged:
        mounts |= {place: writable(mounts[place]) for place in ("/sys", "/sys/fs/cgroup")}
    del mounts[SHM]
    if (shm := _shm(request, root)) is not None:
        mounts[SHM] = shm
    extra = [tmpfs(place, options) for place, options in request.tmpfs.items()]
    for each in sorted((*extra, *more), key=lambda each: each.destination.count("/")):
        mounts.pop(each.destination, None)
        mounts[each.destination] = each
    return tuple(mounts.values())


def writable(each: Mount) -> Mount:
    """The same mount without its "ro"."""
    options = tuple(option for option in each.options if option != "ro")
    return Mount(each.destination, each.type, each.source, options)


def _shm(request: Request, root: Path) -> Mount | None:
    """Shared memory belongs to the IPC world: whoever shares that shares this."""
    mode = mode_of(request, "ipc")
    if mode == "none":
        return None
    forbidden = ("nosuid", "noexec", "nodev")
    if mode == "host":
        return Mount(SHM, "bind", SHM, ("bind", *forbidden))
    if mode.startswith(OTHER):
        return Mount(SHM, "bind", str(_bundle_of(mode, root) / "shm"), ("bind", *forbidden))
    size = f"size={request.shm_bytes}" if request.shm_bytes else "size=65536k"
    return Mount(SHM, "tmpfs", "shm", (*forbidden, "mode=1777", size))


def tmpfs(place: str, options: str) -> Mount:
    """`/run` with `size=64m,exec`: docker's defaults, then what was said. Raises InvalidInput."""
    path = PurePosixPath(place)
    if ".." in path.parts or path.parts[1:2] in (("proc",), ("sys",)):
        raise InvalidInput(
            "a tmpfs cannot be mounted there: {path}",
            hint="/proc and /sys are the kernel's; .. leads nowhere",
            path=place,
        )
    said = tuple(option for option in options.split(",") if option)
    for option in said:
        name, equals, _ = option.partition("=")
        if name not in (TMPFS_DATA if equals else mount.FLAG_OPTIONS):
            raise InvalidInput(
                "not an option of a tmpfs: {option!r}",
                hint="for example: size=64m, mode=1777, uid=1000, exec",
                option=option,
            )
    return Mount(str(path), "tmpfs", "tmpfs", (*TMPFS_DEFAULTS, *said))


def _bundle_of(mode: str, root: Path) -> Path:
    return root / "containers" / mode.removeprefix(OTHER)
