"""Eight processes do what they like with the same few containers; then everything must be true.

True is: what the rows say is what the kernel has. Processes, control groups, frozen or not, mounts,
directories, monitors. The operations are seeded; which of them meet is up to the scheduler.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.container.state import BUSY, LIVE
from runtime.engine import Engine
from runtime.linux import process
from runtime.linux.cgroup import Cgroup

pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(900)]

HOME = Path(__file__).parents[2]
WORKERS = 8
SEED = 20261128

WORKER = """
import random, sys
from runtime.engine import Engine
from runtime.errors import OnggiError
root, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
luck = random.Random(seed)
engine = Engine(root)
SCRIPTS = ("sleep 60", "sleep 60", "sleep 60", "trap 'exit 3' TERM; while :; do sleep 0.02; done",
    "exit 2", "sleep 0.1", "nosuch")
POLICIES = ({"Name": "no"}, {"Name": "no"}, {"Name": "always"}, {"Name": "on-failure"})

def create(name):
    engine.containers.create("onggi/base", ["sh", "-c", luck.choice(SCRIPTS)], name=name,
        restart_policy=luck.choice(POLICIES), init=luck.random() < 0.2)

def take(name, verb, *arguments, **options):
    return getattr(engine.containers.get(name), verb)(*arguments, **options)

def wait(name):
    try:
        take(name, "wait", timeout=0.05)
    except TimeoutError:
        pass

ACTS = (
    (create, 6),
    (lambda name: take(name, "start"), 8),
    (lambda name: take(name, "stop", timeout=luck.choice((0, 0.1))), 3),
    (lambda name: take(name, "kill"), 3),
    (lambda name: take(name, "kill", "USR1"), 1),
    (lambda name: take(name, "pause"), 4),
    (lambda name: take(name, "unpause"), 4),
    (lambda name: take(name, "restart", timeout=0), 3),
    (lambda name: take(name, "rename", luck.choice(NAMES)), 1),
    (lambda name: take(name, "exec_run", "true"), 2),
    (wait, 1),
    (lambda name: take(name, "remove"), 2),
    (lambda name: take(name, "remove", force=True), 2),
    (lambda name: engine.containers.list(all=True), 2),
)
NAMES = ["name-%d" % number for number in range(6)]
done = refused = 0
for _ in range(count):
    (act,) = luck.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])
    try:
        act(luck.choice(NAMES))
        done += 1
    except OnggiError as error:
        refused += 1
        print("  ", error, file=sys.stderr)
print(done, refused)
"""


def worker(root: Path, seed: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(root), str(seed), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=HOME,
        text=True,
    )


def untruths(engine: Engine) -> list[str]:
    """Where rows and kernel differ, in words."""
    found: list[str] = []
    rows = {each.id: each.row for each in engine.containers.list(all=True)}
    for container_id, row in rows.items():
        group, status = Cgroup(container_id), row["status"]
        what = f"{row['name']} {container_id[:12]} {status}"
        members = group.processes()
        if (status in LIVE) != bool(members):
            found.append(f"{what}: processes {sorted(members)}")
        if status in LIVE:
            if row["pid"] not in members:
                found.append(f"{what}: {row['pid']} is none of {sorted(members)}")
            if group.is_frozen() != (status == "paused"):
                found.append(f"{what}: frozen is {group.is_frozen()}")
        elif any(directory.exists() for directory in group.directories()):
            found.append(f"{what}: has a control group")
        if status in BUSY and not process.is_alive(row["monitor_pid"], row["monitor_start"]):
            found.append(f"{what}: has no monitor")
    here = set(os.listdir(engine.root / "containers"))
    if here != rows.keys():
        found.append(f"directories {sorted(here ^ rows.keys())}")
    if set(engine.images.snapshots.keys()) != rows.keys():
        found.append("snapshots")
    mounts = Path("/proc/self/mountinfo").read_text()
    found += [f"mount {name}" for name in here if name in mounts]
    return found


def assert_truth(engine: Engine) -> None:
    """It may take a moment: a monitor that is about to start its container again does so."""
    deadline = time.monotonic() + 60
    while problems := untruths(engine):
        assert time.monotonic() < deadline, problems
        time.sleep(0.1)


def assert_removable(engine: Engine) -> None:
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    assert_truth(engine)  # one with --rm goes a moment after its row
    assert os.listdir(engine.root / "containers") == []
    assert list(engine.images.snapshots.keys()) == []


def test_five_hundred_operations_of_eight_processes(engine: Engine) -> None:
    count = 500 // WORKERS + 1
    workers = [worker(engine.root, SEED + number, count) for number in range(WORKERS)]
    ends = [each.communicate() for each in workers]
    assert [each.returncode for each in workers] == [0] * WORKERS, "".join(err for _, err in ends)
    done = sum(int(out.split()[0]) for out, _ in ends)
    assert done > 100, "too much was refused to prove anything"
    assert_truth(Engine(engine.root))
    assert_removable(engine)


def test_the_same_while_processes_are_killed(engine: Engine) -> None:
    """kill -9 of callers, monitors and the launcher's children, at random moments."""
    luck = random.Random(SEED)
    workers = [worker(engine.root, SEED + 100 + number, 12) for number in range(WORKERS)]
    killed = 0
    while any(each.poll() is None for each in workers):
        time.sleep(luck.uniform(0, 0.05))
        victims = [each.pid for each in workers if each.poll() is None]
        monitors = engine.containers.lifecycle.records.database.all(
            "SELECT monitor_pid, monitor_start FROM containers WHERE monitor_pid > 0"
        )
        alive = [
            row["monitor_pid"]
            for row in monitors
            if process.is_alive(row["monitor_pid"], row["monitor_start"])
        ]
        chosen = alive * 3 + launchers(engine.root) + (victims if killed % 10 == 9 else [])
        if chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(luck.choice(chosen), signal.SIGKILL)
            killed += 1
    for each in workers:
        _, said = each.communicate()
        assert each.returncode in (0, -signal.SIGKILL), said
    assert killed > 3
    again = Engine(engine.root)
    assert_truth(again)
    again.containers.run(
        "onggi/base", ["true"]
    )  # the next start takes the killed ones' groups away
    assert_removable(again)


def launchers(root: Path) -> list[int]:
    """The launcher of a state directory, and what it has forked ahead."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            if (place / "comm").read_text() == "onggi-launcher\n" and str(root).encode() in words:
                found.append(int(place.name))
    return found
