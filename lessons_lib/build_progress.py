"""What a build did, step by step: its log as a table.

    image, log = engine.images.build(path=…)
    steps(log)            each instruction, and whether its layer is new, known, or none at all

While it runs, `build_live` shows the same table as far as it has come.

No times, digests or sizes: two builds of the same Dockerfile show the same, on any host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, FAINT, LEAF, Shown, code, escaped, listing, strong
from runtime.build import events

COLOURS = {
    "new": CLAY,
    "cached": LEAF,
    "settings": FAINT,
    "inherited": FAINT,
    "from-nothing": FAINT,
    "unfinished": FAINT,
    "running": BERRY,
}


@dataclass(slots=True)
class Step:
    """One instruction of a build, and what became of it: a key of COLOURS."""

    number: int
    total: int
    text: str
    became: str = "unfinished"


def steps(log: Iterable[events.Event]) -> Shown:
    """A table of the build's steps."""
    return steps_table(steps_of(log))


def steps_table(read: list[Step]) -> Shown:
    """A row for each step; the same bytes for the same steps."""
    head = [say(f"build_progress.{name}") for name in ("step", "instruction", "became")]
    plain = [
        [f"{step.number}/{step.total}", step.text, say(f"build_progress.{step.became}")]
        for step in read
    ]
    page = [
        [escaped(number), code(text), strong(became, COLOURS[step.became])]
        for step, (number, text, became) in zip(read, plain, strict=True)
    ]
    return listing(head, plain, page)


def steps_of(log: Iterable[events.Event]) -> list[Step]:
    """The steps that a build's events tell about, in their order."""
    found: list[Step] = []
    for event in log:
        match event:
            case events.StepStarted(number, total, text):
                found.append(Step(number, total, text))
            case events.LayerWritten():
                found[-1].became = "new"
            case events.StepCached():
                found[-1].became = "cached"
            case events.StepDone() if found[-1].became == "unfinished":
                found[-1].became = _without_layer(found[-1].text)
    return found


def _without_layer(instruction: str) -> str:
    """What became of a step that has made no layer: FROM brings those that it stands on."""
    match instruction.split()[:2]:
        case [word, "scratch"] if word.upper() == "FROM":
            return "from-nothing"
        case [word, *_] if word.upper() == "FROM":
            return "inherited"
        case _:
            return "settings"
