"""Filters: values of one are alternatives (of labels: all must hold), filters all must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from runtime.engine.filters import has_labels, keep_containers, prune_test, until_ns
from runtime.engine.glance import Glance
from runtime.engine.image_filters import matches
from runtime.errors import InvalidInput, NotFound
from runtime.network.ports import Published, summary


@dataclass(frozen=True)
class Seen:
    """What a filter looks at. (A real Glance needs a row and an image; see tests/kernel.)"""

    id: str
    name: str
    status: str = "exited"
    exit_code: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    created_ns: int = 0
    health: str = "none"
    diff_ids: Sequence[str] = ()
    ports: Sequence[dict[str, Any]] = ()
    networks: tuple[str, ...] = ("none",)
    network_ids: tuple[str, ...] = ()
    mounts: tuple[dict[str, str], ...] = (
        {"Type": "volume", "Name": "site", "Source": "/…/_data", "Destination": "/srv"},
        {"Type": "bind", "Source": "/home", "Destination": "/mnt"},
    )


WEB = Seen(
    *("aaaa", "web", "running", None, {"tier": "front", "a": ""}),
    created_ns=1,
    health="healthy",
    ports=summary(("80/tcp", "53/udp"), [Published("", "", "tcp", "::", 4000, "10.0.0.2", 8005)]),
)
DB = Seen("abbb", "web-db", "exited", 0, {"tier": "back"}, created_ns=2)
JOB = Seen("cccc", "job", "exited", 137, created_ns=3)
NEW = Seen("dddd", "new", "created", created_ns=4, networks=("home", "work"), network_ids=("0123",))
EVERY = [WEB, DB, JOB, NEW]


def kept(**filters: Any) -> list[Seen]:
    found = keep_containers(cast("list[Glance]", EVERY), filters)
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
        ({"name": "^/web$"}, [WEB]),
        ({"before": "job"}, [WEB, DB]),
        ({"before": ["job", "web-db"]}, [WEB]),
        ({"since": "abb"}, [JOB, NEW]),
        ({"health": "healthy"}, [WEB]),
        ({"health": ["none"]}, [DB, JOB, NEW]),
        ({"network": "home"}, [NEW]),
        ({"network": "0123"}, [NEW]),
        ({"expose": "80"}, [WEB]),
        ({"expose": "53"}, []),
        ({"expose": "53/udp"}, [WEB]),
        ({"expose": "8005-8020/tcp"}, [WEB]),
        ({"volume": "x"}, []),
        ({"volume": "/…/_data"}, []),
        ({"volume": ["x", "site"]}, EVERY),
        ({"volume": "/srv"}, EVERY),
        ({"volume": "/home"}, EVERY),
        ({"publish": "80"}, []),
        ({"publish": "8005"}, []),
        ({"publish": "4000"}, [WEB]),
        ({"publish": "4000/udp"}, []),
        ({"publish": ["9", "3999-4001/tcp"]}, [WEB]),
        ({"publish": "9", "expose": "53/udp"}, [WEB]),
        ({"publish": "4000", "name": "job"}, []),
        ({"is-task": "false"}, EVERY),
        ({"is-task": "true"}, []),
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


@pytest.mark.parametrize(
    "filters",
    [
        {"status": "asleep"},
        {"health": "fine"},
        {"exited": "x"},
        {"is-task": "maybe"},
        {"expose": "web"},
    ],
)
def test_a_value_that_cannot_be(filters: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        kept(**filters)
    assert refusal.value.hint


def test_another_container_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="no such container: nobody"):
        kept(before="nobody")


def test_an_image_s_descendants() -> None:
    layers = {"base": ["1"], "scratch": []}
    seen = [Seen("a", "a", diff_ids=("1", "2")), Seen("b", "b", diff_ids=("3",))]
    every = cast("list[Glance]", [replace(each, diff_ids=[*each.diff_ids]) for each in seen])
    assert keep_containers(every, {"ancestor": "base"}, layers.get) == every[:1]
    assert keep_containers(every, {"ancestor": "scratch"}, layers.get) == every
    assert keep_containers(every, {"ancestor": "nothing"}, layers.get) == []


@pytest.mark.parametrize(
    ("filters", "goes"),
    [
        ({}, True),
        ({"label": "a"}, True),
        ({"label": "a=1"}, True),
        ({"label": ["a", "b"]}, False),
        ({"label!": "a"}, False),
        ({"label!": "b"}, True),
        ({"until": "1"}, False),
        ({"until": "1970-01-01T00:00:03Z"}, True),
        ({"until": "1h"}, True),
    ],
)
def test_what_a_prune_takes(filters: dict[str, Any], goes: bool) -> None:
    assert prune_test(filters)({"a": "1"}, 2 * 10**9) is goes


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1700000000", 1_700_000_000 * 10**9),
        ("1.5", 1_500_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000 * 10**9),
        ("2023-11-14T22:13:20.000000001Z", 1_700_000_000 * 10**9 + 1),
        ("2023-11-15T07:13:20+09:00", 1_700_000_000 * 10**9),
    ],
)
def test_moments(text: str, nanoseconds: int) -> None:
    assert until_ns(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "yesterday", "-1h", "2023-13-01", "12:00", "1d"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a moment"):
        until_ns(text)


@pytest.mark.parametrize(
    ("name", "pattern", "matched"),
    [
        ("web:1", "web", True),
        ("web:1", "web:1", True),
        ("web:1", "web:*", True),
        ("web:1", "w?b", True),
        ("web:1", "we", False),
        ("team/web:1", "*", False),
        ("team/web:1", "*/*", True),
        ("team/web:1", "team/[a-w]eb:[^1]", False),
        ("team/web:1", "team/[a-w]eb:[^2]", True),
        ("a.b:1", "a?b", True),
        ("axb:1", "a.b", False),
    ],
)
def test_patterns_of_names(name: str, pattern: str, matched: bool) -> None:
    assert matches(name, pattern) is matched


def test_labels_all_must_hold() -> None:
    assert has_labels({"a": "1", "b": ""}, ["a=1", "b", "b="])
    assert not has_labels({"a": "1"}, ["a=1", "b"])


def test_a_name_that_looks_like_an_id_is_a_name() -> None:
    first, last = Seen("c1aa", "other", created_ns=9), Seen("0123", "c1", created_ns=1)
    found = keep_containers(cast("list[Glance]", [first, last]), {"since": "c1"})
    assert cast("list[Seen]", found) == [first]
