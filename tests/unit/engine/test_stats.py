"""The numbers that people read in docker's statistics."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engine.stats import (
    block_bytes,
    cpu_percent,
    memory_bytes,
    memory_percent,
    network_bytes,
)


def cpu(used: int, host: int) -> dict[str, Any]:
    return {"cpu_usage": {"total_usage": used}, "system_cpu_usage": host, "online_cpus": 4}


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        (cpu(0, 0), cpu(0, 100), 0.0),
        (cpu(100, 1000), cpu(200, 1400), 100.0),  # a fourth of four CPUs
        (cpu(100, 1000), cpu(500, 1400), 400.0),
        (cpu(100, 1000), cpu(100, 1000), 0.0),
        (cpu(500, 1000), cpu(100, 1400), 0.0),  # it was started anew meanwhile
    ],
)
def test_a_hundred_is_one_whole_cpu(before: Any, now: Any, percent: float) -> None:
    assert cpu_percent({"precpu_stats": before, "cpu_stats": now}) == percent


@pytest.mark.parametrize(
    ("memory", "needed"),
    [
        ({}, 0),
        ({"usage": 100}, 100),
        ({"usage": 100, "stats": {"total_inactive_file": 30}}, 70),
        ({"usage": 100, "stats": {"inactive_file": 30}}, 70),
        ({"usage": 100, "stats": {"inactive_file": 130}}, 100),
    ],
)
def test_pages_that_could_be_dropped_are_not_needed(memory: Any, needed: int) -> None:
    assert memory_bytes({"memory_stats": memory}) == needed


def test_memory_in_percent_of_what_may_be_used() -> None:
    assert memory_percent({"memory_stats": {"usage": 50, "limit": 200}}) == 25.0
    assert memory_percent({"memory_stats": {"usage": 50}}) == 0.0


def test_all_interfaces_together() -> None:
    networks = {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}}
    assert network_bytes({"networks": networks}) == (11, 22)
    assert network_bytes({}) == (0, 0)


def test_all_disks_together_however_the_kernel_writes_it() -> None:
    entries = [
        {"op": "Read", "value": 1},
        {"op": "write", "value": 2},
        {"op": "Sync", "value": 4},
        {"op": "read", "value": 8},
    ]
    assert block_bytes({"blkio_stats": {"io_service_bytes_recursive": entries}}) == (9, 2)
    assert block_bytes({"blkio_stats": {"io_service_bytes_recursive": None}}) == (0, 0)
