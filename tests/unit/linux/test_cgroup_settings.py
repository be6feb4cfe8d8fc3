"""Limits as files: one table for each version of the kernel's interface."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.linux.cgroup_settings import (
    UNLIMITED_BYTES,
    Setting,
    io_weight,
    settings_v1,
    settings_v2,
    weight_of_shares,
)

MIB = 1 << 20
SDA = {"major": 8, "minor": 0, "rate": 1000}
Written = list[tuple[str, str]]

TABLE: list[tuple[dict[str, Any], Written, Written]] = [
    ({}, [], []),
    (
        {"memory": {"limit": 64 * MIB}},
        [("memory.limit_in_bytes", "67108864")],
        [("memory.max", "67108864")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}},
        [("memory.limit_in_bytes", "67108864"), ("memory.memsw.limit_in_bytes", "134217728")],
        [("memory.max", "67108864"), ("memory.swap.max", "67108864")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}},
        [("memory.limit_in_bytes", "67108864"), ("memory.memsw.limit_in_bytes", "67108864")],
        [("memory.max", "67108864"), ("memory.swap.max", "0")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": -1}},
        [("memory.memsw.limit_in_bytes", "-1"), ("memory.limit_in_bytes", "67108864")],
        [("memory.max", "67108864"), ("memory.swap.max", "max")],
    ),
    (
        {"memory": {"limit": -1, "swap": -1}},
        [("memory.memsw.limit_in_bytes", "-1"), ("memory.limit_in_bytes", "-1")],
        [("memory.max", "max"), ("memory.swap.max", "max")],
    ),
    (
        {"memory": {"reservation": 32 * MIB}},
        [("memory.soft_limit_in_bytes", "33554432")],
        [("memory.low", "33554432")],
    ),
    (
        {"memory": {"swappiness": 10, "disableOOMKiller": True}},
        [("memory.swappiness", "10"), ("memory.oom_control", "1")],
        [("memory.swappiness", "10"), ("memory.oom_control", "1")],
    ),
    (
        {"cpu": {"quota": 50_000, "period": 100_000}},
        [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")],
        [("cpu.max", "50000 100000")],
    ),
    (
        {"cpu": {"quota": 20_000}},
        [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "20000")],
        [("cpu.max", "20000 100000")],
    ),
    (
        {"cpu": {"quota": -1}},
        [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "-1")],
        [("cpu.max", "max 100000")],
    ),
    ({"cpu": {"shares": 2}}, [("cpu.shares", "2")], [("cpu.weight", "1")]),
    ({"cpu": {"shares": 1024}}, [("cpu.shares", "1024")], [("cpu.weight", "39")]),
    ({"cpu": {"shares": 262_144}}, [("cpu.shares", "262144")], [("cpu.weight", "10000")]),
    (
        {"cpu": {"cpus": "0-1", "mems": "0"}},
        [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")],
        [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")],
    ),
    ({"pids": {"limit": 20}}, [("pids.max", "20")], [("pids.max", "20")]),
    ({"pids": {"limit": -1}}, [("pids.max", "max")], [("pids.max", "max")]),
    ({"blockIO": {"weight": 500}}, [("blkio.weight", "500")], [("io.bfq.weight", "500")]),
    (
        {"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 200}]}},
        [("blkio.weight_device", "8:0 200")],
        [("io.bfq.weight", "8:0 200")],
    ),
    (
        {"blockIO": {"throttleReadBpsDevice": [SDA], "throttleWriteIOPSDevice": [SDA]}},
        [
            ("blkio.throttle.read_bps_device", "8:0 1000"),
            ("blkio.throttle.write_iops_device", "8:0 1000"),
        ],
        [("io.max", "8:0 rbps=1000"), ("io.max", "8:0 wiops=1000")],
    ),
]


@pytest.mark.parametrize(("resources", "version_1", "version_2"), TABLE, ids=lambda _: "")
def test_what_is_written_where(
    resources: dict[str, Any], version_1: Written, version_2: Written
) -> None:
    assert [(each.file, each.value) for each in settings_v1(resources)] == version_1
    assert [(each.file, each.value) for each in settings_v2(resources)] == version_2


@pytest.mark.parametrize("resources", [resources for resources, _, _ in TABLE], ids=str)
def test_a_file_s_name_begins_with_its_controller(resources: dict[str, Any]) -> None:
    for each in settings_v1(resources):
        assert each.file.startswith(each.controller + ".")
    for each in settings_v2(resources):
        assert each.file.startswith({"blkio": "io"}.get(each.controller, each.controller) + ".")


def test_a_weight_has_another_file_where_bfq_is_missing() -> None:
    (version_1,) = settings_v1({"blockIO": {"weight": 10}})
    (version_2,) = settings_v2({"blockIO": {"weight": 1000}})
    assert version_1.instead == Setting("blkio", "blkio.bfq.weight", "10")
    assert version_2.instead == Setting("blkio", "io.weight", "10000")


def test_so_has_a_disk_s_weight() -> None:
    disk = {"weightDevice": [{"major": 8, "minor": 16, "weight": 1000}]}
    (version_1,) = settings_v1({"blockIO": disk})
    (version_2,) = settings_v2({"blockIO": disk})
    assert version_1.instead == Setting("blkio", "blkio.bfq.weight_device", "8:16 1000")
    assert version_2.instead == Setting("blkio", "io.weight", "8:16 10000")


@given(st.lists(st.integers(2, 1 << 18), min_size=2))
def test_more_shares_never_make_a_smaller_weight(shares: list[int]) -> None:
    weights = [weight_of_shares(each) for each in sorted(shares)]
    assert all(1 <= one <= other <= 10_000 for one, other in pairwise(weights))


@given(st.lists(st.integers(10, 1000), min_size=2))
def test_a_larger_weight_stays_larger(weights: list[int]) -> None:
    ordered = sorted(set(weights))
    converted = [io_weight(each) for each in ordered]
    assert all(one < other for one, other in pairwise(converted))
    assert all(1 <= each <= 10_000 for each in converted)


LIMITS = st.integers(1, 1 << 40)


@given(LIMITS, LIMITS, LIMITS, LIMITS)
def test_memory_and_swap_go_up_and_down_in_an_order_that_the_kernel_takes(
    a: int, b: int, c: int, d: int
) -> None:
    """The kernel, in four lines: memory + swap may at no moment be below memory."""
    now = {"memory.limit_in_bytes": min(a, b), "memory.memsw.limit_in_bytes": max(a, b)}
    wanted = {"limit": min(c, d), "swap": max(c, d)}
    for each in settings_v1({"memory": wanted}, now["memory.limit_in_bytes"]):
        now[each.file] = int(each.value)
        assert now["memory.limit_in_bytes"] <= now["memory.memsw.limit_in_bytes"]
    assert sorted(now.values()) == sorted(wanted.values())


@given(LIMITS)
def test_a_new_group_has_no_limit_to_begin_with(limit: int) -> None:
    first, second = settings_v1({"memory": {"limit": limit, "swap": limit}}, UNLIMITED_BYTES)
    assert (first.file, second.file) == ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")


@given(LIMITS, LIMITS)
def test_swap_is_what_is_beyond_memory(limit: int, more: int) -> None:
    memory, swap = settings_v2({"memory": {"limit": limit, "swap": limit + more}})
    assert int(memory.value) + int(swap.value) == limit + more
