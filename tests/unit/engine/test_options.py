"""The table of options: every row has its names once, and what does not work is refused."""

from __future__ import annotations

from collections import Counter

import pytest

from runtime.cli.container_flags import OF_THE_ENGINE
from runtime.container.bundle import Request
from runtime.engine.options import OPTIONS, members, named, read_options, refuse_conflicts, works
from runtime.errors import Conflict, InvalidInput

TWICE = ("restart", "volume")
"""Flags whose value fills two fields."""


def test_every_field_flag_and_member_stands_in_one_row() -> None:
    for column in ("field", "flag", "member"):
        names = Counter(getattr(option, column) for option in OPTIONS if getattr(option, column))
        assert [name for name, count in names.items() if count > 1 and name not in TWICE] == []


def test_every_flag_of_the_table_is_on_the_command_line() -> None:
    assert {option.flag for option in OPTIONS} == {flag.long for flag in OF_THE_ENGINE}


def test_every_field_of_a_request_has_its_row() -> None:
    asked_elsewhere = {"image", "command", "shell"}  # two have words of their own, one the image
    fields = set(Request.__dataclass_fields__) - asked_elsewhere
    assert fields <= {option.field for option in OPTIONS}


def test_keywords_become_fields() -> None:
    options = {"mem_limit": "64m", "environment": {"A": 1}, "remove": True, "user": 7}
    fields = read_options(options)
    assert fields == {
        "memory_bytes": 64 << 20,
        "environment": ("A=1",),
        "auto_remove": True,
        "user": "7",
    }


def test_what_asks_for_nothing_is_not_asked() -> None:
    assert read_options({"user": None, "auto_remove": False, "ports": None}) == {}


def test_an_option_that_does_not_work_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="not supported yet: storage_opt"):
        read_options({"storage_opt": {"size": "1g"}})


def test_a_keyword_that_docker_does_not_have() -> None:
    with pytest.raises(TypeError, match="memory_limit"):
        read_options({"memory_limit": 1})
    assert [option.field for option in named("network_mode")] == ["network"]


def test_a_request_is_the_same_after_json() -> None:
    given = {"entrypoint": [], "labels": {"a": "b"}, "environment": ["A=1"], "stop_timeout": 3}
    request = Request(image="x", **read_options(given))
    assert Request.from_json(request.to_json()) == request


def test_a_request_of_an_older_version_is_still_read() -> None:
    assert Request.from_json('{"image": "x"}') == Request(image="x")


def test_what_host_config_shows() -> None:
    request = Request("x", **read_options({"mem_limit": 8 << 20, "auto_remove": True}))
    assert dict(members(request)) == {"AutoRemove": True, "Memory": 8 << 20}


@pytest.mark.skipif(
    not all(works(option) for option in named("restart_policy")), reason="not there yet"
)
def test_restarting_what_is_to_be_removed_makes_no_sense() -> None:
    options = read_options({"restart_policy": "always", "auto_remove": True})
    with pytest.raises(Conflict):
        refuse_conflicts(Request("x", **options))
