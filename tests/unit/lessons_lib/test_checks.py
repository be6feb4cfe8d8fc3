"""Verdicts: what is earned, which mistake is named, and hints that come closer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest

from lessons_lib import checks
from lessons_lib.checks import VERDICT, Marks, Mistake, grade, judge
from lessons_lib.language import say
from runtime.errors import NotFound

LESSON = "03-images-and-containers"


def own_recipe(marks: Marks, state: str) -> None:
    """A grader with the name and the mistakes of a real one; the state is a word."""
    if state == "nothing":
        raise Mistake("no-image")
    if state == "gone":
        raise NotFound("no such image: {name}", name="lesson03/kimchi")
    if state == "odd":
        raise ZeroDivisionError("unforeseen")
    marks.earn(0.4)
    if state == "half":
        raise Mistake("no-chili")
    marks.earn(0.6)


@pytest.fixture(autouse=True)
def fresh_kernel() -> Iterator[None]:
    checks.forget_attempts()
    yield
    checks.forget_attempts()


def test_everything_right_earns_all_points() -> None:
    verdict = judge(own_recipe, "right", points=2)
    assert (verdict.score, verdict.points, verdict.hint) == (2.0, 2, "")


def test_what_was_right_before_the_mistake_counts() -> None:
    verdict = judge(own_recipe, "half")
    assert verdict.score == 0.4
    assert verdict.hint == f"{LESSON}.own-recipe.no-chili"


def test_a_verdict_says_observed_expected_and_what_to_do() -> None:
    words = judge(own_recipe, "half").shown("second").words
    for part in ("observed", "expected", "second"):
        assert say(f"{LESSON}.own-recipe.no-chili.{part}") in words


def test_programs_read_the_verdict() -> None:
    record = judge(own_recipe, "nothing").shown().data[VERDICT]
    assert record == {
        "exercise": "own-recipe",
        "score": 0.0,
        "points": 1.0,
        "hint": f"{LESSON}.own-recipe.no-image",
    }


def test_a_refusal_of_the_engine_is_explained_and_scores_nothing() -> None:
    verdict = judge(own_recipe, "gone")
    assert (verdict.score, verdict.hint) == (0.0, "checks.refused")
    assert "lesson03/kimchi" in verdict.shown().words


def test_a_bug_in_a_grader_never_gives_points() -> None:
    verdict = judge(own_recipe, "odd")
    assert (verdict.score, verdict.hint) == (0.0, "checks.broken")
    assert "ZeroDivisionError" in verdict.shown().words


def test_hints_come_closer_with_the_same_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(checks, "display", lambda shown: said.append(shown.words))
    for state in ("half", "half", "nothing", "half", "half"):
        grade(own_recipe, state)
    steps = [
        next(
            (step for step in checks.STEPS if say(f"{LESSON}.own-recipe.{name}.{step}") in words),
            "",
        )
        for name, words in zip(
            ("no-chili", "no-chili", "no-image", "no-chili", "no-chili"), said, strict=True
        )
    ]
    assert steps == ["first", "second", "first", "third", "third"]


def test_grading_returns_the_score_and_keeps_stderr_silent() -> None:
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
        scores = [grade(own_recipe, state) for state in ("right", "half", "nothing", "odd")]
    assert scores == [1.0, 0.4, 0.0, 0.0]
    assert all(isinstance(score, float) for score in scores)
    assert stderr.getvalue() == ""
