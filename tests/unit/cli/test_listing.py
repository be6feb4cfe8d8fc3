"""Lists in docker's formats."""

from __future__ import annotations

import json

import pytest

from runtime.cli.listing import filters_of, show
from runtime.errors import InvalidInput

HEADERS = {"ID": "CONTAINER ID", "Names": "NAMES", "Label": lambda name: name.upper()}
ROWS = [
    {"ID": "0123456789ab", "Names": "web", "Label": lambda name: {"tier": "front"}.get(name, "")},
    {"ID": "ba9876543210", "Names": "\x1b[2J", "Label": lambda name: ""},
]


def shown(capsys: pytest.CaptureFixture[str], form: str | None) -> str:
    show(ROWS, HEADERS, ("ID", "Names"), form)
    return capsys.readouterr().out


@pytest.mark.parametrize("form", [None, "table", ""])
def test_a_table(capsys: pytest.CaptureFixture[str], form: str | None) -> None:
    assert shown(capsys, form) == (
        "CONTAINER ID   NAMES\n0123456789ab   web\nba9876543210   \\u001b[2J\n"
    )


@pytest.mark.parametrize("tab", ["\t", "\\t"])
def test_a_table_by_a_template(capsys: pytest.CaptureFixture[str], tab: str) -> None:
    form = f'table {{{{.Names}}}}{tab}{{{{.Label "tier"}}}}'
    assert shown(capsys, form) == "NAMES       TIER\nweb         front\n\\u001b[2J   \n"


def test_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "{{.ID}}\\t{{.Names}}").splitlines()[0] == "0123456789ab\tweb"


def test_json_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in shown(capsys, "json").splitlines()]
    assert lines[0] == {"ID": "0123456789ab", "Names": "web"}
    assert lines[1]["Names"] == "\x1b[2J"


def test_json_is_escaped_as_go_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"Digest": "<none>", "Names": "a&b"}], {}, (), "json")
    assert capsys.readouterr().out == '{"Digest":"\\u003cnone\\u003e","Names":"a\\u0026b"}\n'


def test_filters() -> None:
    words = ["status=exited", "label=a=b", "label=c"]
    assert filters_of(words) == {"status": ["exited"], "label": ["a=b", "c"]}
    with pytest.raises(InvalidInput, match="not a filter: exited"):
        filters_of(["exited"])
