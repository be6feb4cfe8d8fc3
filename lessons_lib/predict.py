"""Predictions: said before the answer is seen, and laid beside it afterwards.

A guess that was written down teaches more than one that was only thought. `predict` keeps it in
the lesson's folder, so that a restarted kernel still knows it; `observed` sets the value that the
engine really gave beside it, and refuses to as long as there is no guess to compare with.

Both are plain calls: they need no widget, and so work in every viewer and in a grader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lessons_lib import folder
from lessons_lib.language import say
from lessons_lib.refusals import Refused
from lessons_lib.shown import BERRY, CLAY, FAINT, LEAF, MONO, Shown, card, escaped, strong

Answer = bool | int | float | str
"""What can be guessed and observed: a number, a word, or True and False."""


def predict(question: str, guess: Answer) -> Shown:
    """Store what the learner thinks, before the answer; a later guess replaces it.

    Raises Refused for a guess that is no number, word, True or False.
    """
    if not isinstance(guess, Answer):
        raise Refused("predict.no-answer", question=question)
    guesses = {**_guesses(), question: guess}
    folder.current().mkdir(parents=True, exist_ok=True)
    _file().write_text(json.dumps(guesses, sort_keys=True), "utf-8")
    words = say("predict.stored", guess=guess)
    return Shown(words, card(escaped(words), edge=CLAY))


def observed(question: str, value: Answer) -> Shown:
    """The guess beside what was really observed. Raises Refused if nothing was guessed."""
    guesses = _guesses()
    if question not in guesses:
        raise Refused("predict.not-yet", question=question)
    guess = guesses[question]
    right = guess == value and isinstance(guess, bool) == isinstance(value, bool)
    verdict = say("predict.right" if right else "predict.wrong")
    rows = [(say("predict.guess"), guess), (say("predict.observed"), value)]
    words = "\n".join([*(f"{name}: {answer}" for name, answer in rows), verdict])
    colour = LEAF if right else BERRY
    page = "".join(_beside(name, str(answer)) for name, answer in rows)
    return Shown(words, card(f"{page}<div>{strong(verdict, colour)}</div>", edge=colour))


def _beside(name: str, answer: str) -> str:
    """A name with its answer below it, large; the next one stands to its right."""
    style = f"font-family:{MONO};font-size:24px;line-height:1.3"
    return (
        f'<div style="display:inline-block;min-width:130px;margin:0 28px 6px 0">'
        f'<span style="color:{FAINT}">{escaped(name)}</span>'
        f'<div style="{style}">{escaped(answer)}</div></div>'
    )


def _guesses() -> Mapping[str, Answer]:
    """All stored guesses. A file that no longer can be read counts as none."""
    try:
        guesses: dict[str, Answer] = json.loads(_file().read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return guesses


def _file() -> Path:
    """In the folder of the lesson that is open."""
    return folder.current() / "predictions.json"
