"""Other limits for a container that exists: everywhere the same, whatever interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.container.bundle import Request
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, InvalidInput, KernelError, OnggiError
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_mounts import controllers

pytestmark = pytest.mark.needs("containers", "cgroup:memory", "cgroup:cpu", "cgroup:pids")

MIB = 1 << 20


def kept(container: Container) -> dict[str, Any]:
    """What the kernel keeps: memory, memory and swap, processes."""
    names = {
        "memory": ("memory.limit_in_bytes", "memory.max"),
        "pids": ("pids.max", "pids.max"),
    }
    found: dict[str, Any] = {}
    for name, files in names.items():
        directory = Cgroup(container.id).directory(name)
        assert directory is not None
        found[name] = (directory / files[controllers()[name].version - 1]).read_text().strip()
    return found


def sleeper(engine: Engine, **options: Any) -> Container:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True, **options)
    assert isinstance(container, Container)
    return container


def test_memory_goes_up_and_down_with_its_swap(engine: Engine) -> None:
    container = sleeper(engine, mem_limit="64m", memswap_limit="64m")
    for limit in (32, 128, 64, 256, 16):
        container.update(mem_limit=f"{limit}m", memswap_limit=f"{limit}m")
        assert kept(container)["memory"] == str(limit * MIB)
        assert container.attrs["HostConfig"]["Memory"] == limit * MIB
        assert container.spec.resources["memory"] == {"limit": limit * MIB, "swap": limit * MIB}


def test_what_is_not_named_stays(engine: Engine) -> None:
    container = sleeper(engine, mem_limit="64m", pids_limit=20, nano_cpus=500_000_000)
    container.update(pids_limit=30)
    assert kept(container) == {"memory": str(64 * MIB), "pids": "30"}
    assert container.spec.resources["cpu"]["quota"] == 50_000
    container.update(pids_limit=0)
    assert kept(container)["pids"] == "max"


def test_a_container_that_does_not_run_starts_with_its_new_limits(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", ["sleep", "60"], pids_limit=20)
    container.update(pids_limit=30, mem_limit="64m")
    container.start()
    assert kept(container) == {"memory": str(64 * MIB), "pids": "30"}
    assert container.spec.resources["memory"]["swap"] == 128 * MIB


def test_a_program_feels_its_new_limit(engine: Engine) -> None:
    container = sleeper(engine)
    container.update(pids_limit=3)
    script = "for i in 1 2 3 4 5; do sleep 30 > /dev/null 2>&1 & done"
    code, said = container.exec_run(["sh", "-c", script])
    assert (code, b"Cannot fork" in said) == (2, True)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"mem_limit": "1m"}, InvalidInput),
        ({"mem_limit": "65m"}, Conflict),
        ({"nano_cpus": 500_000_000}, Conflict),
        ({"blkio_weight": 5}, InvalidInput),
        ({"cpuset_cpus": "8000"}, InvalidInput),
        ({"mem_limit": "6m", "memswap_limit": "6m", "pids_limit": 7}, KernelError),
        ({"hostname": "jar"}, TypeError),
    ],
)
def test_what_is_refused_changes_nothing(
    engine: Engine, asked: dict[str, Any], error: type[Exception]
) -> None:
    """The last but one is refused by the kernel: more memory than that is in use."""
    fill = "dd if=/dev/zero of=/dev/shm/full bs=1M count=20; echo full; sleep 60"
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", fill],
        detach=True,
        mem_limit="64m",
        memswap_limit="64m",
        cpu_quota=50_000,
        pids_limit=20,
    )
    while b"full" not in container.logs(stderr=False):
        container.reload()
        assert container.status == "running"
    before = (kept(container), container.spec, container.request)
    if error is KernelError and controllers()["memory"].version == 2:
        pytest.skip("version 2 kills instead of refusing")
    with pytest.raises(error):
        container.update(**asked)
    container.reload()
    assert (kept(container), container.spec, container.request) == before
    assert not (container.bundle_path / "update").exists()


KILLED = """
import os, signal, sys
from runtime.engine import Engine
from runtime.container import update, bundle
from runtime.linux.cgroup import Cgroup

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place = sys.argv[1]
if place == "before the row":
    update._apply = die
elif place == "before config.json":
    bundle.Bundle.rewrite = die
elif place == "before the kernel":
    Cgroup.change = die
elif place == "before the end":
    update.Path.unlink = die
Engine().containers.get(sys.argv[2]).update(mem_limit="128m", memswap_limit="128m", pids_limit=30)
"""


@pytest.mark.parametrize(
    ("place", "limit", "pids"),
    [
        ("before the row", 64, "20"),
        ("before config.json", 128, "30"),
        ("before the kernel", 128, "30"),
        ("before the end", 128, "30"),
    ],
)
def test_who_looks_next_finishes_what_a_killed_update_began(
    engine: Engine, place: str, limit: int, pids: str
) -> None:
    container = sleeper(engine, mem_limit="64m", memswap_limit="64m", pids_limit=20)
    command = [sys.executable, "-c", KILLED, place, container.name]
    source = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run(command, check=False, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert (container.bundle_path / "update").exists()
    container.reload()
    assert not (container.bundle_path / "update").exists()
    assert kept(container) == {"memory": str(limit * MIB), "pids": pids}
    assert container.spec.resources["pids"] == {"limit": int(pids)}
    assert container.request.memory_bytes == limit * MIB


def test_of_many_at_once_one_is_last(engine: Engine) -> None:
    """Whichever it is: the row, config.json and the kernel say the same."""
    container = sleeper(engine)
    program = (
        "import sys; from runtime.engine import Engine\n"
        "container = Engine().containers.get(sys.argv[1])\n"
        "for turn in range(5): container.update(pids_limit=int(sys.argv[2]) + turn)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, container.name, str(number)], env=environment
        )
        for number in (100, 200)
    ]
    assert [worker.wait() for worker in workers] == [0, 0]
    container.reload()
    limit = container.request.pids_limit
    assert limit in (104, 204)
    assert kept(container)["pids"] == str(limit)
    assert container.spec.resources["pids"] == {"limit": limit}


def test_one_that_was_removed_meanwhile_cannot_be_changed(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", "true")
    again = engine.containers.get(container.name)
    again.remove()
    with pytest.raises(OnggiError, match="no such container"):
        container.update(pids_limit=5)
    assert not container.bundle_path.exists()


def test_the_command_line_changes_several(engine: Engine) -> None:
    pair = [sleeper(engine, name=name) for name in ("one-of-two", "two-of-two")]
    command = [sys.executable, "-m", "runtime.cli.main", "update", "--pids-limit", "40"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    names = [each.name for each in pair]
    done = subprocess.run([*command, *names], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().split() == names
    assert [kept(each)["pids"] for each in pair] == ["40", "40"]
    assert Request.from_json(pair[0].row["request"]).pids_limit == 0
