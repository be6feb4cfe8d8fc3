"""Control groups: how much of the machine a group of processes may use, and what it used.

There are two kernel interfaces. Version 1 has one tree of directories for each controller,
version 2 one tree for all; on a hybrid host both are mounted and a controller is in one of
them. A `Cgroup` is the same name in every tree that matters, so the rest of the engine does
not know which host it is on.

Which file limits what is said once, in `settings_v1` and `settings_v2`; their input is the
`linux.resources` object of the OCI runtime-spec.

Rule: only groups below our own name are written to; no group of anybody else is touched.
man 7 cgroups, Documentation/admin-guide/cgroup-v2.rst, runtime-spec config-linux.md
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import HostLacks, KernelError

PARENT = "onggi"
"""All our groups are children of this one."""

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio")
"""The version 1 controllers that a container is put under, as runc does."""

PATIENCE_S = 2.0
"""How long the end of members that have been killed is waited for."""

Resources = Mapping[str, Any]
"""runtime-spec config-linux.md, "Control groups": {"memory": {"limit": bytes}, …}."""


@dataclass(frozen=True, slots=True)
class Controller:
    """Where a controller is mounted on this host, and by which interface (1 or 2)."""

    name: str
    mount: Path
    version: int


@functools.cache
def controllers() -> Mapping[str, Controller]:
    """The controllers that this host offers. Read from /proc/self/mounts once."""
    found: dict[str, Controller] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            names, version = _words(Path(where) / "cgroup.controllers"), 2
        elif kind == "cgroup":
            names, version = [name for name in options.split(",") if name in CONTROLLERS], 1
        else:
            continue
        for name in names:
            found.setdefault(name, Controller(name, Path(where), version))
    return found


def hierarchies_v1() -> tuple[tuple[str, ...], ...]:
    """The version 1 controllers, those that are mounted together as one: (("cpu", "cpuacct"),)."""
    found: dict[Path, tuple[str, ...]] = {}
    for each in controllers().values():
        if each.version == 1:
            found[each.mount] = (*found.get(each.mount, ()), each.name)
    return tuple(found.values())


def host_version() -> str:
    """ "v1", "v2", "hybrid" (both are mounted) or "none"."""
    kinds = {line.split(" ")[2] for line in Path("/proc/self/mounts").read_text().splitlines()}
    if {"cgroup", "cgroup2"} <= kinds:
        return "hybrid"
    return "v1" if "cgroup" in kinds else "v2" if "cgroup2" in kinds else "none"


def settings_v1(resources: Resources) -> Iterator[tuple[str, str, int]]:
    """(controller, file, value) for each limit, in an order that the kernel accepts.

    A new limit for memory and swap together must never be below the one for memory, so on a
    fresh group (all unlimited) memory comes first.
    """
    memory, cpu, pids = (resources.get(name, {}) for name in ("memory", "cpu", "pids"))
    if (limit := memory.get("limit")) is not None:
        yield "memory", "memory.limit_in_bytes", limit
    if (reservation := memory.get("reservation")) is not None:
        yield "memory", "memory.soft_limit_in_bytes", reservation
    if (swap := memory.get("swap")) is not None:
        yield "memory", "memory.memsw.limit_in_bytes", swap
    if (shares := cpu.get("shares")) is not None:
        yield "cpu", "cpu.shares", shares
    if (quota := cpu.get("quota")) is not None:
        yield "cpu", "cpu.cfs_period_us", cpu.get("period", 100_000)
        yield "cpu", "cpu.cfs_quota_us", quota
    if (limit := pids.get("limit")) is not None:
        yield "pids", "pids.max", limit


def settings_v2(resources: Resources) -> Iterator[tuple[str, str, str]]:
    """The same for version 2, where swap is counted apart and shares become a weight."""
    memory, cpu, pids = (resources.get(name, {}) for name in ("memory", "cpu", "pids"))
    if (limit := memory.get("limit")) is not None:
        yield "memory", "memory.max", _or_max(limit)
        if (swap := memory.get("swap")) is not None:
            yield "memory", "memory.swap.max", _or_max(swap - limit if swap > 0 else swap)
    if (reservation := memory.get("reservation")) is not None:
        yield "memory", "memory.low", _or_max(reservation)
    if (shares := cpu.get("shares")) is not None:
        # 2…262144 onto 1…10000, the conversion of every runtime (crun.1, "CPU controller").
        yield "cpu", "cpu.weight", str(1 + (shares - 2) * 9999 // 262142)
    if (quota := cpu.get("quota")) is not None:
        yield "cpu", "cpu.max", f"{_or_max(quota)} {cpu.get('period', 100_000)}"
    if (limit := pids.get("limit")) is not None:
        yield "pids", "pids.max", _or_max(limit)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group `onggi/<name>` in each tree of this host. Nothing exists before `create`."""

    name: str

    def directories(self) -> tuple[Path, ...]:
        """One directory a tree, the version 1 controllers in their own order first."""
        here = controllers()
        mounts = [here[name].mount for name in CONTROLLERS if name in here]
        return tuple(mount / PARENT / self.name for mount in dict.fromkeys(mounts))

    def directory(self, controller: str) -> Path | None:
        """The directory where this controller's files are; None if the host has none."""
        found = controllers().get(controller)
        return found.mount / PARENT / self.name if found else None

    def create(self, resources: Resources) -> None:
        """Make the group and set its limits; on failure nothing is left.

        Raises HostLacks when a limit is asked for and its controller or file is missing,
        KernelError when the kernel refuses a value.
        """
        try:
            for directory in self.directories():
                _make(directory)
            for version, settings in ((1, settings_v1), (2, settings_v2)):
                for controller, file, value in settings(resources):
                    self._set(version, controller, file, value)
        except BaseException:
            self.remove()
            raise

    def _set(self, version: int, controller: str, file: str, value: int | str) -> None:
        found = controllers().get(controller)
        if found is None:
            raise _no_controller(controller, "/proc/self/mounts, cgroup.controllers")
        if found.version != version:
            return
        path = found.mount / PARENT / self.name / file
        if not path.exists() and file.startswith(("memory.memsw", "memory.swap")):
            return  # a kernel that does not count swap: there is nothing to limit
        if not path.exists():
            raise _no_controller(controller, f"{path} does not exist")
        _write(path, str(value))

    def join(self) -> None:
        """Put the calling thread, a process's only one, into the group, and with it all that
        it will start.

        Version 1 has a file for processes and one for threads. Moving a process takes a lock
        over all forks of the machine, 10 ms when it was not used lately; a thread that moves
        itself needs none (kernel/cgroup/cgroup.c, cgroup_procs_write_start).
        """
        for directory in self.directories():
            _enter(directory)

    def doors(self) -> tuple[int, ...]:
        """Descriptors for `pass_through`: they lead into the group also from a mount namespace
        in which it has no path. Raises KernelError (ENOENT: there is no such group).
        """
        return tuple(_open(_entrance(directory)) for directory in self.directories())

    def processes(self) -> frozenset[int]:
        """Process IDs of all members, as this process's PID namespace numbers them."""
        for directory in self.directories():
            with contextlib.suppress(OSError):
                # Version 2 says 0 for a member that this PID namespace does not see, and
                # to kill 0 means to kill oneself.
                return frozenset(map(int, _words(directory / "cgroup.procs"))) - {0}
        return frozenset()

    def kill(self) -> None:
        """Kill every member, and those that they start meanwhile, until there is none.

        One that waits for a device cannot be killed yet: after two seconds it is left.
        """
        deadline = time.monotonic() + PATIENCE_S
        while (members := self.processes()) and time.monotonic() < deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)

    @contextlib.contextmanager
    def frozen(self, patience_s: float = 5.0) -> Iterator[None]:
        """No member runs inside the block. Raises HostLacks, KernelError.

        Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst "cgroup.freeze"
        """
        file, freeze, thaw = self._freezer()
        _write(file, freeze)
        try:
            deadline = time.monotonic() + patience_s
            while not self._is_frozen(file):
                if time.monotonic() > deadline:
                    raise KernelError("freeze", str(file), errno.ETIMEDOUT)
                time.sleep(0.001)
            yield
        finally:
            _write(file, thaw)

    def _freezer(self) -> tuple[Path, str, str]:
        """The file that freezes, and what to write to it: to freeze, to thaw."""
        directory = self.directory("freezer")
        if directory and (directory / "freezer.state").exists():
            return directory / "freezer.state", "FROZEN", "THAWED"
        for each in self.directories():
            if (each / "cgroup.freeze").exists():
                return each / "cgroup.freeze", "1", "0"
        raise HostLacks(
            "this host cannot hold a container still",
            feature="cgroup freezer",
            evidence="no freezer.state or cgroup.freeze in its control groups",
            hint="use pause=False (--pause=false): files may change while they are read",
        )

    def _is_frozen(self, file: Path) -> bool:
        if file.name == "freezer.state":
            return _words(file) == ["FROZEN"]
        return "frozen 1" in (file.parent / "cgroup.events").read_text()

    def oom_kills(self) -> int:
        """How many processes the kernel killed here because memory ran out."""
        directory = self.directory("memory")
        for file in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError, TypeError):
                for line in (directory / file).read_text().splitlines():  # type: ignore[operator]
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove the group, and our parent group with its last child.

        A member that has just been killed is counted for a moment longer, so this waits for
        up to two seconds. Raises KernelError (EBUSY) when live members stay.
        """
        for directory in self.directories():
            _remove(directory, PATIENCE_S)
            with contextlib.suppress(OSError):
                directory.parent.rmdir()

    def remove_if_empty(self) -> None:
        """Remove the group unless it has members; never waits."""
        for directory in self.directories():
            with contextlib.suppress(OSError):
                directory.rmdir()
                directory.parent.rmdir()


def pass_through(doors: tuple[int, ...]) -> None:
    """What `Cgroup.join` does, by what `Cgroup.doors` has opened before."""
    for door in doors:
        os.write(door, b"0")


def leave() -> None:
    """Put the calling process back into the root groups, so that its own can be removed."""
    for mount in {controller.mount for controller in controllers().values()}:
        with contextlib.suppress(KernelError):
            _enter(mount)


def names() -> frozenset[str]:
    """The groups of ours that exist in any tree, whoever made them."""
    found: set[str] = set()
    for controller in controllers().values():
        with contextlib.suppress(OSError):
            found.update(
                entry.name for entry in os.scandir(controller.mount / PARENT) if entry.is_dir()
            )
    return frozenset(found)


def _no_controller(name: str, evidence: str) -> HostLacks:
    return HostLacks(
        "this host has no cgroup controller for {feature}, so the limit cannot be kept",
        hint="leave the limit out, or enable the controller ({evidence})",
        feature=name,
        evidence=evidence,
    )


def _make(directory: Path) -> None:
    """mkdir, with what the kernel wants done before a member may join."""
    try:
        while True:
            try:
                directory.mkdir(exist_ok=True)
                break
            except FileNotFoundError:  # the first child, or somebody's last one just took it
                directory.parent.mkdir(exist_ok=True)
                _prepare(directory.parent)
    except OSError as error:
        raise KernelError("mkdir", str(directory), error.errno or 0) from error
    _prepare(directory)


def _enter(directory: Path) -> None:
    _write(_entrance(directory), "0")


def _entrance(directory: Path) -> Path:
    tasks = directory / "tasks"
    return tasks if tasks.exists() else directory / "cgroup.procs"


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open", str(path), error.errno or 0) from error


def _prepare(directory: Path) -> None:
    """cpuset (version 1) starts empty and version 2 hands on only enabled controllers."""
    if (directory / "cpuset.cpus").exists() and not (directory / "cgroup.controllers").exists():
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not (directory / file).read_text().strip():
                _write(directory / file, (directory.parent / file).read_text())
    switch = directory.parent / "cgroup.subtree_control"
    if switch.exists():
        offered = _words(directory.parent / "cgroup.controllers")
        for name in sorted(set(offered) & set(CONTROLLERS) - set(_words(switch))):
            # Refused (EBUSY) where the engine is in a container itself, and its group has
            # members. That only matters when a limit is asked for: `_set` says so then.
            with contextlib.suppress(KernelError):
                _write(switch, "+" + name)


def _remove(directory: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return directory.rmdir()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise KernelError("rmdir", str(directory), error.errno or 0) from error
            time.sleep(0.002)


def _write(path: Path, value: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KernelError("write", f"{path}, {value.strip()!r}", error.errno or 0) from error


def _words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def _or_max(value: int) -> str:
    return "max" if value < 0 else str(value)
