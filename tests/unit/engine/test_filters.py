"""Filters: values of one are alternatives (of labels: all must hold), filters all must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from runtime.engine.container import Container
from runtime.engine.filters import keep_containers
from runtime.errors import InvalidInput


@dataclass(frozen=True)
class Seen:
    """What a filter looks at. (A real Container needs an image; see tests/kernel.)"""

    id: str
    name: str
    status: str = "exited"
    exit_code: int | None = None
    labels: dict[str, str] = field(default_factory=dict)


WEB = Seen("aaaa", "web", "running", None, {"tier": "front", "a": ""})
DB = Seen("abbb", "web-db", "exited", 0, {"tier": "back"})
JOB = Seen("cccc", "job", "exited", 137)
NEW = Seen("dddd", "new", "created")
EVERY = [WEB, DB, JOB, NEW]


def kept(**filters: Any) -> list[Seen]:
    found = keep_containers(cast("list[Container]", EVERY), filters)
    return cast("list[Seen]", found)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, EVERY),
        ({"name": "web"}, [WEB, DB]),
        ({"name": "^web$"}, [WEB]),
        ({"name": ["job", "new"]}, [JOB, NEW]),
        ({"name": "[jn]"}, [JOB, NEW]),
        ({"id": "a"}, [WEB, DB]),
        ({"id": "aaaa"}, [WEB]),
        ({"id": "aa$"}, []),
        ({"status": "exited"}, [DB, JOB]),
        ({"status": ["running", "created"]}, [WEB, NEW]),
        ({"label": "tier"}, [WEB, DB]),
        ({"label": "tier=front"}, [WEB]),
        ({"label": ["tier", "a"]}, [WEB]),
        ({"label": "a="}, [WEB]),
        ({"label": "tier="}, []),
        ({"exited": 0}, [DB]),
        ({"exited": "137"}, [JOB]),
        ({"exited": [0, 137]}, [DB, JOB]),
        ({"status": "exited", "name": "web"}, [DB]),
        ({"name": []}, []),
    ],
)
def test_who_stays(filters: dict[str, Any], expected: list[Seen]) -> None:
    assert kept(**filters) == expected


def test_a_filter_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(InvalidInput, match="there is no filter colour") as refusal:
        kept(colour="blue")
    assert "status" in refusal.value.hint


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(InvalidInput, match=r"not a pattern: \("):
        kept(name="(")
