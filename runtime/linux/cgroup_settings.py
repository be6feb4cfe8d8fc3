"""Which file of a control group keeps which limit: one table for each version.

The input is the `linux.resources` object of the OCI runtime-spec; what comes out is a list of
files and what to write into them, in an order that the kernel accepts. `cgroup.py` does the
writing, on the hosts where the controller is of that version.

Pure: this file asks the host nothing.
runtime-spec config-linux.md "Control groups"; Documentation/admin-guide/cgroup-v1/memory.rst,
cgroup-v2.rst "Controllers"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resources = Mapping[str, Any]
"""{"memory": {"limit": bytes}, "cpu": {"quota": µs, "period": µs}, …}"""

UNLIMITED_BYTES = 1 << 63
DEFAULT_PERIOD_US = 100_000

SMALLEST_SHARES, LARGEST_SHARES = 2, 1 << 18
"""CPU shares of version 1 (kernel/sched/sched.h, MIN_SHARES and MAX_SHARES)."""

SMALLEST_WEIGHT, LARGEST_WEIGHT = 10, 1000
"""Weights of version 1's blkio controller (block/bfq-cgroup.c goes down to 1)."""

THROTTLES = {
    "throttleReadBpsDevice": ("blkio.throttle.read_bps_device", "rbps"),
    "throttleWriteBpsDevice": ("blkio.throttle.write_bps_device", "wbps"),
    "throttleReadIOPSDevice": ("blkio.throttle.read_iops_device", "riops"),
    "throttleWriteIOPSDevice": ("blkio.throttle.write_iops_device", "wiops"),
}
"""The runtime-spec's names: version 1's file, and the word in version 2's io.max."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`value` goes into `file` of the group, in the tree of `controller` (its version 1 name).

    A kernel without this file may have another one for the same thing, `instead`. An `optional`
    limit is not insisted on where there is neither.
    """

    controller: str
    file: str
    value: str
    instead: Setting | None = None
    optional: bool = False


def settings_v1(resources: Resources, memory_now_bytes: int = UNLIMITED_BYTES) -> Iterator[Setting]:
    """Version 1. `memory_now_bytes` is the memory limit that the group has now."""
    memory, cpu, pids, block = _parts(resources)
    yield from _memory_and_swap_v1(memory, memory_now_bytes)
    yield from _memory_of_version_1_only(memory)
    if (reservation := memory.get("reservation")) is not None:
        yield Setting("memory", "memory.soft_limit_in_bytes", str(reservation))
    if (shares := cpu.get("shares")) is not None:
        yield Setting("cpu", "cpu.shares", str(shares))
    if (quota := cpu.get("quota")) is not None:
        period = cpu.get("period", DEFAULT_PERIOD_US)
        yield Setting("cpu", "cpu.cfs_period_us", str(period))
        yield Setting("cpu", "cpu.cfs_quota_us", str(quota))
    yield from _cpusets(cpu)
    if (limit := pids.get("limit")) is not None:
        yield Setting("pids", "pids.max", _or_max(limit))
    if (weight := block.get("weight")) is not None:
        bfq = Setting("blkio", "blkio.bfq.weight", str(weight))
        yield Setting("blkio", "blkio.weight", str(weight), instead=bfq)
    for each in block.get("weightDevice", ()):
        line = f"{each['major']}:{each['minor']} {each['weight']}"
        bfq = Setting("blkio", "blkio.bfq.weight_device", line)
        yield Setting("blkio", "blkio.weight_device", line, instead=bfq)
    for kind, (file, _) in THROTTLES.items():
        for each in block.get(kind, ()):
            yield Setting("blkio", file, f"{each['major']}:{each['minor']} {each['rate']}")


