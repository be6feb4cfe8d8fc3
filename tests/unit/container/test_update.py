"""Docker's rules for limits that are changed one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.container.bundle import Request
from runtime.container.limits import swap_bytes
from runtime.container.update import changed
from runtime.errors import Conflict

MIB = 1 << 20


@pytest.mark.parametrize(
    ("before", "changes", "memory", "both"),
    [
        ({}, {"memory_bytes": 64 * MIB}, 64, 128),
        ({"memory_bytes": 64 * MIB}, {"memory_bytes": 32 * MIB}, 32, 128),
        ({"memory_bytes": 64 * MIB}, {"memory_bytes": 128 * MIB}, 128, 128),
        (
            {"memory_bytes": 64 * MIB, "memory_swap_bytes": -MIB},
            {"memory_bytes": 900 * MIB},
            900,
            -1,
        ),
        (
            {"memory_bytes": 64 * MIB},
            {"memory_bytes": 900 * MIB, "memory_swap_bytes": 901 * MIB},
            900,
            901,
        ),
    ],
)
def test_memory_and_swap_together_stay_unless_said(
    before: dict[str, Any], changes: dict[str, Any], memory: int, both: int
) -> None:
    after = changed(Request("web", **before), changes)
    assert (after.memory_bytes // MIB, swap_bytes(after) // MIB) == (memory, both)


def test_more_memory_than_both_together_is_refused() -> None:
    with pytest.raises(Conflict, match="above the limit"):
        changed(Request("web", memory_bytes=64 * MIB), {"memory_bytes": 129 * MIB})
