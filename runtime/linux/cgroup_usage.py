"""What a control group has used so far, in one shape for both versions of the interface.

Counters only grow; a rate is the difference of two readings (`engine/stats.py`). A file that a
kernel does not have counts as nothing used.

Rule: this file reads and writes nothing else.
Documentation/admin-guide/cgroup-v1/{cpuacct,memory,pids,blkio-controller}.rst, cgroup-v2.rst
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_mounts import version_of

NS_PER_TICK = 10**9 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuUsage:
    """Time on any CPU, and how often the group was held back by its quota."""

    total_ns: int = 0
    user_ns: int = 0
    system_ns: int = 0
    per_cpu_ns: tuple[int, ...] = ()
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """`detail` is memory.stat. Only version 1 keeps a record of the most that was used."""

    usage_bytes: int = 0
    limit_bytes: int | None = None
    most_bytes: int | None = None
    refused: int = 0
    detail: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PidsUsage:
    """Processes and threads together."""

    current: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class BlockUsage:
    """How much one kind of operation moved on one device, in bytes or in operations."""

    major: int
    minor: int
    operation: str
    value: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Everything at one moment."""

    cpu: CpuUsage = field(default_factory=CpuUsage)
    memory: MemoryUsage = field(default_factory=MemoryUsage)
    pids: PidsUsage = field(default_factory=PidsUsage)
    block_bytes: tuple[BlockUsage, ...] = ()
    block_operations: tuple[BlockUsage, ...] = ()


def read_usage(group: Cgroup) -> Usage:
    """What the group has used until now; nothing, when there is no such group."""
    block_bytes, block_operations = _read_block(group)
    return Usage(
        cpu=_read_cpu_v1(group) if version_of("cpuacct") == 1 else _read_cpu_v2(group),
        memory=_read_memory_v1(group) if version_of("memory") == 1 else _read_memory_v2(group),
        pids=PidsUsage(_number(group, "pids", "pids.current"), _limit(group, "pids", "pids.max")),
        block_bytes=block_bytes,
        block_operations=block_operations,
    )


def _read_cpu_v1(group: Cgroup) -> CpuUsage:
    """Time is counted by cpuacct, in ns and in clock ticks; quotas are kept by cpu."""
    ticks, held = _table(group, "cpuacct", "cpuacct.stat"), _table(group, "cpu", "cpu.stat")
    per_cpu = _text(group, "cpuacct", "cpuacct.usage_percpu").split()
    return CpuUsage(
        total_ns=_number(group, "cpuacct", "cpuacct.usage"),
        user_ns=ticks.get("user", 0) * NS_PER_TICK,
        system_ns=ticks.get("system", 0) * NS_PER_TICK,
        per_cpu_ns=tuple(map(int, per_cpu)),
        periods=held.get("nr_periods", 0),
        throttled_periods=held.get("nr_throttled", 0),
        throttled_ns=held.get("throttled_time", 0),
    )


def _read_cpu_v2(group: Cgroup) -> CpuUsage:
    """All in one file, in µs."""
    found = _table(group, "cpu", "cpu.stat")
    return CpuUsage(
        total_ns=found.get("usage_usec", 0) * 1000,
        user_ns=found.get("user_usec", 0) * 1000,
        system_ns=found.get("system_usec", 0) * 1000,
        periods=found.get("nr_periods", 0),
        throttled_periods=found.get("nr_throttled", 0),
        throttled_ns=found.get("throttled_usec", 0) * 1000,
    )


def _read_memory_v1(group: Cgroup) -> MemoryUsage:
    return MemoryUsage(
        usage_bytes=_number(group, "memory", "memory.usage_in_bytes"),
        limit_bytes=_number(group, "memory", "memory.limit_in_bytes") or None,
        most_bytes=_number(group, "memory", "memory.max_usage_in_bytes"),
        refused=_number(group, "memory", "memory.failcnt"),
        detail=_table(group, "memory", "memory.stat"),
    )


def _read_memory_v2(group: Cgroup) -> MemoryUsage:
    return MemoryUsage(
        usage_bytes=_number(group, "memory", "memory.current"),
        limit_bytes=_limit(group, "memory", "memory.max"),
        refused=_table(group, "memory", "memory.events").get("oom", 0),
        detail=_table(group, "memory", "memory.stat"),
    )


def _read_block(group: Cgroup) -> tuple[tuple[BlockUsage, ...], tuple[BlockUsage, ...]]:
    """Bytes and operations of each device."""
    if version_of("blkio") == 1:
        kinds = ("io_service_bytes", "io_serviced")
        texts = (_text(group, "blkio", f"blkio.throttle.{kind}_recursive") for kind in kinds)
        moved, done = (tuple(parse_block_v1(text)) for text in texts)
        return moved, done
    return parse_io_stat(_text(group, "blkio", "io.stat"))


def parse_block_v1(text: str) -> list[BlockUsage]:
    """Lines such as "254:0 Read 4096"; the last, "Total 4096", is of no device."""
    found = []
    for line in text.splitlines():
        device, *rest = line.split()
        if len(rest) == 2:
            major, minor = map(int, device.split(":"))
            found.append(BlockUsage(major, minor, rest[0], int(rest[1])))
    return found


def parse_io_stat(text: str) -> tuple[tuple[BlockUsage, ...], tuple[BlockUsage, ...]]:
    """Lines such as "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0"."""
    moved, done = [], []
    for line in text.splitlines():
        device, *pairs = line.split()
        major, minor = map(int, device.split(":"))
        values = dict(pair.split("=") for pair in pairs)
        for letter, operation in (("r", "read"), ("w", "write")):
            if f"{letter}bytes" in values:
                moved.append(BlockUsage(major, minor, operation, int(values[f"{letter}bytes"])))
                done.append(BlockUsage(major, minor, operation, int(values[f"{letter}ios"])))
    return tuple(moved), tuple(done)


def _text(group: Cgroup, controller: str, file: str) -> str:
    directory = group.directory(controller) or Path("/nonexistent")
    try:
        return (directory / file).read_text()
    except OSError:  # the kernel has none, or the group has just gone
        return ""


def _number(group: Cgroup, controller: str, file: str) -> int:
    return int(_text(group, controller, file) or 0)


def _limit(group: Cgroup, controller: str, file: str) -> int | None:
    text = _text(group, controller, file).strip()
    return None if text in ("", "max") else int(text)


def _table(group: Cgroup, controller: str, file: str) -> dict[str, int]:
    """A file of names and numbers, one pair a line."""
    pairs = (line.split() for line in _text(group, controller, file).splitlines())
    return {name: int(value) for name, value, *_ in pairs}
