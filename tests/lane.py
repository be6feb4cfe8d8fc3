"""A lane: where one pytest worker runs its tests, with nothing of anybody else in sight.

pytest-xdist starts `python tests/lane.py …` instead of `python …` for each worker (conftest.py).
Three processes make the lane:

    keeper    stays outside; at the end it takes the lane's control groups and folder away
    first     PID 1 of the lane's own namespaces; reaps orphans; when it ends, so does all in it
    worker    python, as it would have been started without a lane

In a lane there are own mounts, control groups, interfaces, processes and temporary files. So what
a test leaves there is that test's, and several lanes work at once. Each has a loopback and no
other network. Whoever kills the keeper, or the worker, kills the whole lane.

Where lanes cannot be made (no root, or version 2 of the control groups only, in which a group has
either members or children's limits), tests of the kernel run one after the other on the host.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from runtime.linux import mount, namespaces, process
from runtime.linux.netdevice import bring_up

NAME = "ONGGI_LANE"
"""The variable with the lane's name, inside it."""

OWN = ("mount", "cgroup", "uts", "ipc", "network")
"""The namespaces that the first process makes for itself; in that of PIDs it is born."""

FROM_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

PATIENCE_S = 3.0

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree of control groups, as it is mounted."""

    where: Path
    kind: str
    options: str


def trees() -> list[Tree]:
    """The trees of control groups in this mount namespace. man 5 proc, "mountinfo" """
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ")
        if kind.startswith("cgroup"):
            found.append(Tree(Path(before.split(" ")[4]), kind, options.removeprefix("rw,")))
    return found


def is_possible() -> bool:
    """Whether this host can make lanes."""
    return os.geteuid() == 0 and any(tree.kind == "cgroup" for tree in trees())


def current() -> str:
    """The name of the lane that we are in; "" outside."""
    return os.environ.get(NAME, "")


def main() -> int:
    """Keep a lane while its worker runs; the worker's exit code."""
    folder = Path(tempfile.mkdtemp(prefix="lane-", dir=os.environ.get("ONGGI_TESTS")))
    groups = [tree.where / folder.name for tree in trees()]
    for number in FROM_A_TERMINAL:
        signal.signal(number, signal.SIG_IGN)  # the worker decides, and the lane ends with it
    try:
        for group in groups:
            _make(group)
        namespaces.give_children_new_pids()
        first = os.fork()
        if first == 0:
            os._exit(_first(folder, groups))
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    finally:
        for group in groups:
            _remove(group)
        shutil.rmtree(folder, ignore_errors=True)


def remove_left(place: Path) -> None:
    """Take away the groups of lanes below this folder whose keeper has been killed."""
    for folder in place.glob("lane-*"):
        for tree in trees():
            _remove(tree.where / folder.name)


def _make(group: Path) -> None:
    group.mkdir()
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists():  # version 1 starts with none
            (group / name).write_text((group.parent / name).read_text())


def _remove(group: Path) -> None:
    """With all below it. A member that has just been killed is counted for a moment longer."""
    deadline = time.monotonic() + PATIENCE_S
    while group.exists() and time.monotonic() < deadline:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        time.sleep(0.01)


def _first(folder: Path, groups: list[Path]) -> int:
    """Make the lane, start the worker in it, reap until it has ended."""
    process.die_with_parent(signal.SIGKILL)
    for group in groups:
        (group / "cgroup.procs").write_text("0")
    namespaces.unshare(sum(namespaces.FLAG_OF_KIND[kind] for kind in OWN))
    _show_own(trees())
    bring_up("lo")
    worker = os.fork()
    if worker == 0:
        _become_python(folder)
    signal.signal(signal.SIGINT, lambda *_: os.killpg(worker, signal.SIGINT))
    while True:
        pid, status = os.wait()
        if pid == worker:
            return process.exit_code(status)


def _show_own(groups: list[Tree]) -> None:
    """Show the lane's own processes, interfaces and control groups in /proc and /sys."""
    mount.make_private("/")
    places = mount.open_tree(GROUPS)  # the directories and links, without what is mounted there
    mount.umount("/sys", detach=True)
    mount.umount("/proc", detach=True)
    mount.mount("proc", "/proc", "proc")
    mount.mount("sysfs", "/sys", "sysfs")
    mount.move_mount(places, GROUPS)
    for tree in groups:
        mount.mount("cgroup", tree.where, tree.kind, 0, tree.options)


def _become_python(folder: Path) -> None:
    """In a session of the lane: that of a terminal outside has no number in here."""
    os.setsid()
    for number in FROM_A_TERMINAL:
        signal.signal(number, signal.SIG_DFL)
    os.environ |= {NAME: folder.name, "TMPDIR": str(folder)}
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
