"""A translation that nobody has looked at since its other side changed stops the build."""

from __future__ import annotations

import pytest

from lessons_lib.publish import seals
from lessons_lib.publish.source import parse


def faults(source: str) -> list[str]:
    return list(seals.broken(parse(source, "01-sums")))


def test_an_unsealed_unit_was_never_compared(sample: str) -> None:
    assert faults(sample) == [
        "notebooks/source/01-sums.md:1: “question”: nobody has compared its two languages yet"
    ]


def test_a_blessed_source_is_whole_and_says_the_same(sample: str) -> None:
    lesson = parse(sample, "01-sums")
    blessed = seals.bless(sample, lesson)
    assert faults(blessed) == []
    after = parse(blessed, "01-sums")
    assert [unit.key for unit in after.units] == [unit.key for unit in lesson.units]
    assert blessed.splitlines()[1:] == sample.splitlines()[1:]
    assert seals.bless(blessed, after, ["question"]) == blessed


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("What is two", "How much is two", "en has changed; look at ko"),
        ("더하면 얼마", "더하면 몇", "ko has changed; look at en"),
    ],
)
def test_the_broken_seal_names_the_side_to_look_at(
    sample: str, old: str, new: str, fault: str
) -> None:
    blessed = seals.bless(sample, parse(sample, "01-sums"))
    assert [line.split(": ")[-1] for line in faults(blessed.replace(old, new))] == [fault]


def test_code_and_whitespace_around_prose_break_no_seal(sample: str) -> None:
    blessed = seals.bless(sample, parse(sample, "01-sums"))
    assert faults(blessed.replace("2 + 2", "4").replace("<!-- en -->\n", "<!-- en -->\n\n")) == []


def test_only_prose_can_be_blessed(sample: str) -> None:
    with pytest.raises(KeyError, match="four"):
        seals.bless(sample, parse(sample, "01-sums"), ["four"])
