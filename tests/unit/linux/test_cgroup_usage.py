"""Both versions' files, read into the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.linux import cgroup, cgroup_usage
from runtime.linux.cgroup import PARENT, Cgroup
from runtime.linux.cgroup_mounts import Controller
from runtime.linux.cgroup_usage import BlockUsage, PidsUsage, Usage, read_usage

FILES_1 = {
    "cpuacct/cpuacct.usage": "5000000\n",
    "cpuacct/cpuacct.stat": "user 3\nsystem 1\n",
    "cpuacct/cpuacct.usage_percpu": "3000000 2000000 \n",
    "cpu/cpu.stat": "nr_periods 7\nnr_throttled 2\nthrottled_time 900\nwait_sum 5\n",
    "memory/memory.usage_in_bytes": "4096\n",
    "memory/memory.limit_in_bytes": "8192\n",
    "memory/memory.max_usage_in_bytes": "5000\n",
    "memory/memory.failcnt": "3\n",
    "memory/memory.stat": "cache 10\ntotal_inactive_file 4\n",
    "pids/pids.current": "2\n",
    "pids/pids.max": "max\n",
    "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\nTotal 30\n",
    "blkio/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\nTotal 3\n",
}
FILES_2 = {
    "cpu.stat": "usage_usec 5000\nuser_usec 3000\nsystem_usec 1000\nnr_periods 7\n"
    "nr_throttled 2\nthrottled_usec 900\n",
    "memory.current": "4096\n",
    "memory.max": "8192\n",
    "memory.events": "low 0\noom 3\noom_kill 1\n",
    "memory.stat": "file 10\ninactive_file 4\n",
    "pids.current": "2\n",
    "pids.max": "30\n",
    "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n253:0 \n",
}


def host(root: Path, monkeypatch: pytest.MonkeyPatch, version: int, files: dict[str, str]) -> Usage:
    """The usage that these files say."""
    names = ("cpu", "cpuacct", "memory", "pids", "blkio") if version == 1 else ("cpu", "memory")
    names = names if version == 1 else (*names, "pids", "blkio")
    found = {
        name: Controller(name, root / name if version == 1 else root, version) for name in names
    }
    monkeypatch.setattr(cgroup, "controllers", lambda: found)
    monkeypatch.setattr(
        cgroup_usage, "version_of", lambda name: found[name].version if name in found else 0
    )
    for name, text in files.items():
        tree, _, file = name.rpartition("/")
        path = root / tree / PARENT / "jar" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_usage(Cgroup("jar"))


def test_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = host(tmp_path, monkeypatch, 1, FILES_1)
    tick = cgroup_usage.NS_PER_TICK
    assert (used.cpu.total_ns, used.cpu.user_ns, used.cpu.system_ns) == (5_000_000, 3 * tick, tick)
    assert used.cpu.per_cpu_ns == (3_000_000, 2_000_000)
    assert (used.cpu.periods, used.cpu.throttled_periods, used.cpu.throttled_ns) == (7, 2, 900)
    assert (used.memory.usage_bytes, used.memory.limit_bytes) == (4096, 8192)
    assert (used.memory.most_bytes, used.memory.refused) == (5000, 3)
    assert used.memory.detail["total_inactive_file"] == 4
    assert used.pids == PidsUsage(2, None)
    assert used.block_bytes == (BlockUsage(8, 0, "Read", 10), BlockUsage(8, 0, "Write", 20))
    assert used.block_operations == (BlockUsage(8, 0, "Read", 1), BlockUsage(8, 0, "Write", 2))


def test_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = host(tmp_path, monkeypatch, 2, FILES_2)
    assert (used.cpu.total_ns, used.cpu.user_ns) == (5_000_000, 3_000_000)
    assert (used.cpu.periods, used.cpu.throttled_periods, used.cpu.throttled_ns) == (7, 2, 900_000)
    assert (used.memory.usage_bytes, used.memory.limit_bytes) == (4096, 8192)
    assert (used.memory.most_bytes, used.memory.refused) == (None, 3)
    assert used.pids == PidsUsage(2, 30)
    assert used.block_bytes == (BlockUsage(8, 0, "read", 10), BlockUsage(8, 0, "write", 20))
    assert used.block_operations == (BlockUsage(8, 0, "read", 1), BlockUsage(8, 0, "write", 2))


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_that_has_gone_has_used_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    assert host(tmp_path, monkeypatch, version, {}).cpu.total_ns == 0
