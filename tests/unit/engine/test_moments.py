"""Points in time, however they are written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runtime.engine.moments import Moment, as_nanoseconds
from runtime.errors import InvalidInput

NOW = 1_795_470_065_000_000_000


@pytest.mark.parametrize(
    ("moment", "nanoseconds"),
    [
        (1_795_470_065, NOW),
        (0, 0),
        (0.25, 250_000_000),
        ("1795470065", NOW),
        ("1795470065.000000001", NOW + 1),
        ("1795470065.5", NOW + 500_000_000),
        ("10m", NOW - 600 * 10**9),
        ("1h30m", NOW - 5400 * 10**9),
        ("1.5s", NOW - 1_500_000_000),
        ("300ms", NOW - 300_000_000),
        ("-10s", NOW + 10 * 10**9),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.123456789Z", 1_123_456_789),
        ("1970-01-01T09:00:00+09:00", 0),
        ("1970-01-01T09:00:00.5+09:00", 500_000_000),
        (datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005_000),
    ],
)
def test_what_is_meant(moment: Moment, nanoseconds: int) -> None:
    assert as_nanoseconds(moment, NOW) == nanoseconds


def test_a_date_without_zone_is_the_local_one() -> None:
    local = datetime(2026, 11, 23).astimezone()
    for text in ("2026-11-23", "2026-11-23T00:00", "2026-11-23T00:00:00"):
        assert as_nanoseconds(text, NOW) == int(local.timestamp()) * 10**9


@pytest.mark.parametrize("text", ["", "yesterday", "10 m", "10x", "2026-13-01", "m", "--1s"])
def test_no_point_in_time(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a point in time"):
        as_nanoseconds(text, NOW)
