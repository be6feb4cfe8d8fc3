"""What containers use, as docker's JSON, and the numbers that people read in it.

The kernel only counts upwards. One sample holds the counters of now and those of the time
before; what a container uses "at the moment" is their difference.

    sampler = Sampler()
    sampler.sample(container)     # {"cpu_stats": {…}, "precpu_stats": {…}, …}

Docker Engine API 1.47, ContainerStats; docker/cli, cli/command/container/stats_helpers.go
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.container.log import timestamp
from runtime.engine.inspect import NEVER
from runtime.linux import namespaces
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_usage import NS_PER_TICK, BlockUsage, CpuUsage, Usage, read_usage

if TYPE_CHECKING:
    from runtime.engine.container import Container

Stats = dict[str, Any]

INTERVAL_S = 1.0
"""Docker's: the time between two samples."""

NETWORK_COUNTERS = {
    "rx_bytes": 0,
    "rx_packets": 1,
    "rx_errors": 2,
    "rx_dropped": 3,
    "tx_bytes": 8,
    "tx_packets": 9,
    "tx_errors": 10,
    "tx_dropped": 11,
}
"""Docker's names, and the columns of man 5 proc's net/dev."""


class Sampler:
    """Takes samples of any number of containers, and remembers the one before of each."""

    def __init__(self) -> None:
        self._before: dict[str, Stats] = {}

    def sample(self, container: Container) -> Stats:
        """The container now; all zero for one that does not run."""
        before = self._before.get(container.id, {})
        if not container.pid:
            self._before.pop(container.id, None)
            return _document(container, NEVER, {}, Usage(), {}, {})
        usage = read_usage(Cgroup(container.id))
        cpu = _cpu(usage.cpu, *read_host_cpu())
        now = timestamp(time.time_ns())
        found = _document(container, now, cpu, usage, read_networks(container.pid), before)
        self._before[container.id] = found
        return found


def _document(
    container: Container,
    now: str,
    cpu: Stats,
    usage: Usage,
    networks: Mapping[str, Mapping[str, int]],
    before: Stats,
) -> Stats:
    nothing = _cpu(CpuUsage(), 0, 0)
    document = {
        "id": container.id,
        "name": "/" + container.name,
        "read": now,
        "preread": before.get("read", NEVER),
        "cpu_stats": cpu or nothing,
        "precpu_stats": before.get("cpu_stats", nothing),
        "memory_stats": _memory(usage) if cpu else {},
        "pids_stats": _without_none({"current": usage.pids.current, "limit": usage.pids.limit}),
        "blkio_stats": {
            "io_service_bytes_recursive": _block(usage.block_bytes),
            "io_serviced_recursive": _block(usage.block_operations),
        },
        "num_procs": 0,
        "storage_stats": {},
    }
    return {**document, "networks": dict(networks)} if networks else document


def _cpu(used: CpuUsage, host_ns: int, cpus: int) -> Stats:
    usage = {
        "total_usage": used.total_ns,
        "usage_in_kernelmode": used.system_ns,
        "usage_in_usermode": used.user_ns,
    }
    if used.per_cpu_ns:
        usage["percpu_usage"] = list(used.per_cpu_ns)  # type: ignore[assignment]
    return {
        "cpu_usage": usage,
        "system_cpu_usage": host_ns,
        "online_cpus": cpus,
        "throttling_data": {
            "periods": used.periods,
            "throttled_periods": used.throttled_periods,
            "throttled_time": used.throttled_ns,
        },
    }


def _memory(usage: Usage) -> Stats:
    """Without a limit of its own a container may use what the host has."""
    memory, host = usage.memory, host_memory_bytes()
    return _without_none(
        {
            "usage": memory.usage_bytes,
            "max_usage": memory.most_bytes,
            "failcnt": memory.refused,
            "limit": min(memory.limit_bytes or host, host),
            "stats": dict(memory.detail),
        }
    )


def _block(entries: tuple[BlockUsage, ...]) -> list[Stats] | None:
    """None where there are none, as Go writes an empty list."""
    return [
        {"major": each.major, "minor": each.minor, "op": each.operation, "value": each.value}
        for each in entries
    ] or None


def _without_none(members: Mapping[str, Any]) -> Stats:
    return {name: value for name, value in members.items() if value is not None}


def read_host_cpu() -> tuple[int, int]:
    """What all processes and idleness together have taken in ns, and the number of CPUs."""
    lines = Path("/proc/stat").read_text().splitlines()
    ticks = sum(map(int, lines[0].split()[1:8]))
    return ticks * NS_PER_TICK, sum(line.startswith("cpu") for line in lines) - 1


def read_networks(pid: int) -> dict[str, dict[str, int]]:
    """The counters of each interface that leads out; none in the host's own network."""
    found: dict[str, dict[str, int]] = {}
    with contextlib.suppress(OSError):  # it has just ended
        if namespaces.identity(pid, "network") == namespaces.identity("self", "network"):
            return found
        for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]:
            name, _, numbers = line.partition(":")
            values = numbers.split()
            if name.strip() != "lo":
                found[name.strip()] = {
                    key: int(values[column]) for key, column in NETWORK_COUNTERS.items()
                }
    return found


def host_memory_bytes() -> int:
    """All of it."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpu_percent(stats: Stats) -> float:
    """How much of a CPU it used between the two samples: 100 is one whole CPU."""
    now, before = stats["cpu_stats"], stats["precpu_stats"]
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    host = now["system_cpu_usage"] - before["system_cpu_usage"]
    return used / host * now["online_cpus"] * 100 if used > 0 and host > 0 else 0.0


def memory_bytes(stats: Stats) -> int:
    """What it needs: without those pages of files that could be dropped any time."""
    memory = stats["memory_stats"]
    usage, detail = memory.get("usage", 0), memory.get("stats", {})
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return int(usage - cache if cache < usage else usage)


def memory_percent(stats: Stats) -> float:
    """What it needs, in percent of what it may use."""
    limit = stats["memory_stats"].get("limit", 0)
    return memory_bytes(stats) / limit * 100 if limit else 0.0


def network_bytes(stats: Stats) -> tuple[int, int]:
    """Received and sent, over all interfaces."""
    networks = stats.get("networks", {}).values()
    return sum(each["rx_bytes"] for each in networks), sum(each["tx_bytes"] for each in networks)


def block_bytes(stats: Stats) -> tuple[int, int]:
    """Read and written, over all devices."""
    entries = stats["blkio_stats"]["io_service_bytes_recursive"] or []
    read, written = (
        sum(each["value"] for each in entries if each["op"].lower() == operation)
        for operation in ("read", "write")
    )
    return read, written
