"""Limits: the kernel keeps them, the container sees them, and what they did is reported."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.container.notice import HostWarning
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import ContainerFailed, HostLacks, InvalidInput, OnggiError
from runtime.linux import block
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_mounts import controllers
from runtime.linux.cgroup_usage import read_usage

pytestmark = pytest.mark.needs("containers")

MIB = 1 << 20
EAT = """
import sys
eaten = []
for _ in range(int(sys.argv[1])):
    eaten.append(bytearray(b"x" * (1 << 20)))
print("full", flush=True)
"""


def file_of(container: Container, controller: str, version_1: str, version_2: str) -> str:
    """What the kernel has written in a container's group."""
    directory = Cgroup(container.id).directory(controller)
    assert directory is not None
    version = controllers()[controller].version
    return (directory / (version_1 if version == 1 else version_2)).read_text().strip()


@pytest.mark.needs("cgroup:memory")
def test_who_takes_more_memory_than_allowed_is_killed_and_that_is_told(engine: Engine) -> None:
    container = engine.containers.create(
        "onggi/python", ["python3", "-c", EAT, "200"], mem_limit="32m"
    )
    container.start()
    assert container.wait(timeout=30)["StatusCode"] == 137
    assert container.attrs["State"]["OOMKilled"] is True
    assert container.logs() == b""
    assert file_is_gone(container)


