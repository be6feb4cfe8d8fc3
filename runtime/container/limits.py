"""From what the user asked to the limits that the kernel is to keep.

`resources` makes the runtime-spec's `linux.resources`, `notices` says what will be kept
otherwise than one might think. The rules are docker's: what makes no sense is refused with its
example, what this host cannot keep is refused with its evidence, before anything is made.

The host is asked once, in `Host.now`; everything else here is a function of its answers.
runtime-spec config-linux.md "Control groups"; moby daemon/daemon_unix.go,
verifyPlatformContainerResources
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.container.notice import Notice
from runtime.errors import Conflict, HostLacks, InvalidInput
from runtime.linux import block
from runtime.linux.cgroup_mounts import controllers, version_of
from runtime.linux.cgroup_settings import (
    DEFAULT_PERIOD_US,
    LARGEST_SHARES,
    LARGEST_WEIGHT,
    SMALLEST_SHARES,
    SMALLEST_WEIGHT,
)

if TYPE_CHECKING:
    from runtime.container.bundle import Request

SMALLEST_MEMORY_BYTES = 6 * 1024 * 1024
"""Docker's: with less a container cannot even start."""

LARGEST_MEMORY_BYTES = 1 << 60
LARGEST_PIDS_LIMIT = 1 << 22
"""The kernel numbers no more processes (PID_MAX_LIMIT). man 5 proc, /proc/sys/kernel/pid_max"""

LARGEST_CPUSET = 1 << 13
"""The kernel numbers no more processors (arch/x86/Kconfig, NR_CPUS)."""

THROTTLES = {
    "throttleReadBpsDevice": "device_read_bps",
    "throttleWriteBpsDevice": "device_write_bps",
    "throttleReadIOPSDevice": "device_read_iops",
    "throttleWriteIOPSDevice": "device_write_iops",
}
"""The runtime-spec's names and the request's fields."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a host has to give. `cpuset_cpus` and `cpuset_mems` are as the kernel writes them."""

    cpus: int
    cpuset_cpus: str
    cpuset_mems: str
    memory_version: int
    counts_swap: bool

    @classmethod
    def now(cls) -> Host:
        """This host."""
        return cls(
            cpus=len(os.sched_getaffinity(0)),
            cpuset_cpus=_cpuset("cpus"),
            cpuset_mems=_cpuset("mems"),
            memory_version=version_of("memory"),
            counts_swap=_counts_swap(),
        )


def resources(request: Request, host: Host | None = None) -> dict[str, Any]:
    """The limits as the runtime-spec writes them: only what was asked for.

    Raises InvalidInput and Conflict for impossible ones, HostLacks for those that this host
    does not know.
    """
    host = host or Host.now()
    parts = {
        "memory": _memory(request, host),
        "cpu": {**_cpu_time(request, host), **_cpuset_of(request, host)},
        "pids": _pids(request),
        "blockIO": _block(request),
    }
    return {name: part for name, part in parts.items() if part}


def notices(request: Request) -> Iterator[Notice]:
    """What is kept, but not as one might think: docker's warnings."""
    if request.memory_bytes > 0 and not _counts_swap():
        yield Notice(
            "this kernel does not count swap: memory is limited, swap is not",
        )
    if request.oom_kill_disable and not request.memory_bytes:
        yield Notice(
            "no process of this container is killed when memory runs out, and there is no memory "
            "limit: it may take all of the host's",
        )
    if request.blkio_weight:
        for name, scheduler in block.without_weights():
            yield Notice(
                "the block I/O weight has no effect on {device}: its scheduler, {scheduler}, "
                "does not weigh",
                device=name,
                scheduler=scheduler,
            )


def swap_bytes(request: Request) -> int:
    """The limit of memory and swap together: as much again as of memory, if nobody said; -1 is
    as much as there is, 0 no limit at all.
    """
    return request.memory_swap_bytes or 2 * request.memory_bytes


def _memory(request: Request, host: Host) -> dict[str, Any]:
    _refuse_odd_memory(request, host)
    found: dict[str, Any] = {}
    if request.memory_bytes:
        found["limit"] = request.memory_bytes
    if both := swap_bytes(request):
        found["swap"] = both
    if request.memory_reservation_bytes:
        found["reservation"] = request.memory_reservation_bytes
    if request.memory_swappiness is not None and request.memory_swappiness >= 0:
        found["swappiness"] = request.memory_swappiness
    if request.oom_kill_disable:
        found["disableOOMKiller"] = True
    return found


