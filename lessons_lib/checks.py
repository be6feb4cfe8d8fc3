"""Exercises graded by what is there, never by what was typed.

A grader looks at images, layers and containers, collects points, and stops at the first thing that
is not as it should be by raising the `Mistake` that it recognised:

    def own_recipe(marks: Marks, engine: Engine) -> None:
        image = wanted_image(engine, "lesson03/spicy")      # Mistake("no-image")
        marks.earn(0.5)
        if "chili" not in printed(image):
            raise Mistake("tasteless", observed=…)
        marks.earn(0.5)

So every right way passes, and a wrong one hears about itself: what was observed, what was expected
and a hint for this very mistake. Making the same mistake again gives the next of three hints; a
new mistake starts with its first one.

`grade` never raises and writes nothing to stderr: nbgrader would score such a cell with 0.
The texts are tables of the lesson's catalogue, with the keys observed, expected, first, second and
third.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from IPython.display import display

from lessons_lib.language import say
from lessons_lib.refusals import in_words
from lessons_lib.shown import BERRY, LEAF, Shown, card, escaped, strong
from runtime.errors import OnggiError

VERDICT = "application/vnd.onggi.verdict+json"
"""The form of a verdict that tests and graders read (docs/CONTRIBUTING.md)."""

STEPS = ("first", "second", "third")

_met: Counter[str] = Counter()
"""How often this kernel has met each mistake. A restarted kernel begins with the first hint."""


class Mistake(Exception):
    """What a grader recognised: `name` within the exercise, and the facts that its texts tell."""

    def __init__(self, name: str, **facts: object) -> None:
        super().__init__(name)
        self.name = name
        self.facts = facts


@dataclass(slots=True)
class Marks:
    """The share of an exercise that has been shown to be right, from 0 to 1."""

    share: float = 0.0

    def earn(self, share: float) -> None:
        """Add what the last check was worth. All shares of a grader add up to 1."""
        self.share += share


@dataclass(frozen=True, slots=True)
class Verdict:
    """One attempt: `score` of `points`, and the key of the mistake (empty: none)."""

    exercise: str
    score: float
    points: float
    hint: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def shown(self, step: str = "first") -> Shown:
        """The verdict as a card, in words, and for programs."""
        title = say("checks.done" if not self.hint else "checks.not-yet")
        told = [
            (say(f"checks.{part}"), say(f"{self.hint}.{key}", **self.facts))
            for part, key in (("observed",) * 2, ("expected",) * 2, ("next", step))
            if self.hint
        ]
        words = "\n".join([title, *(f"{name}: {text}" for name, text in told)])
        colour = BERRY if self.hint else LEAF
        lines = [strong(title, colour), *(f"<b>{escaped(n)}</b>: {escaped(t)}" for n, t in told)]
        return Shown(words, card("<br>".join(lines), edge=colour), data={VERDICT: self._record()})

    def _record(self) -> dict[str, object]:
        return {
            "exercise": self.exercise,
            "score": self.score,
            "points": self.points,
            "hint": self.hint or None,
        }


def grade(grader: Callable[..., None], *answer: Any, points: float = 1.0) -> float:
    """Show what `grader` says about the state (and about `answer`); the score, up to `points`."""
    verdict = judge(grader, *answer, points=points)
    display(verdict.shown(_next_step(verdict.hint)))
    return verdict.score


def judge(grader: Callable[..., None], *answer: Any, points: float = 1.0) -> Verdict:
    """The same without showing anything and without counting the attempt."""
    exercise = grader.__name__.replace("_", "-")
    marks = Marks()
    try:
        grader(marks, *answer)
    except Mistake as mistake:
        hint = f"{_lesson_of(grader)}.{exercise}.{mistake.name}"
        return Verdict(exercise, _score(marks, points), points, hint, mistake.facts)
    except OnggiError as refusal:
        said = {"refusal": in_words(refusal)}
        return Verdict(exercise, _score(marks, points), points, "checks.refused", said)
    except Exception as bug:  # noqa: BLE001  (a grader's bug must not look like full marks)
        said = {"bug": f"{type(bug).__name__}: {bug}"}
        return Verdict(exercise, 0.0, points, "checks.broken", said)
    return Verdict(exercise, _score(marks, points), points)


def forget_attempts() -> None:
    """Begin with the first hints again, as a restarted kernel does."""
    _met.clear()


def _score(marks: Marks, points: float) -> float:
    return round(marks.share * points, 2)


def _lesson_of(grader: Callable[..., None]) -> str:
    """The catalogue of the lesson: graders of 03-images-and-containers stand in a module that
    says so in `LESSON`."""
    return str(grader.__globals__["LESSON"])


def _next_step(hint: str) -> str:
    """Which of the three hints is due now."""
    step = STEPS[min(_met[hint], len(STEPS) - 1)]
    _met[hint] += 1
    return step
