"""What people ask for as limits, what the runtime-spec says, and what no kernel could keep."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.container import limits
from runtime.container.bundle import Request
from runtime.container.limits import Host, notices, parse_cpuset, resources
from runtime.errors import Conflict, HostLacks, InvalidInput, OnggiError
from runtime.linux import block

MIB = 1 << 20
HOST = Host(cpus=4, cpuset_cpus="0-3", cpuset_mems="0", memory_version=1, counts_swap=True)
SECOND_VERSION = replace(HOST, memory_version=2)
WITHOUT_SWAP = replace(HOST, counts_swap=False)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {}),
        ({"memory_bytes": 64 * MIB}, {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}}),
        ({"memory_bytes": 6 * MIB}, {"memory": {"limit": 6 * MIB, "swap": 12 * MIB}}),
        (
            {"memory_bytes": 64 * MIB, "memory_swap_bytes": 64 * MIB},
            {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}},
        ),
        (
            {"memory_bytes": 64 * MIB, "memory_swap_bytes": -1},
            {"memory": {"limit": 64 * MIB, "swap": -1}},
        ),
        ({"memory_reservation_bytes": 32 * MIB}, {"memory": {"reservation": 32 * MIB}}),
        ({"memory_swappiness": 0}, {"memory": {"swappiness": 0}}),
        ({"memory_swappiness": -1}, {}),
        ({"oom_kill_disable": True}, {"memory": {"disableOOMKiller": True}}),
        ({"nano_cpus": 500_000_000}, {"cpu": {"quota": 50_000, "period": 100_000}}),
        ({"nano_cpus": 10_000_000}, {"cpu": {"quota": 1_000, "period": 100_000}}),
        ({"cpu_quota": 20_000}, {"cpu": {"quota": 20_000, "period": 100_000}}),
        ({"cpu_quota": -1}, {"cpu": {"quota": -1, "period": 100_000}}),
        ({"cpu_period": 50_000}, {"cpu": {"quota": -1, "period": 50_000}}),
        ({"cpu_shares": 512}, {"cpu": {"shares": 512}}),
        ({"cpu_shares": 1}, {"cpu": {"shares": 2}}),
        ({"cpu_shares": 1 << 30}, {"cpu": {"shares": 1 << 18}}),
        (
            {"cpuset_cpus": "0,2-3", "cpuset_mems": "0"},
            {"cpu": {"cpus": "0,2-3", "mems": "0"}},
        ),
        ({"pids_limit": 20}, {"pids": {"limit": 20}}),
        ({"pids_limit": -1}, {"pids": {"limit": -1}}),
        ({"blkio_weight": 10}, {"blockIO": {"weight": 10}}),
    ],
)
def test_what_is_asked_for_and_nothing_else(asked: dict[str, Any], expected: Any) -> None:
    assert resources(Request("web", **asked), HOST) == expected


@pytest.mark.parametrize(
    "asked",
    [
        {"memory_bytes": 6 * MIB - 1},
        {"memory_bytes": 1},
        {"memory_bytes": -1},
        {"memory_bytes": 1 << 63},
        {"memory_swap_bytes": 64 * MIB},
        {"memory_bytes": 64 * MIB, "memory_swap_bytes": 32 * MIB},
        {"memory_bytes": 64 * MIB, "memory_swap_bytes": -2},
        {"memory_reservation_bytes": MIB},
        {"memory_bytes": 32 * MIB, "memory_reservation_bytes": 64 * MIB},
        {"memory_swappiness": 101},
        {"memory_swappiness": -2},
        {"kernel_memory_bytes": 64 * MIB},
        {"nano_cpus": 9_999_999},
        {"nano_cpus": -1},
        {"nano_cpus": 4 * 10**9 + 1},
        {"cpu_period": 999},
        {"cpu_period": 1_000_001},
        {"cpu_quota": 999},
        {"cpu_quota": -2},
        {"cpuset_cpus": "4"},
        {"cpuset_cpus": "0-9"},
        {"cpuset_cpus": "many"},
        {"cpuset_mems": "1"},
        {"pids_limit": 1 << 63},
        {"blkio_weight": 9},
        {"blkio_weight": 1001},
        {"device_read_bps": (("/dev/null", 1),)},
        {"device_write_iops": (("/nowhere\0", 1),)},
    ],
)
def test_limits_that_no_kernel_can_keep(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        resources(Request("web", **asked), HOST)


@pytest.mark.parametrize("other", [{"cpu_period": 100_000}, {"cpu_quota": 50_000}])
def test_cpus_are_said_once(other: dict[str, int]) -> None:
    with pytest.raises(Conflict):
        resources(Request("web", nano_cpus=10**9, **other), HOST)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "host", "flag"),
    [
        ({"memory_bytes": 8 * MIB, "memory_swap_bytes": 8 * MIB}, WITHOUT_SWAP, "--memory-swap"),
        ({"memory_swappiness": 10}, SECOND_VERSION, "--memory-swappiness"),
        ({"oom_kill_disable": True}, SECOND_VERSION, "--oom-kill-disable"),
    ],
)
def test_what_this_host_cannot_keep_is_said(asked: dict[str, Any], host: Host, flag: str) -> None:
    with pytest.raises(HostLacks, match=flag) as refusal:
        resources(Request("web", **asked), host)
    assert f"cgroup v{host.memory_version}: no memory." in refusal.value.evidence


def test_a_default_that_cannot_be_kept_is_no_error() -> None:
    asked = resources(Request("web", memory_bytes=8 * MIB), WITHOUT_SWAP)
    assert asked["memory"]["limit"] == 8 * MIB


def test_all_cpus_of_the_host_may_be_asked_for() -> None:
    available = len(os.sched_getaffinity(0))
    here = Host.now()
    asked = resources(
        Request("web", nano_cpus=available * 10**9, cpuset_cpus=here.cpuset_cpus), here
    )
    assert (asked["cpu"]["quota"], asked["cpu"]["period"]) == (available * 100_000, 100_000)
    assert 0 in parse_cpuset(here.cpuset_mems)


@given(st.sets(st.integers(0, 200), min_size=1))
def test_a_list_of_numbers_is_read_as_the_kernel_writes_it(numbers: set[int]) -> None:
    ordered = sorted(numbers)
    ranges: list[list[int]] = []
    for each in ordered:
        if ranges and each == ranges[-1][1] + 1:
            ranges[-1][1] = each
        else:
            ranges.append([each, each])
    text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    assert parse_cpuset(text) == numbers


@pytest.mark.parametrize("text", ["1-", "-1", "3-1", "a", "0,,1", "99999", "0-8192", "٣"])
def test_what_is_no_list_of_numbers(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_cpuset(text)


@given(st.text(max_size=20))
def test_a_list_of_anything_is_read_or_refused(text: str) -> None:
    try:
        found = parse_cpuset(text)
    except OnggiError:
        return
    assert all(0 <= number < limits.LARGEST_CPUSET for number in found)


def told(request: Request) -> list[str]:
    return [str(notice) for notice in notices(request)]


def test_what_has_no_effect_is_said_once_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "without_weights", lambda: (("sda", "mq-deadline"),))
    assert told(Request("web", blkio_weight=500)) == [
        "the block I/O weight has no effect on sda: its scheduler, mq-deadline, does not weigh"
    ]
    assert told(Request("web")) == []


def test_a_hog_that_nothing_stops_is_warned_of() -> None:
    assert "there is no memory limit" in told(Request("web", oom_kill_disable=True))[0]


def test_memory_without_swap_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_counts_swap", lambda: False)
    assert told(Request("web", memory_bytes=8 * MIB)) == [
        "this kernel does not count swap: memory is limited, swap is not"
    ]
