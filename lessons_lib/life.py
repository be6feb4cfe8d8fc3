"""A container's life as a picture: the states it has been in, and what led from one to the next.

Nothing is told by heart. The events come from the engine's journal, and the states follow from them
by the engine's own table (`runtime.container.state.TRANSITIONS`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, FAINT, INK, LEAF, RULE, Shown, words_table
from runtime.container.state import TRANSITIONS, Status
from runtime.engine import Engine
from runtime.engine.container import Container

MARGIN = 20
LABEL_WIDTH = 110
BOX = 92
STEP = 96
ROW = 74

COLOURS: Mapping[str, str] = {
    Status.CREATED: FAINT,
    Status.RUNNING: LEAF,
    Status.PAUSED: CLAY,
    Status.EXITED: INK,
    Status.RESTARTING: CLAY,
}

TOLD: Mapping[str, str] = {"kill": "signal", "die": "exitCode"}
"""Events with a number that belongs to them."""


@dataclass(slots=True)
class Stay:
    """A time in one state, and what happened before the next one began."""

    state: str
    events: list[str] = field(default_factory=list)


def life(*containers: Container) -> Shown:
    """One line a container: its states in their order, and between them the journal's events."""
    lives = [(each.name, list(stays(each))) for each in containers]
    words = words_table([[name, _in_words(line)] for name, line in lives])
    return Shown(words, picture=_picture(lives, words))


def stays(container: Container) -> Iterator[Stay]:
    """The states that a container has been in, from the journal and the table."""
    stay = Stay(Status.CREATED)
    events = _events(container)
    for number, event in enumerate(events, 1):
        stay.events.append(_name(event))
        targets = _targets(stay.state, event["Action"])
        if targets:
            yield stay
            last = number == len(events) and container.status in targets
            stay = Stay(container.status if last else _likeliest(targets))
    yield stay


def _targets(state: str, action: str) -> list[str]:
    """Where an event can lead from a state, by the engine's table; empty if it stays there."""
    return [
        change.target
        for change in TRANSITIONS.values()
        if change.event == action and state in change.sources
    ]


def _likeliest(targets: list[str]) -> str:
    """One event, `die`, leads to several states: who has died has, as a rule, exited."""
    return Status.EXITED if Status.EXITED in targets else targets[0]


def _events(container: Container) -> list[dict[str, Any]]:
    """All that the journal says about it after its creation, but for what was run in it."""
    found = Engine().events(since=0, filters={"container": container.id}, decode=True, follow=False)
    return [each for each in found if not each["Action"].startswith(("create", "exec_"))]


def _name(event: Mapping[str, Any]) -> str:
    action = event["Action"]
    number = event["Actor"]["Attributes"].get(TOLD.get(action, ""), "")
    return f"{action} {number}".rstrip()


def _in_words(line: list[Stay]) -> str:
    parts = []
    for stay in line:
        parts.append(stay.state)
        if stay.events:
            parts.append(f"({', '.join(stay.events)})")
    return " → ".join(parts)


def _picture(lives: list[tuple[str, list[Stay]]], words: str) -> str:
    longest = max(len(line) for _, line in lives)
    wide = 2 * MARGIN + LABEL_WIDTH + longest * (BOX + STEP)
    drawing = Drawing(wide, 2 * MARGIN + ROW * len(lives))
    for row, (name, line) in enumerate(lives):
        y = MARGIN + row * ROW
        drawing.text(MARGIN, y + 40, name, bold=True, room=LABEL_WIDTH - 8)
        for column, stay in enumerate(line):
            last = column == len(line) - 1
            _draw_stay(drawing, MARGIN + LABEL_WIDTH + column * (BOX + STEP), y, stay, last)
    return drawing.svg(say("life.title"), words)


def _draw_stay(drawing: Drawing, x: float, y: float, stay: Stay, last: bool) -> None:
    """A state's box, and the way out of it with its events above the line, the last one nearest."""
    colour = COLOURS.get(stay.state, BERRY)
    drawing.box(x, y + 22, BOX, 28, fill="#ffffff", edge=colour)
    drawing.text(
        x + BOX / 2, y + 41, stay.state, size=12, colour=colour, anchor="middle", mono=True
    )
    if not stay.events:
        return
    drawing.line(x + BOX, y + 36, x + BOX + STEP, y + 36, colour=RULE if last else INK, dashed=last)
    for step, event in enumerate(reversed(stay.events[-3:])):
        drawing.text(
            *(x + BOX + STEP / 2, y + 31 - step * 13, event),
            size=11,
            colour=FAINT if last else INK,
            anchor="middle",
            mono=True,
        )
