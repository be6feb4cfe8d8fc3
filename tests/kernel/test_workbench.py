"""The workbench of lesson 02: whatever a step does, the notebook's process and the host stay."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons_lib import folder, show, workbench
from lessons_lib.refusals import Refused
from lessons_lib.workbench import Step, Workbench
from lessons_lib.workpiece import NOTE
from runtime.engine import Engine
from runtime.linux import cgroup, namespaces

pytestmark = pytest.mark.needs("containers")


@pytest.fixture
def bench(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("ONGGI_LESSONS", str(tmp_path))
    monkeypatch.setenv("ONGGI_LANG", "en")
    yield Workbench("02-a-container-by-hand", engine)
    folder.leave()


def step(name: str, *lines: str) -> Step:
    return Step(name, "\n    ".join([f"def {name}():", *lines]) + "\n")


def state_of_this_process() -> dict[str, object]:
    worlds = {kind: namespaces.identity("self", kind) for kind in namespaces.FLAG_OF_KIND}
    return {**worlds, "root": os.stat("/").st_ino, "name": socket.gethostname()}


def groups() -> set[str]:
    return {name for name in cgroup.names() if name.startswith("workbench-")}


HARM = {
    "renames the host": ["namespaces.sethostname('harm')"],
    "changes its root": ["os.chroot(room)", "os.chdir('/')"],
    "mounts over /proc": ["mount.mount('proc', '/proc', 'proc')"],
    "mounts over /etc": ["mount.mount('x', '/etc', 'tmpfs')"],
    "kills all that it can": ["os.kill(-1, signal.SIGTERM)"],
    "makes groups": ["(group / 'inner').mkdir()", "(group / 'inner/deep').mkdir()"],
    "leaves children": ["for _ in range(3):", "    os.fork() or signal.pause()"],
    "leaves a daemon": ["os.fork() or (os.setsid(), signal.pause())"],
    "leaves a mailbox": ["libc.checked('msgget', 4243, 0o1600)"],
    "ends": ["os._exit(3)"],
    "is killed": ["os.kill(os.getpid(), signal.SIGKILL)"],
    "raises": ["raise SystemExit('no')"],
    "fails": ["return 1 // 0"],
}


@pytest.mark.parametrize("lines", HARM.values(), ids=HARM.keys())
def test_a_step_harms_nobody_and_leaves_nothing(bench: Workbench, lines: list[str]) -> None:
    before, mounts = state_of_this_process(), Path("/proc/self/mounts").read_text()
    with contextlib.suppress(Refused):
        bench.run(step("harm", *lines))
    assert state_of_this_process() == before
    assert Path("/proc/self/mounts").read_text().count("room") == mounts.count("room")
    assert groups() == set()
    assert not bench.path("room").exists()
    assert all("4243" not in line.split()[:1] for line in mailboxes())
    assert workpieces() == []


def mailboxes() -> list[str]:
    return Path("/proc/sysvipc/msg").read_text().splitlines()


def workpieces() -> list[str]:
    """Processes of a workbench of this test run, also those that a step has forked."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
            parent = (place / "environ").read_bytes()
        except OSError:
            continue
        ours = os.environ["ONGGI_LESSONS"].encode()
        if b"lessons_lib.workpiece" in command and ours in parent:
            found.append(place.name)
    return found


def test_the_disk_of_the_host_can_only_be_read(bench: Workbench) -> None:
    with pytest.raises(Refused, match="EROFS"):
        bench.run(step("write", "open('/onggi-was-here', 'w')"))
    assert not Path("/onggi-was-here").exists()


