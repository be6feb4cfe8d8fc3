"""stats and top: what a container uses and what runs in it, as docker's JSON has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.stats import cpu_percent, memory_bytes
from runtime.errors import Conflict, InvalidInput

pytestmark = pytest.mark.needs("containers", "cgroup:memory", "cgroup:cpu", "cgroup:pids")

MIB = 1 << 20
BUSY = ["sh", "-c", "while :; do :; done"]


def onggi(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "ONGGI_LANG": "en"}
    command = [sys.executable, "-m", "runtime.cli.main", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_who_is_busy_uses_a_cpu(engine: Engine) -> None:
    container = engine.containers.run(
        "onggi/base", BUSY, detach=True, mem_limit="64m", pids_limit=20
    )
    found = container.stats(stream=False)
    assert found["id"] == container.id
    assert found["name"] == "/" + container.name
    assert found["preread"] < found["read"]
    assert found["cpu_stats"]["online_cpus"] == os.cpu_count()
    assert found["precpu_stats"]["cpu_usage"] != found["cpu_stats"]["cpu_usage"]
    assert cpu_percent(found) > 1
    assert 0 < memory_bytes(found) <= found["memory_stats"]["usage"] < 64 * MIB
    assert found["memory_stats"]["limit"] == 64 * MIB
    assert found["pids_stats"] == {"current": 1, "limit": 20}
    assert set(found["networks"]) == {"eth0"}


def test_a_stream_is_a_line_of_json_a_second_and_ends_with_the_container(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True)
    samples = container.stats()
    first, second = (json.loads(line) for line in islice(samples, 2))
    assert second["preread"] == first["read"]
    assert second["precpu_stats"] == first["cpu_stats"]
    decoded = container.stats(decode=True)
    assert next(decoded)["id"] == container.id
    container.kill()
    container.reload()
    assert next(decoded)["pids_stats"]["current"] == 0
    container.remove()
    assert list(decoded) == []


def test_writing_to_a_disk_is_counted(engine: Engine) -> None:
    """Where the state directory is on one; in memory nothing is written to any."""
    container = engine.containers.run(
        "onggi/base",
        ["sh", "-c", "dd if=/dev/zero of=/file bs=1M count=4 conv=fsync; echo done; sleep 60"],
        detach=True,
    )
    deadline = time.monotonic() + 30
    while b"done" not in container.logs() and time.monotonic() < deadline:
        time.sleep(0.05)
    entries = container.stats(stream=False, one_shot=True)["blkio_stats"]
    moved = entries["io_service_bytes_recursive"] or []
    written = sum(each["value"] for each in moved if each["op"].lower() == "write")
    assert written == 0 or written >= 4 * MIB
    on_disk = os.major(os.stat(engine.root).st_dev) != 0
    assert bool(written) == on_disk


def test_one_that_does_not_run_uses_nothing(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", "true")
    found = container.stats(stream=False)
    assert found["read"].startswith("0001-01-01")
    assert (cpu_percent(found), memory_bytes(found)) == (0.0, 0)
    with pytest.raises(Conflict, match="is not running"):
        container.top()


def test_the_table_shows_those_that_run_or_all(engine: Engine) -> None:
    engine.containers.run("onggi/base", ["sleep", "60"], detach=True, name="awake", mem_limit="64m")
    engine.containers.create("onggi/base", "true", name="asleep")
    header, *lines = onggi("stats", "--no-stream").stdout.splitlines()
    assert header.split("  ")[0] == "CONTAINER ID"
    assert [line.split()[1] for line in lines] == ["awake"]
    assert " / 64MiB " in lines[0]
    said = onggi("stats", "--no-stream", "-a", "--format", "{{.Name}} {{.PIDs}} {{.CPUPerc}}")
    assert sorted(said.stdout.splitlines()) == ["asleep 0 0.00%", "awake 1 0.00%"]
    assert onggi("stats", "--no-stream", "nobody").returncode == 1


def test_the_columns_of_ps(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True)
    found = container.top()
    assert found["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    (row,) = found["Processes"]
    assert (row[0], row[1], row[5], row[7]) == ("root", str(container.pid), "?", "sleep 60")
    assert row[3].isdigit()  # how busy it was: on a busy machine its first moments weigh
    code, _ = container.exec_run(["sh", "-c", "sleep 30 > /dev/null 2>&1 &"])
    assert code == 0
    assert len(container.top()["Processes"]) == 2


@pytest.mark.needs("ps")
def test_the_columns_that_ps_is_asked_for(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["sleep", "60"], detach=True)
    found = container.top("-eo pid,comm,args")
    assert found["Titles"][0] == "PID"
    assert found["Processes"] == [[str(container.pid), "sleep", "sleep 60"]]
    with pytest.raises(InvalidInput, match="no PID"):
        container.top("-o comm")
    with pytest.raises(InvalidInput, match="ps does not take"):
        container.top("--what")
    said = onggi("top", container.name, "-o", "pid,comm").stdout
    assert said.splitlines()[1].split() == [str(container.pid), "sleep"]
