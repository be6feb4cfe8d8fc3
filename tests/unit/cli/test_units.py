"""Sizes and times: docker's wording at the edges, and round trips."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli import units
from runtime.engine.durations import human_duration


@pytest.mark.parametrize(
    ("size_bytes", "digits", "text"),
    [
        (0, 4, "0B"),
        (999, 4, "999B"),
        (1000, 4, "1kB"),
        (4_262_300, 3, "4.26MB"),
        (4_262_300, 4, "4.262MB"),
        (187_600_000, 3, "188MB"),
        (1_234_000_000, 4, "1.234GB"),
    ],
)
def test_sizes_as_go_units_writes_them(size_bytes: int, digits: int, text: str) -> None:
    assert units.human_size(size_bytes, digits) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_durations_as_go_units_writes_them(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@given(st.floats(min_value=0, max_value=4e9))
def test_every_duration_has_words(seconds: float) -> None:
    assert human_duration(seconds)


def test_a_moment_that_nobody_recorded() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert units.human_ago(None, now) == "N/A"
    assert units.human_ago(datetime(2026, 1, 1, tzinfo=UTC), now) == "24 hours ago"


def test_times_with_nanoseconds() -> None:
    expected = datetime(2026, 11, 23, 21, 41, 5, 123456, tzinfo=UTC)
    assert units.parse_time("2026-11-23T21:41:05.123456789Z") == expected
    assert units.parse_time("0001-01-01T00:00:00Z") is None
    assert units.parse_time("") is None


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("64m", 64 << 20),
        ("1G", 1 << 30),
        ("1.5k", 1536),
        ("512", 512),
        ("2MiB", 2 << 20),
        ("9b", 9),
    ],
)
def test_memory_sizes_are_binary(text: str, size_bytes: int) -> None:
    assert units.parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "m", "-1", "64x", "1 2", "6４m"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["1_000", " 7", "７", "", "1.0"])
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_whole(text)


@given(st.integers())
def test_whole_numbers_come_back(number: int) -> None:
    assert units.parse_whole(str(number)) == number


def test_cpus() -> None:
    assert [units.parse_cpus(text) for text in ("0.5", "2", ".25")] == [0.5, 2, 0.25]
    for text in ("", "-1", "1e9", "nan", "half"):
        with pytest.raises(ValueError):
            units.parse_cpus(text)


@pytest.mark.parametrize(
    ("timestamp", "fraction"),
    [
        ("2026-01-31T12:00:00Z", ""),
        ("2026-01-31T12:00:00.250000000Z", ".25"),
        ("2026-01-31T12:00:00.392370336+09:00", ".392370336"),
        ("2026-01-31T12:00:00.000000000Z", ""),
    ],
)
def test_a_fraction_as_go_prints_it(timestamp: str, fraction: str) -> None:
    assert units.fraction_of(timestamp) == fraction
