"""Control groups: how much of the machine a group of processes may use.

A `Cgroup` is the same name in every tree that matters (`cgroup_mounts` knows them), so the rest
of the engine does not know by which of the kernel's two interfaces this host works. Which file
keeps which limit is said in `cgroup_settings`, what a group has used is read by `cgroup_usage`,
and `cgroup_oom` watches for kills when memory has run out.

Rule: only groups below our own name are written to; no group of anybody else is touched.
man 7 cgroups
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import HostLacks, KernelError
from runtime.linux.cgroup_mounts import CONTROLLERS, VERSION_1_NAME, controllers, words
from runtime.linux.cgroup_settings import (
    UNLIMITED_BYTES,
    Resources,
    Setting,
    settings_v1,
    settings_v2,
)

PARENT = "onggi"
"""All our groups are children of this one."""

PATIENCE_S = 2.0
"""How long the end of members that have been killed is waited for."""


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

    def exists(self) -> bool:
        """Whether it has been made and not removed."""
        return any(directory.exists() for directory in self.directories())

    def create(self, resources: Resources) -> None:
        """Make the group and set its limits; on failure nothing is left.

        Raises HostLacks when a limit is asked for and its controller or file is missing,
        KernelError when the kernel refuses a value.
        """
        try:
            for directory in self.directories():
                _make(directory)
            self.change(resources)
        except BaseException:
            self.remove()
            raise

    def change(self, resources: Resources) -> None:
        """Set limits of a group that exists: all of them, or none when one is refused.

        What `resources` does not name stays as it is. Raises as `create`.
        """
        written: list[tuple[Path, str]] = []
        try:
            for setting in self._settings(resources):
                found = self._file_for(setting)
                if found is not None:
                    file, value = found
                    before = file.read_text()
                    _write(file, value)
                    written.append((file, before))
        except BaseException:
            for file, before in reversed(written):
                with contextlib.suppress(KernelError):
                    _write(file, before)
            raise

    def _settings(self, resources: Resources) -> Iterator[Setting]:
        """Each limit once, as the version of its controller here wants it written."""
        now = self._memory_limit_bytes() if "memory" in resources else UNLIMITED_BYTES
        for version, settings in (
            (1, settings_v1(resources, now)),
            (2, settings_v2(resources)),
        ):
            for setting in settings:
                found = controllers().get(setting.controller)
                if found is None:
                    raise _no_controller(setting.controller, "/proc/self/mounts")
                if found.version == version:
                    yield setting

    def _memory_limit_bytes(self) -> int:
        """Version 1's limit at this moment."""
        directory = self.directory("memory")
        with contextlib.suppress(OSError, TypeError):
            return int((directory / "memory.limit_in_bytes").read_text())  # type: ignore[operator]
        return UNLIMITED_BYTES

    def _file_for(self, setting: Setting) -> tuple[Path, str] | None:
        """Where to write what; None for a limit that can be done without. Raises HostLacks."""
        directory = self.directory(setting.controller)
        assert directory is not None
        each: Setting | None = setting
        while each is not None:
            if (directory / each.file).exists():
                return directory / each.file, each.value
            each = each.instead
        if setting.optional:
            return None
        switch = directory.parent / "cgroup.subtree_control"
        if switch.exists() and controllers()[setting.controller].name not in words(switch):
            raise _no_controller(setting.controller, str(switch))
        raise HostLacks(
            "this host's kernel cannot keep the limit {feature}",
            hint="leave the limit out ({evidence})",
            feature=setting.file,
            evidence=f"no {directory / setting.file}",
        )

    def rename(self, name: str) -> None:
        """Give it another name, with its members and its settings. Version 1 alone can do that: see
        `can_be_renamed`. Raises KernelError (EEXIST).
        """
        for before, after in zip(self.directories(), Cgroup(name).directories(), strict=True):
            try:
                before.rename(after)
            except OSError as error:
                raise KernelError("rename", f"{before}, {after}", error.errno or 0) from error

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
                return frozenset(map(int, words(directory / "cgroup.procs"))) - {0}
        return frozenset()

    def kill(self) -> None:
        """Kill every member, and those that they start meanwhile, until there is none.

        One that waits for a device cannot be killed yet: after two seconds it is left. One that is
        frozen (version 1) must be thawed to die.
        """
        deadline = time.monotonic() + PATIENCE_S
        while (members := self.processes()) and time.monotonic() < deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(HostLacks, KernelError):
                self.thaw()
            time.sleep(0.001)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """No member runs inside the block; one that was frozen before stays so after it.

        Raises HostLacks, KernelError.
        """
        if self.is_frozen():
            yield
            return
        try:
            self.freeze()
            yield
        finally:
            self.thaw()

    def freeze(self, patience_s: float = 5.0) -> None:
        """Stop every member, wherever it is, until `thaw`. Raises HostLacks, KernelError.

        Version 1 never finishes freezing a group in which a process is just being forked: one
        has to ask again, and let it go on for a moment now and then. runc, fs/freezer.go;
        Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst "cgroup.freeze"
        """
        file, freeze, thaw = self._freezer()
        deadline = time.monotonic() + patience_s
        for attempt in itertools.count(1):
            _write(file, freeze)
            if _is_frozen(file):
                return
            if time.monotonic() > deadline:
                raise KernelError("freeze", str(file), errno.ETIMEDOUT)
            if attempt % 50 == 0 and file.name == "freezer.state":
                _write(file, thaw)
                time.sleep(0.01)
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let the members go on. Raises HostLacks, KernelError."""
        file, _, thaw = self._freezer()
        _write(file, thaw)

    def is_frozen(self) -> bool:
        """Whether every member stands still. Raises HostLacks."""
        return _is_frozen(self._freezer()[0])

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


def can_be_renamed() -> bool:
    """Whether a group here can get another name: all its controllers are of version 1."""
    return {each.version for each in controllers().values() if each.name in CONTROLLERS} == {1}


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
        offered = words(directory.parent / "cgroup.controllers")
        wanted = {name for name in offered if VERSION_1_NAME.get(name, name) in CONTROLLERS}
        for name in sorted(wanted - set(words(switch))):
            # Refused (EBUSY) where the engine is in a container itself, and its group has
            # members. That only matters when a limit is asked for: `_file_for` says so then.
            with contextlib.suppress(KernelError):
                _write(switch, "+" + name)


def _is_frozen(file: Path) -> bool:
    if file.name == "freezer.state":
        return words(file) == ["FROZEN"]
    return "frozen 1" in (file.parent / "cgroup.events").read_text()


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
