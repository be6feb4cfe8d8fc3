"""What has to hold on a host whose control groups are all of one version: one function a check.

They run inside the guest (`inside.py`) on an emulated processor, so they wait for conditions and
measure no time. Their names are the tests' names on the host.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.engine.stats import cpu_percent
from runtime.errors import HostLacks
from runtime.linux import cgroup_mounts
from runtime.linux.cgroup import PARENT, Cgroup
from runtime.linux.cgroup_mounts import controllers, host_version
from runtime.linux.cgroup_usage import read_usage

MIB = 1 << 20
EAT = "dd if=/dev/zero of=/dev/null bs=64M count=1"
"""All of it in one piece, four times as much as is allowed."""

Check = Callable[[Engine], None]


def all_checks() -> dict[str, Check]:
    """The checks of this file by name, in its order."""
    return {
        name.removeprefix("check_"): value
        for name, value in globals().items()
        if name.startswith("check_")
    }


def is_v2() -> bool:
    """Which of the two guests this is."""
    return host_version() == "v2"


def sleeper(engine: Engine, **options: Any) -> Container:
    """A container that runs and does nothing."""
    container: Container = engine.containers.run(
        "onggi/base", ["sleep", "600"], network="none", detach=True, **options
    )
    return container


def kept(container: Container, controller: str, version_1: str, version_2: str) -> str:
    """What the kernel keeps for it."""
    directory = Cgroup(container.id).directory(controller)
    assert directory is not None, controller
    return (directory / (version_2 if is_v2() else version_1)).read_text().strip()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Raises AssertionError when it has not become true in a long time."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)


def equal(found: object, wanted: object) -> None:
    """An assertion that says what it has found: nobody rewrites it in here."""
    assert found == wanted, f"{found!r} is not {wanted!r}"


def check_the_host_has_one_version_only(engine: Engine) -> None:
    """Otherwise nothing below would prove anything."""
    equal({each.version for each in controllers().values()}, {2 if is_v2() else 1})
    equal(engine.info()["CgroupVersion"], "2" if is_v2() else "1")
    equal(bool(cgroup_mounts.hierarchies_v1()), not is_v2())


def check_every_limit_is_kept(engine: Engine) -> None:
    """Each in its file of that version."""
    container = sleeper(
        engine,
        mem_limit=64 * MIB,
        memswap_limit=64 * MIB,
        mem_reservation=32 * MIB,
        cpu_shares=512,
        cpu_quota=30_000,
        cpu_period=60_000,
        cpuset_cpus="1",
        cpuset_mems="0",
        pids_limit=30,
    )
    limit = str(64 * MIB)
    equal(kept(container, "memory", "memory.limit_in_bytes", "memory.max"), limit)
    swap = kept(container, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
    equal(swap, "0" if is_v2() else limit)
    equal(kept(container, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(32 * MIB))
    equal(kept(container, "cpu", "cpu.shares", "cpu.weight"), "20" if is_v2() else "512")
    quota = kept(container, "cpu", "cpu.cfs_quota_us", "cpu.max")
    equal(quota, "30000 60000" if is_v2() else "30000")
    equal(kept(container, "cpuset", "cpuset.cpus", "cpuset.cpus"), "1")
    equal(kept(container, "pids", "pids.max", "pids.max"), "30")


def check_a_container_reads_its_own_limits(engine: Engine) -> None:
    """Its control groups are mounted in it, and begin with its own."""
    files = "memory.max pids.max" if is_v2() else "memory/memory.limit_in_bytes pids/pids.max"
    said = engine.containers.run(
        "onggi/base",
        ["sh", "-c", f"cd /sys/fs/cgroup && cat {files}"],
        mem_limit=64 * MIB,
        pids_limit=30,
        network="none",
    )
    equal(said.split(), [str(64 * MIB).encode(), b"30"])


def check_who_takes_too_much_memory_is_killed(engine: Engine) -> None:
    """PID 1 with it, and that is told."""
    container = engine.containers.create(
        "onggi/base",
        ["sh", "-c", f"exec {EAT}"],
        mem_limit=16 * MIB,
        memswap_limit=16 * MIB,
        network="none",
    )
    container.start()
    equal(container.wait(timeout=60)["StatusCode"], 137)
    assert container.attrs["State"]["OOMKilled"], container.attrs["State"]


def check_a_killed_child_is_told_at_once(engine: Engine) -> None:
    """While PID 1 lives on, and another container goes on, too."""
    other = sleeper(engine)
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", f"{EAT}; echo after; sleep 600"],
        mem_limit=16 * MIB,
        memswap_limit=16 * MIB,
        network="none",
        detach=True,
    )
    wait_until(lambda: b"after" in container.logs(), "the child has ended")

    def is_told() -> bool:
        container.reload()
        return bool(container.attrs["State"]["OOMKilled"])

    wait_until(is_told, "OOMKilled")
    equal(container.status, "running")
    other.reload()
    equal((other.status, other.attrs["State"]["OOMKilled"]), ("running", False))


def check_processes_are_counted(engine: Engine) -> None:
    """Those of an exec, too."""
    container = sleeper(engine, pids_limit=5)
    script = "for i in 1 2 3 4 5 6; do sleep 60 > /dev/null 2>&1 & done"
    code, said = container.exec_run(["sh", "-c", script])
    equal((code, b"fork" in said), (2, True))
    assert len(Cgroup(container.id).processes()) <= 5


def check_a_busy_program_is_held_back(engine: Engine) -> None:
    """A quota of a tenth: the kernel counts how often it had to wait."""
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", "while :; do :; done"],
        nano_cpus=10**8,
        network="none",
        detach=True,
    )
    group = Cgroup(container.id)
    wait_until(lambda: read_usage(group).cpu.throttled_periods > 2, "held back")
    cpu = read_usage(group).cpu
    assert cpu.throttled_ns > 0, cpu
    assert cpu.user_ns + cpu.system_ns > 0, cpu


def check_a_container_is_kept_on_its_cpu(engine: Engine) -> None:
    """The guest has two."""
    said = engine.containers.run(
        "onggi/base",
        ["grep", "Cpus_allowed_list", "/proc/self/status"],
        cpuset_cpus="1",
        network="none",
    )
    equal(said.split(), [b"Cpus_allowed_list:", b"1"])


def check_a_weight_is_kept_or_refused(engine: Engine) -> None:
    """Version 2 has io.weight here; version 1 would need the bfq scheduler, which is not loaded."""
    if not is_v2():
        try:
            sleeper(engine, blkio_weight=500)
        except HostLacks as error:
            return equal(error.feature, "blkio.weight")
        raise AssertionError("a weight was taken that nobody keeps")
    container = sleeper(engine, blkio_weight=500)
    return equal(kept(container, "blkio", "", "io.weight").splitlines()[0], "default 4950")


def check_what_only_version_1_has(engine: Engine) -> None:
    """Is kept there, and refused by version 2."""
    options: dict[str, Any] = {
        "mem_swappiness": 10,
        "oom_kill_disable": True,
        "mem_limit": 64 * MIB,
    }
    if not is_v2():
        container = sleeper(engine, **options)
        equal(kept(container, "memory", "memory.swappiness", ""), "10")
        assert "oom_kill_disable 1" in kept(container, "memory", "memory.oom_control", "")
        return
    for name in ("mem_swappiness", "oom_kill_disable"):
        try:
            engine.containers.create("onggi/base", "true", **{name: options[name]})
        except HostLacks as error:
            assert error.feature.startswith("--"), error.feature
        else:
            raise AssertionError(f"{name} was taken")


def check_limits_go_up_and_down_while_it_runs(engine: Engine) -> None:
    """Memory and swap change in the order that the kernel takes."""
    container = sleeper(engine, mem_limit=64 * MIB, memswap_limit=64 * MIB)
    for mib in (32, 128, 16):
        container.update(mem_limit=mib * MIB, memswap_limit=2 * mib * MIB, pids_limit=mib)
        limit = kept(container, "memory", "memory.limit_in_bytes", "memory.max")
        equal(limit, str(mib * MIB))
        both = kept(container, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
        equal(both, str((1 if is_v2() else 2) * mib * MIB))
        equal(kept(container, "pids", "pids.max", "pids.max"), str(mib))
        equal(container.spec.resources["pids"], {"limit": mib})
    container.update(mem_reservation=8 * MIB, cpu_shares=1024, cpu_quota=20_000, cpuset_cpus="1")
    equal(kept(container, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(8 * MIB))
    equal(kept(container, "cpu", "cpu.shares", "cpu.weight"), "39" if is_v2() else "1024")
    quota = kept(container, "cpu", "cpu.cfs_quota_us", "cpu.max")
    equal(quota, "20000 100000" if is_v2() else "20000")
    equal(kept(container, "cpuset", "cpuset.cpus", "cpuset.cpus"), "1")


def check_a_paused_container_stands_still(engine: Engine) -> None:
    """It writes nothing, and goes on afterwards."""
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", "while sleep 0.02; do echo tick; done"],
        network="none",
        detach=True,
    )
    wait_until(lambda: b"tick" in container.logs(), "it ticks")
    container.pause()
    assert Cgroup(container.id).is_frozen()
    time.sleep(0.2)  # what was in the pipe is read
    before = len(container.logs())
    time.sleep(0.5)
    equal(len(container.logs()), before)
    container.unpause()
    wait_until(lambda: len(container.logs()) > before, "it ticks again")


def check_stats_have_numbers(engine: Engine) -> None:
    """Docker's, from the files of that version."""
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", "while :; do :; done"],
        mem_limit=64 * MIB,
        pids_limit=30,
        network="none",
        detach=True,
    )
    found = container.stats(stream=False)
    assert cpu_percent(found) > 1, found["cpu_stats"]
    memory = found["memory_stats"]
    assert 0 < memory["usage"] < 64 * MIB, memory
    equal(memory["limit"], 64 * MIB)
    equal("max_usage" in memory, not is_v2())
    equal(found["pids_stats"], {"current": 1, "limit": 30})
    equal(len(container.top()["Processes"]), 1)


def check_devices_of_the_host_stay_closed(engine: Engine) -> None:
    """Version 2 has no files for that: a program of ours answers. A member of the group tries the
    host's own nodes, which no mount forbids.
    """
    group = Cgroup(sleeper(engine).id)

    def opened(path: str) -> str:
        group.join()
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return "opened"

    wanted = {"/dev/null": "opened", "/dev/zero": "opened", "/dev/kmsg": "EPERM"}
    equal({path: in_a_child(opened, path) for path in wanted}, wanted)


def in_a_child(act: Callable[[str], str], argument: str) -> str:
    """What `act` returns in a process of its own."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, act(argument).encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return found


def check_nothing_is_left(engine: Engine) -> None:
    """No control group but the launcher's."""
    container = sleeper(engine, mem_limit=64 * MIB)
    group = Cgroup(container.id)
    equal(all(directory.exists() for directory in group.directories()), True)
    container.remove(force=True)
    equal(any(directory.exists() for directory in group.directories()), False)
    mounts = {each.mount for each in controllers().values()}
    left = {
        path.name for mount in mounts for path in Path(mount, PARENT).iterdir() if path.is_dir()
    }
    equal(left, {"launcher"})