def _refuse_odd_memory(request: Request, host: Host) -> None:
    limit, both = request.memory_bytes, request.memory_swap_bytes
    reservation, swappiness = request.memory_reservation_bytes, request.memory_swappiness
    if request.kernel_memory_bytes:
        raise InvalidInput(
            "there is no limit for the kernel's memory any more",
            hint="Linux counts it with the container's own: use --memory",
        )
    if limit and limit < SMALLEST_MEMORY_BYTES:
        raise InvalidInput("the smallest memory limit is 6 MB", hint="for example: --memory 64m")
    if reservation and reservation < SMALLEST_MEMORY_BYTES:
        raise InvalidInput(
            "the smallest memory reservation is 6 MB", hint="for example: --memory-reservation 32m"
        )
    if max(limit, both, reservation) > LARGEST_MEMORY_BYTES:
        raise InvalidInput("the largest memory limit is 1 EiB")
    if both > 0 and not limit:
        raise InvalidInput(
            "a limit for memory and swap together needs one for memory",
            hint="for example: --memory 64m --memory-swap 128m",
        )
    if both < -1 or 0 < both < limit:
        raise InvalidInput(
            "the limit for memory and swap together is below the one for memory",
            hint="it counts both; the same number means no swap, -1 as much as there is",
        )
    if limit and limit < reservation:
        raise InvalidInput(
            "the memory reservation is above the memory limit",
            hint="a reservation is what stays with the container when the host runs short",
        )
    if swappiness is not None and not -1 <= swappiness <= 100:
        raise InvalidInput("memory swappiness is a number from 0 to 100")
    if both > 0 and not host.counts_swap:
        raise _lacks("memory-swap", host, "memory.memsw.limit_in_bytes, memory.swap.max")
    if swappiness is not None and swappiness >= 0 and host.memory_version != 1:
        raise _lacks("memory-swappiness", host, "memory.swappiness")
    if request.oom_kill_disable and host.memory_version != 1:
        raise _lacks("oom-kill-disable", host, "memory.oom_control")


def _lacks(flag: str, host: Host, files: str) -> HostLacks:
    return HostLacks(
        "this host's kernel cannot keep the limit {feature}",
        hint="leave the limit out ({evidence})",
        feature=f"--{flag}",
        evidence=f"cgroup v{host.memory_version}: no {files}",
    )


def _cpu_time(request: Request, host: Host) -> dict[str, Any]:
    """CPUs are a share of each period: half of one is 50 ms of every 100."""
    found: dict[str, Any] = {}
    if request.cpu_shares:
        found["shares"] = min(max(request.cpu_shares, SMALLEST_SHARES), LARGEST_SHARES)
    quota, period = request.cpu_quota, request.cpu_period
    if request.nano_cpus:
        if quota or period:
            raise Conflict(
                "a number of CPUs and a CPU quota or period say the same: choose one",
                hint="--cpus 0.5 is --cpu-period 100000 --cpu-quota 50000",
            )
        if not 10_000_000 <= request.nano_cpus <= host.cpus * 10**9:
            raise InvalidInput(
                "the CPU limit must be between 0.01 and {available}, this host's number of CPUs",
                hint="for example: --cpus 0.5",
                available=host.cpus,
            )
        quota = request.nano_cpus * DEFAULT_PERIOD_US // 10**9
    if period and not 1000 <= period <= 1_000_000:
        raise InvalidInput("the CPU period must be between 1000 and 1000000 µs")
    if quota and quota != -1 and quota < 1000:
        raise InvalidInput("the smallest CPU quota is 1000 µs", hint="-1 takes the limit away")
    if quota or period:
        found |= {"quota": quota or -1, "period": period or DEFAULT_PERIOD_US}
    return found


