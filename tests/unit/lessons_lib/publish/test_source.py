"""The format of docs/CONTRIBUTING.md, read as it is described there."""

from __future__ import annotations

import re

import pytest

from lessons_lib.publish.source import Code, Exercise, Grade, Prose, SourceError, parse


def test_units_keep_their_order_kinds_and_lines(sample: str) -> None:
    lesson = parse(sample, "01-sums")
    assert [unit.key for unit in lesson.units[:5]] == [
        *("question", "language", "meant-to-fail", "four", "four-grade")
    ]
    kinds = [type(unit) for unit in lesson.units[:5]]
    assert kinds == [Prose, Code, Code, Exercise, Grade]
    lines = sample.splitlines()
    assert all(unit.key in lines[unit.line - 1] for unit in lesson.units)
    assert lesson.title("ko") == "덧셈"
    assert [answer.right for answer in lesson.answers("four")] == [False, False, False, True]


def test_the_stub_keeps_what_stands_before_the_solution_and_never_the_solution(sample: str) -> None:
    (exercise,) = parse(sample, "01-sums").exercises
    assert exercise.stub == "four = None  # a number\n# YOUR CODE HERE"
    assert exercise.with_answer("four = 5") == "four = None  # a number\nfour = 5"


def test_the_stub_is_indented_like_the_solution() -> None:
    assert Exercise("k", 1, "def f():", "    return 1", "f()").stub == (
        "def f():\n    # YOUR CODE HERE\nf()"
    )


def test_a_mark_inside_a_fence_is_text(sample: str) -> None:
    shown = "````markdown\n<!-- code: not-a-unit -->\n```python\n```\n````"
    source = sample.replace("얼마일까요?", f"얼마일까요?\n\n{shown}\n")
    assert shown in next(u for u in parse(source, "x").units if isinstance(u, Prose)).text["ko"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<!-- prose: question -->", "hello\n<!-- prose: question -->", "text before any unit"),
        ("<!-- code: language -->", "<!-- code:language -->", "not a mark"),
        ("<!-- code: language -->", "<!-- cod: language -->", "no kind of unit"),
        ("<!-- code: language -->", "<!-- code: Language -->", "is no key"),
        ("<!-- code: language -->", "<!-- code: language tag=x -->", "no option tag"),
        ("<!-- code: language -->", "<!-- code: question -->", "is there twice"),
        ("<!-- en -->", "<!-- code: en -->", "prose is"),
        ("# Sums", "Sums", "no # title in en"),
        ("current()\n```", "current()\n```\nmore", "one ```python fence"),
        ("current()\n", "current()\n" * 12, "up to 12 lines"),
        ("### END SOLUTION", "# end", "one ### BEGIN SOLUTION"),
        ("four = 2 + 2\n", "", "the solution is empty"),
        (" points=2", "", "needs points=…"),
        ("kind=right", "kind=fine", "kind is right or wrong"),
        ("exercise=four points", "exercise=five points", "no exercise “five”"),
        ("much-too-big exercise=four kind=wrong", "big exercise=four kind=right", "three wrong"),
        ("kind=right", "kind=wrong hint=h", "another way"),
        (" hint=sums.four.less", "", "needs hint=…"),
    ],
)
def test_a_mistake_is_refused_by_name(sample: str, old: str, new: str, fault: str) -> None:
    assert old in sample
    with pytest.raises(SourceError, match=re.escape(fault)) as refused:
        parse(sample.replace(old, new, 1), "01-sums")
    assert str(refused.value).startswith(f"notebooks/source/01-sums.md:{refused.value.line}: ")


def test_a_lesson_begins_with_prose() -> None:
    with pytest.raises(SourceError, match="begins with prose"):
        parse("", "01-sums")
