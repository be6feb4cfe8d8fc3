"""Log drivers and their options: docker's names and sizes."""

from __future__ import annotations

import pytest

from runtime.container.log import Limits
from runtime.container.log_options import LogOptions, read_log_options
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("driver", "options", "limits"),
    [
        ("json-file", {}, Limits(0, 1)),
        ("json-file", {"max-size": "10m", "max-file": "3"}, Limits(10_000_000, 3)),
        ("json-file", {"max-size": "1.5kb"}, Limits(1500, 1)),
        ("json-file", {"max-size": "-1"}, Limits(0, 1)),
        ("json-file", {"compress": "false", "labels": "a", "env": "B"}, Limits(0, 1)),
        ("local", {}, Limits(20_000_000, 5)),
        ("local", {"max-file": "2"}, Limits(20_000_000, 2)),
    ],
)
def test_limits(driver: str, options: dict[str, str], limits: Limits) -> None:
    found = read_log_options(driver, options)
    assert found == LogOptions(limits, False)
    assert LogOptions.of(found.annotations()) == found


def test_none_keeps_nothing() -> None:
    assert read_log_options("none", {}).only_heard
    assert LogOptions.of({}) == LogOptions()


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("syslog", {}),
        ("json-file", {"max-sizes": "1"}),
        ("json-file", {"max-size": "0"}),
        ("json-file", {"max-size": "much"}),
        ("json-file", {"max-file": "0"}),
        ("json-file", {"compress": "true"}),
        ("none", {"max-size": "1m"}),
    ],
)
def test_refused(driver: str, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        read_log_options(driver, options)