def _cpuset_of(request: Request, host: Host) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request.cpuset_cpus:
        if not parse_cpuset(request.cpuset_cpus) <= parse_cpuset(host.cpuset_cpus):
            raise InvalidInput(
                "CPUs {asked} are not all there: this host has {available}",
                hint="for example: --cpuset-cpus 0",
                asked=request.cpuset_cpus,
                available=host.cpuset_cpus,
            )
        found["cpus"] = request.cpuset_cpus
    if request.cpuset_mems:
        if not parse_cpuset(request.cpuset_mems) <= parse_cpuset(host.cpuset_mems):
            raise InvalidInput(
                "memory nodes {asked} are not all there: this host has {available}",
                hint="for example: --cpuset-mems 0",
                asked=request.cpuset_mems,
                available=host.cpuset_mems,
            )
        found["mems"] = request.cpuset_mems
    return found


def parse_cpuset(text: str) -> frozenset[int]:
    """ "0-2,7" → {0, 1, 2, 7}. Raises InvalidInput. man 7 cpuset, "List format" """
    found: set[int] = set()
    for part in text.split(",") if text else ():
        shape = re.fullmatch(r"\s*(\d{1,5})(?:-(\d{1,5}))?\s*", part, re.ASCII)
        first = int(shape[1]) if shape else LARGEST_CPUSET
        last = int(shape[2]) if shape and shape[2] else first
        if not first <= last < LARGEST_CPUSET:
            raise InvalidInput(
                "not a list of numbers: {text!r}", hint="for example: 0-2,7", text=text[:100]
            )
        found.update(range(first, last + 1))
    return frozenset(found)


def _pids(request: Request) -> dict[str, Any]:
    if request.pids_limit > LARGEST_PIDS_LIMIT:
        raise InvalidInput(
            "the largest limit of processes is {largest}",
            hint="for example: --pids-limit 100",
            largest=LARGEST_PIDS_LIMIT,
        )
    if request.pids_limit > 0:
        return {"limit": request.pids_limit}
    return {"limit": -1} if request.pids_limit else {}


def _block(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    weight = request.blkio_weight
    if weight:
        _refuse_odd_weight(weight)
        found["weight"] = weight
    if weights := [_weight(path, each) for path, each in request.blkio_weight_device if each]:
        found["weightDevice"] = weights
    for name, attribute in THROTTLES.items():
        rates: tuple[tuple[str, int], ...] = getattr(request, attribute)
        if rates:
            found[name] = [_throttle(path, rate) for path, rate in rates]
    return found


def _refuse_odd_weight(weight: int) -> None:
    if not SMALLEST_WEIGHT <= weight <= LARGEST_WEIGHT:
        raise InvalidInput(
            "the block I/O weight is a number from 10 to 1000, or 0",
            hint="for example: --blkio-weight 500",
        )


def _weight(path: str, weight: int) -> dict[str, int]:
    """Of one disk; who asks for it means just that disk, so one that cannot is refused."""
    _refuse_odd_weight(weight)
    major, minor = block.numbers_of(path)
    weighs, scheduler = block.weighs((major, minor))
    if not weighs:
        raise HostLacks(
            "the disk {path} does not share its time by weight: its scheduler is {evidence}",
            hint="write bfq into its queue/scheduler below /sys/block, or leave {feature} out",
            feature="--blkio-weight-device",
            evidence=scheduler,
            path=path[:200],
        )
    return {"major": major, "minor": minor, "weight": weight}


def _throttle(path: str, rate: int) -> dict[str, int]:
    """The device is named by its numbers: its path may mean another one tomorrow."""
    major, minor = block.numbers_of(path)
    return {"major": major, "minor": minor, "rate": rate}


def _cpuset(kind: str) -> str:
    """What the host's root group may use: "0-7"."""
    found = controllers().get("cpuset")
    for file in (f"cpuset.{kind}.effective", f"cpuset.effective_{kind}", f"cpuset.{kind}"):
        if found and (found.mount / file).exists():
            return (found.mount / file).read_text().strip()
    word = {"cpus": "Cpus", "mems": "Mems"}[kind]
    status = Path("/proc/self/status").read_text()
    shape = re.search(rf"^{word}_allowed_list:\s*(\S+)", status, re.MULTILINE)
    return shape[1] if shape else "0"


def _counts_swap() -> bool:
    """Version 2 has no such file at its root: any group below it tells."""
    found = controllers().get("memory")
    if found is None:
        return False
    if found.version == 1:
        return (found.mount / "memory.memsw.limit_in_bytes").exists()
    some = next(found.mount.glob("*/memory.max"), None)
    return some is None or (some.parent / "memory.swap.max").exists()