def file_is_gone(container: Container) -> bool:
    """The group goes with its container, a moment after its end was told."""
    deadline = time.monotonic() + 30
    while any(directory.exists() for directory in Cgroup(container.id).directories()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.needs("cgroup:memory")
def test_who_takes_less_is_left_alone(engine: Engine) -> None:
    container = engine.containers.create(
        "onggi/python", ["python3", "-c", EAT, "16"], mem_limit="64m"
    )
    container.start()
    assert container.wait(timeout=30)["StatusCode"] == 0
    assert container.attrs["State"]["OOMKilled"] is False
    assert container.logs() == b"full\n"


@pytest.mark.needs("cgroup:memory")
def test_a_child_that_is_killed_for_memory_is_told_of_too(engine: Engine) -> None:
    """PID 1 goes on: docker, too, says OOMKilled when any of them was."""
    script = f"python3 -c '{EAT}' 200; echo child $?; exit 3"
    container = engine.containers.create("onggi/python", ["sh", "-c", script], mem_limit="32m")
    container.start()
    assert container.wait(timeout=30)["StatusCode"] == 3
    assert container.logs(stderr=False) == b"child 137\n"
    assert container.attrs["State"]["OOMKilled"] is True


FORK = """
i=0
while [ $i -lt 40 ]; do sleep 30 > /dev/null 2>&1 & i=$((i + 1)); done
"""


@pytest.mark.needs("cgroup:pids")
def test_a_fork_bomb_stops_at_its_limit(engine: Engine) -> None:
    """Forty children at most, if the limit did not hold."""
    container = engine.containers.create("onggi/base", ["sh", "-c", FORK], pids_limit=10)
    container.start()
    assert container.wait(timeout=30)["StatusCode"] == 2
    assert b"Cannot fork" in container.logs()


@pytest.mark.needs("cgroup:pids")
def test_an_exec_counts_too(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True, pids_limit=5)
    code, said = container.exec_run(["sh", "-c", FORK])
    assert (code, b"Cannot fork" in said) == (2, True)
    assert len(Cgroup(container.id).processes()) <= 5
    container.remove(force=True)


@pytest.mark.needs("cgroup:cpu", "cgroup:memory", "cgroup:pids")
def test_what_was_asked_for_is_what_the_kernel_keeps(engine: Engine) -> None:
    container = engine.containers.run(
        "onggi/base",
        ["sleep", "60"],
        detach=True,
        mem_limit="64m",
        nano_cpus=250_000_000,
        pids_limit=20,
    )
    assert file_of(container, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    assert file_of(container, "pids", "pids.max", "pids.max") == "20"
    quota = file_of(container, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert quota.split()[0] == "25000"
    host = container.attrs["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64 * MIB, 250_000_000, 20)


@pytest.mark.needs("cgroup:memory", "cgroup:pids")
def test_a_container_can_read_its_own_limits(engine: Engine) -> None:
    script = (
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null;"
        "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true"
    )
    said = engine.containers.run(
        "onggi/base", ["sh", "-c", script], mem_limit="64m", pids_limit=20, remove=True
    )
    assert said.split() == [str(64 * MIB).encode(), b"20"]


@pytest.mark.needs("cgroup:cpu")
def test_a_busy_program_gets_its_share_and_no_more(engine: Engine) -> None:
    """A tenth of a CPU for a second: about 100 ms; without the limit it would be all of it."""
    script = (
        "import time; end = time.monotonic() + 1\n"
        "while time.monotonic() < end: pass\n"
        "print(time.process_time())"
    )
    said = engine.containers.run(
        "onggi/python", ["python3", "-c", script], nano_cpus=100_000_000, remove=True
    )
    assert float(said) < 0.5


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ({"mem_limit": "1m"}, "smallest memory limit is 6 MB"),
        ({"mem_limit": -1}, "smallest memory limit"),
        ({"mem_limit": "much"}, "not a size: 'much'"),
        ({"mem_limit": "9000000000g"}, "largest memory limit"),
        ({"nano_cpus": 1}, "CPU limit must be between"),
        ({"nano_cpus": 10**15}, "CPU limit must be between"),
        ({"pids_limit": 10**10}, "largest limit of processes"),
    ],
)
def test_impossible_limits_are_refused_before_anything_is_made(
    engine: Engine, limits: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        engine.containers.create("onggi/base", "true", **limits)
    assert engine.containers.list(all=True) == []
    assert not list((engine.root / "containers").glob("*"))


@pytest.mark.needs("cgroup:memory")
def test_a_limit_in_which_a_program_cannot_even_start(engine: Engine) -> None:
    """Six MB hold a shell, not a Python: killed, and reported, like any other."""
    with pytest.raises((ContainerFailed, OnggiError)):
        engine.containers.run("onggi/python", ["python3", "-c", EAT, "50"], mem_limit="6m")
    container = engine.containers.list(all=True)[0]
    assert container.status in ("exited", "created")
    assert container.attrs["State"]["OOMKilled"] or container.attrs["State"]["Error"]


ALL_LIMITS: dict[str, Any] = {
    "mem_limit": "64m",
    "memswap_limit": "64m",
    "mem_reservation": "32m",
    "cpu_shares": 512,
    "cpu_quota": 30_000,
    "cpu_period": 60_000,
    "cpuset_cpus": "0",
    "cpuset_mems": "0",
    "pids_limit": 30,
    "blkio_weight": 300,
}
KEPT = (
    ("memory", "memory.limit_in_bytes", "memory.max", str(64 * MIB), str(64 * MIB)),
    ("memory", "memory.memsw.limit_in_bytes", "memory.swap.max", str(64 * MIB), "0"),
    ("memory", "memory.soft_limit_in_bytes", "memory.low", str(32 * MIB), str(32 * MIB)),
    ("cpu", "cpu.shares", "cpu.weight", "512", "20"),
    ("cpu", "cpu.cfs_quota_us", "cpu.max", "30000", "30000 60000"),
    ("cpuset", "cpuset.cpus", "cpuset.cpus", "0", "0"),
    ("cpuset", "cpuset.mems", "cpuset.mems", "0", "0"),
    ("pids", "pids.max", "pids.max", "30", "30"),
)


@pytest.mark.needs("cgroup:cpu", "cgroup:memory", "cgroup:pids")
def test_every_limit_arrives_in_the_kernel(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True, **ALL_LIMITS)
    for controller, file_1, file_2, value_1, value_2 in KEPT:
        wanted = value_1 if controllers()[controller].version == 1 else value_2
        assert file_of(container, controller, file_1, file_2) == wanted, file_1
    directory = Cgroup(container.id).directory("blkio")
    assert directory is not None
    weights = ("blkio.weight", "blkio.bfq.weight", "io.bfq.weight", "io.weight")
    found = [(directory / name).read_text() for name in weights if (directory / name).exists()]
    assert "300" in found[0] or "2930" in found[0]


@pytest.mark.needs("cgroup:cpu", "cgroup:memory", "cgroup:pids")
def test_every_limit_is_changed_in_the_kernel_while_it_runs(engine: Engine) -> None:
    """All at once, from nothing: `update` writes the same files."""
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True)
    container.update(**ALL_LIMITS)
    for controller, file_1, file_2, value_1, value_2 in KEPT:
        wanted = value_1 if controllers()[controller].version == 1 else value_2
        assert file_of(container, controller, file_1, file_2) == wanted, file_1
    file_1, file_2 = "blkio.bfq.weight", "io.weight"
    if (Cgroup(container.id).directory("blkio") or Path("/none")).joinpath(file_1).exists():
        assert "300" in file_of(container, "blkio", file_1, file_2)
    again = {"nano_cpus": 0, "cpu_quota": 20_000, "cpu_period": 40_000, "cpu_shares": 1024}
    container.update(**again)
    both = controllers()["cpu"].version == 2
    assert file_of(container, "cpu", "cpu.shares", "cpu.weight") == ("39" if both else "1024")
    quota = file_of(container, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert quota == ("20000 40000" if both else "20000")


@pytest.mark.needs("cgroup:memory")
def test_what_only_version_1_can_do_is_done_or_refused(engine: Engine) -> None:
    asked: dict[str, Any] = {"mem_swappiness": 10, "oom_kill_disable": True, "mem_limit": "64m"}
    if controllers()["memory"].version == 2:
        with pytest.raises(HostLacks, match="--memory-swappiness"):
            engine.containers.create("onggi/base", "true", **asked)
        return
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True, **asked)
    assert file_of(container, "memory", "memory.swappiness", "") == "10"
    assert "oom_kill_disable 1" in file_of(container, "memory", "memory.oom_control", "")


@pytest.mark.needs("cgroup:cpu")
def test_a_container_is_kept_on_its_cpus(engine: Engine) -> None:
    said = engine.containers.run(
        "onggi/base", ["grep", "Cpus_allowed_list", "/proc/self/status"], cpuset_cpus="0"
    )
    assert said.split() == [b"Cpus_allowed_list:", b"0"]


@pytest.mark.needs("cgroup:cpu")
def test_of_two_who_want_all_the_one_with_more_shares_gets_more(engine: Engine) -> None:
    """On one and the same CPU, eight to one; the kernel is not exact, and others run, too."""
    busy = ["sh", "-c", "while :; do :; done"]
    pair = [
        engine.containers.run("onggi/base", busy, detach=True, cpuset_cpus="0", cpu_shares=shares)
        for shares in (2048, 256)
    ]
    deadline = time.monotonic() + 20
    used = [0, 0]
    while used[0] + used[1] < 400_000_000 and time.monotonic() < deadline:
        time.sleep(0.1)
        used = [read_usage(Cgroup(each.id)).cpu.total_ns for each in pair]
    for each in pair:
        each.kill()
    assert used[0] > 2 * used[1]


@pytest.mark.needs("cgroup:memory")
def test_a_hog_leaves_other_containers_working(engine: Engine) -> None:
    other = engine.containers.run(
        "onggi/base", ["sh", "-c", "while sleep 0.05; do echo alive; done"], detach=True
    )
    hog = engine.containers.create("onggi/python", ["python3", "-c", EAT, "200"], mem_limit="32m")
    hog.start()
    assert hog.wait(timeout=60)["StatusCode"] == 137
    before = len(other.logs())
    deadline = time.monotonic() + 20
    while len(other.logs()) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(other.logs()) > before
    other.reload()
    assert other.status == "running"
    assert other.attrs["State"]["OOMKilled"] is False


@pytest.mark.needs("cgroup:memory")
def test_that_a_process_was_killed_for_memory_is_known_at_once(engine: Engine) -> None:
    """PID 1 lives on, and inspect says it already: docker's State.OOMKilled."""
    script = f"python3 -c '{EAT}' 200; sleep 60"
    container = engine.containers.run(
        "onggi/python", ["sh", "-c", script], mem_limit="32m", detach=True
    )
    deadline = time.monotonic() + 30
    while not container.attrs["State"]["OOMKilled"] and time.monotonic() < deadline:
        time.sleep(0.05)
        container.reload()
    assert container.attrs["State"]["OOMKilled"] is True
    assert container.status == "running"
    container.kill()
    container.start()
    container.reload()
    assert container.attrs["State"]["OOMKilled"] is False


@pytest.fixture
def bfq_disk() -> Iterator[str]:
    """A loop device that nobody uses, with the scheduler that weighs, if the kernel has it."""
    for place in sorted(Path("/sys/block").glob("loop*")):
        scheduler = place / "queue" / "scheduler"
        if (place / "size").read_text().strip() == "0" and "bfq" in scheduler.read_text():
            before = block.scheduler_in(scheduler.read_text())
            scheduler.write_text("bfq")
            yield f"/dev/{place.name}"
            scheduler.write_text(before)
            return
    pytest.skip("no loop device here can have the scheduler bfq")


def test_a_disk_s_weight_and_rates_arrive_in_the_kernel(engine: Engine, bfq_disk: str) -> None:
    options: dict[str, Any] = {
        "blkio_weight_device": [f"{bfq_disk}:200"],
        "device_read_bps": [{"Path": bfq_disk, "Rate": 4096}],
        "device_write_bps": [{"Path": bfq_disk, "Rate": 8192}],
        "device_read_iops": [{"Path": bfq_disk, "Rate": 10}],
        "device_write_iops": [{"Path": bfq_disk, "Rate": 20}],
    }
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True, **options)
    shown = container.attrs["HostConfig"]["BlkioWeightDevice"]
    assert shown == [{"Path": bfq_disk, "Weight": 200}]
    numbers = "{}:{}".format(*block.numbers_of(bfq_disk))
    directory = Cgroup(container.id).directory("blkio")
    assert directory is not None
    files = ("blkio.weight_device", "blkio.bfq.weight_device", "io.bfq.weight")
    found = [(directory / name).read_text() for name in files if (directory / name).exists()]
    assert f"{numbers} 200" in found[0].splitlines()
    if controllers()["blkio"].version == 2:
        limits = {*(directory / "io.max").read_text().split()}
        assert limits == {numbers, "rbps=4096", "wbps=8192", "riops=10", "wiops=20"}
        return
    rates = {"read_bps": 4096, "write_bps": 8192, "read_iops": 10, "write_iops": 20}
    for name, rate in rates.items():
        file = directory / f"blkio.throttle.{name}_device"
        assert file.read_text().split() == [numbers, str(rate)]


def test_a_disk_that_does_not_weigh_is_refused(engine: Engine) -> None:
    """Who names a disk means it; and a part of a disk is none."""
    for name, scheduler in block.without_weights()[:1]:
        with pytest.raises(HostLacks, match=scheduler):
            engine.containers.create("onggi/base", "true", blkio_weight_device=[f"/dev/{name}:200"])
    for wrong in ("/dev/null:200", "/dev/none:200", "/dev/sda", "sda:200", "/dev/sda:much"):
        with pytest.raises(InvalidInput):
            engine.containers.create("onggi/base", "true", blkio_weight_device=[wrong])
    assert not list((engine.root / "containers").glob("*"))


def test_a_weight_that_no_disk_keeps_is_said(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", "true", blkio_weight=500)
    said = [str(notice) for notice in container.notices]
    assert len(said) == len(block.without_weights())
    assert all("block I/O weight" in each for each in said)


def test_what_the_host_keeps_otherwise_is_a_warning_once(engine: Engine) -> None:
    if controllers()["memory"].version != 1:
        pytest.skip("version 2 refuses oom_kill_disable")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            engine.containers.run("onggi/base", "true", oom_kill_disable=True, remove=True)
    [warning] = [each for each in told if issubclass(each.category, HostWarning)]
    assert "no memory limit" in str(warning.message)
    assert warning.filename == __file__


def test_who_forks_all_the_time_can_be_held_still(engine: Engine) -> None:
    """Version 1 does not freeze a group for good while something in it forks."""
    script = "while :; do true & wait; (:); done"
    container = engine.containers.run("onggi/base", ["sh", "-c", script], detach=True)
    group = Cgroup(container.id)
    for _ in range(10):
        with group.frozen():
            assert group.is_frozen()
            before = read_usage(group).cpu.total_ns
            time.sleep(0.02)
            assert read_usage(group).cpu.total_ns - before < 10_000_000
        assert not group.is_frozen()
