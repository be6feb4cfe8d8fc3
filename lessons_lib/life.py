"""A container's life as a picture: the states it has been in, and what led from one to the next.

Nothing is told by heart. The events come from the engine's journal, and the states follow from them
by the engine's own table (`runtime.container.state.TRANSITIONS`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, FAINT, INK, LEAF, RULE, Shown, words_table
from runtime.container import journal
from runtime.container.state import TRANSITIONS, Status
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
    for event in _events(container):
        target = next(
            (
                change.target
                for change in TRANSITIONS.values()
                if change.event == event.action and stay.state in change.sources
            ),
            None,
        )
        stay.events.append(_name(event))
        if target is not None:
            yield stay
            stay = Stay(target)
    yield stay


def _events(container: Container) -> list[journal.Event]:
    """All that the journal says about it after its creation, but for what was run in it."""
    database = container.records.database
    found = journal.events_of(database, container.id)
    return [each for each in found if not each.action.startswith(("create", "exec_"))]


def _name(event: journal.Event) -> str:
    number = event.attributes.get(TOLD.get(event.action, ""), "")
    return f"{event.action} {number}".rstrip()


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
    drawing.text(x + BOX / 2, y + 41, stay.state, size=12, colour=colour, anchor="middle", mono=True)
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