def _memory_and_swap_v1(memory: Resources, memory_now_bytes: int) -> list[Setting]:
    """The limit for memory and swap together must at no moment be below the one for memory.

    So when both are raised it goes first, and when both are lowered it goes last.
    """
    limit, both = memory.get("limit"), memory.get("swap")
    settings = []
    if limit is not None:
        settings.append(Setting("memory", "memory.limit_in_bytes", str(limit)))
    if both is not None:
        file = "memory.memsw.limit_in_bytes"
        settings.append(Setting("memory", file, str(both), optional=True))
        if both < 0 or both >= memory_now_bytes:
            settings.reverse()
    return settings


def settings_v2(resources: Resources) -> Iterator[Setting]:
    """Version 2, where swap is counted apart and shares become a weight."""
    memory, cpu, pids, block = _parts(resources)
    if (limit := memory.get("limit")) is not None:
        yield Setting("memory", "memory.max", _or_max(limit))
        if (both := memory.get("swap")) is not None:
            swap = both - limit if both >= 0 and limit >= 0 else both
            yield Setting("memory", "memory.swap.max", _or_max(swap), optional=True)
    yield from _memory_of_version_1_only(memory)
    if (reservation := memory.get("reservation")) is not None:
        yield Setting("memory", "memory.low", _or_max(reservation))
    if (shares := cpu.get("shares")) is not None:
        yield Setting("cpu", "cpu.weight", str(weight_of_shares(shares)))
    if (quota := cpu.get("quota")) is not None:
        period = cpu.get("period", DEFAULT_PERIOD_US)
        yield Setting("cpu", "cpu.max", f"{_or_max(quota)} {period}")
    yield from _cpusets(cpu)
    if (limit := pids.get("limit")) is not None:
        yield Setting("pids", "pids.max", _or_max(limit))
    if (weight := block.get("weight")) is not None:
        other = Setting("blkio", "io.weight", str(io_weight(weight)))
        yield Setting("blkio", "io.bfq.weight", str(weight), instead=other)
    for each in block.get("weightDevice", ()):
        device = f"{each['major']}:{each['minor']}"
        other = Setting("blkio", "io.weight", f"{device} {io_weight(each['weight'])}")
        yield Setting("blkio", "io.bfq.weight", f"{device} {each['weight']}", instead=other)
    for kind, (_, word) in THROTTLES.items():
        for each in block.get(kind, ()):
            line = f"{each['major']}:{each['minor']} {word}={each['rate']}"
            yield Setting("blkio", "io.max", line)


def weight_of_shares(shares: int) -> int:
    """2…262144 onto 1…10000, the conversion of every runtime (crun.1, "CPU controller")."""
    span = LARGEST_SHARES - SMALLEST_SHARES
    return 1 + (min(max(shares, SMALLEST_SHARES), LARGEST_SHARES) - SMALLEST_SHARES) * 9999 // span


def io_weight(weight: int) -> int:
    """10…1000 onto 1…10000, for kernels that weigh by cost (crun.1, "IO controller")."""
    return 1 + (weight - SMALLEST_WEIGHT) * 9999 // (LARGEST_WEIGHT - SMALLEST_WEIGHT)


def _parts(resources: Resources) -> tuple[Resources, Resources, Resources, Resources]:
    memory, cpu, pids, block = (
        resources.get(name, {}) for name in ("memory", "cpu", "pids", "blockIO")
    )
    return memory, cpu, pids, block


def _cpusets(cpu: Resources) -> Iterator[Setting]:
    """The same in both versions: "0-2,7"."""
    for key in ("cpus", "mems"):
        if cpu.get(key):
            yield Setting("cpuset", f"cpuset.{key}", cpu[key])


def _memory_of_version_1_only(memory: Resources) -> Iterator[Setting]:
    """Version 2 has no such files, and so the host will be found lacking."""
    if (swappiness := memory.get("swappiness")) is not None:
        yield Setting("memory", "memory.swappiness", str(swappiness))
    if memory.get("disableOOMKiller"):
        yield Setting("memory", "memory.oom_control", "1")


def _or_max(value: int) -> str:
    return "max" if value < 0 else str(value)