def test_a_chroot_is_left_and_a_pivot_is_not(bench: Workbench) -> None:
    stack = step("stack", "mount.mount_overlay(room, layers, 'upper', 'work', room / 'jar')")
    jail = step("jail", "os.chroot(room / 'jar')", "os.chdir('/')")
    move = step(
        "move",
        "os.chdir(room / 'jar')",
        "mount.pivot_root('.', '.')",
        "mount.umount('.', detach=True)",
        "os.chdir('/')",
    )
    walk = step(
        "walk",
        "outside = os.open('/', os.O_RDONLY)",
        "os.mkdir('/trap')",
        "os.chroot('/trap')",
        "os.fchdir(outside)",
        "[os.chdir('..') for _ in range(64)]",
        "os.chroot('.')",
        "return note.read_text()",
    )
    own = step("own", "namespaces.unshare(namespaces.CLONE_NEWNS)", "mount.make_private('/')")
    assert bench.run(own, stack, jail, walk).value == NOTE
    assert bench.run(own, stack, move).own == {"mount", "root"}
    with pytest.raises(Refused, match="ENOENT"):
        bench.run(own, stack, move, walk)


def test_what_takes_too_long_is_stopped(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "PATIENCE_S", 1.0)
    with pytest.raises(Refused, match="stopped"):
        bench.run(step("wait", "os.fork()", "signal.pause()"))
    assert groups() == set()
    assert workpieces() == []


def test_a_notebook_that_is_killed_takes_its_workpiece_with_it(
    bench: Workbench, base_state: Path
) -> None:
    bench.path("steps").mkdir(parents=True)
    bench.path("steps/wait.py").write_text("def wait():\n    print('here')\n    signal.pause()\n")
    program = (
        "from runtime.engine import Engine\nfrom lessons_lib.workbench import Workbench\n"
        f"Workbench({bench.name!r}, Engine({str(base_state)!r})).run('wait')"
    )
    notebook = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: len(workpieces()) == 3)
    notebook.send_signal(signal.SIGKILL)
    notebook.wait()
    until(lambda: workpieces() == [])
    assert bench.run(step("nothing", "pass")).own == frozenset()
    assert groups() == set()  # that of the killed one was put away by the next run


def test_a_step_is_kept_and_not_called(bench: Workbench) -> None:
    @bench.step
    def own_name() -> None:
        namespaces.unshare(namespaces.CLONE_NEWUTS)
        namespaces.sethostname("jar")

    with pytest.raises(Refused, match="cannot be called"):
        own_name()
    later = Workbench(bench.name, bench.engine)
    run = later.run("own_name")
    assert run.own == {"uts"}
    assert "jar" in run.shown().words
    with pytest.raises(Refused, match="no step other"):
        later.run("other")


def test_growth_tells_which_step_was_worth_what(bench: Workbench) -> None:
    name = step("name", "namespaces.unshare(namespaces.CLONE_NEWUTS)")
    lo = step("lo", "netdevice.bring_up('lo')")
    rest = step("rest", "namespaces.unshare(namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWNET)")
    words = show.growth(bench.run(name, lo, rest)).words.splitlines()
    assert words == [
        "name: now its own: name",
        "lo: nothing more",
        "rest: now its own: network, mail",
    ]


def test_a_container_of_the_engine_has_more_than_one_made_by_hand(bench: Workbench) -> None:
    jar = bench.engine.containers.run("onggi/base", "sleep 1d", detach=True)
    run = bench.run(step("name", "namespaces.unshare(namespaces.CLONE_NEWUTS)"))
    rows = dict(line.split("  ", 1) for line in show.beside(run, jar).words.splitlines())
    assert rows["namespaces of its own"].split() == [
        *("uts", "uts", "pid", "mount", "network", "ipc", "cgroup")
    ]
    assert rows["dangerous parts of /proc are covered"].split() == ["no", "yes"]


def test_a_failure_names_the_line(bench: Workbench) -> None:
    with pytest.raises(Refused, match=r"its line 3: mount.umount") as refusal:
        bench.run(step("fail", "x = 1", "mount.umount(room / 'jar')"))
    assert "umount2: EINVAL" in refusal.value.message


def until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
