"""How a process grew into a container: a row a step, a column a world, from real looks.

A field is filled when the process has that world for itself after that step, and stands out in the
row in which it came. So reading downwards shows a container growing, and reading across what one
line of code is worth.
"""

from __future__ import annotations

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import LEAF, Shown
from lessons_lib.workbench import KINDS, Run, apart
from lessons_lib.worlds import OWN, SHARED

WORLDS = (*KINDS, "root", "power")
NEW = ("#8fb38a", LEAF)
MARGIN = 20
LABEL_WIDTH = 140
COLUMN = 68
STEP = 34
LEGEND = 34


def growth(run: Run) -> Shown:
    """The picture of what a process had for itself after each step of `run`, and the same in
    words.
    """
    assert run.before
    after = [apart(run.before, look) for look in run.looks]
    rows = list(zip(run.steps, [frozenset(), *after], after, strict=False))
    words = "\n".join(_in_words(*row) for row in rows)
    drawing = Drawing(
        2 * MARGIN + LABEL_WIDTH + COLUMN * len(WORLDS),
        2 * MARGIN + STEP * (len(rows) + 1) + LEGEND,
    )
    for number, world in enumerate(WORLDS):
        x = MARGIN + LABEL_WIDTH + COLUMN * number + COLUMN / 2 - 3
        drawing.text(x, MARGIN + 16, say(f"growth.{world}"), size=12.5, bold=True, anchor="middle")
    for number, row in enumerate(rows, start=1):
        _draw_row(drawing, MARGIN + STEP * number, *row)
    _draw_legend(drawing, MARGIN + STEP * (len(rows) + 1) + 12)
    return Shown(words, picture=drawing.svg(say("growth.title"), words))


def _in_words(step: str, before: frozenset[str], after: frozenset[str]) -> str:
    new = [say(f"growth.{world}") for world in WORLDS if world in after - before]
    return f"{step}: {say('growth.now', worlds=', '.join(new)) if new else say('growth.nothing')}"


def _draw_row(
    drawing: Drawing, y: float, step: str, before: frozenset[str], after: frozenset[str]
) -> None:
    drawing.text(MARGIN, y + 19, step, size=12.5, mono=True, room=LABEL_WIDTH)
    for number, world in enumerate(WORLDS):
        fill, edge = SHARED if world not in after else OWN if world in before else NEW
        x = MARGIN + LABEL_WIDTH + COLUMN * number
        drawing.box(x, y, COLUMN - 6, STEP - 6, fill=fill, edge=edge)


def _draw_legend(drawing: Drawing, y: float) -> None:
    x = float(MARGIN + LABEL_WIDTH)
    for key, (fill, edge) in (("shared", SHARED), ("new", NEW), ("own", OWN)):
        drawing.box(x, y, 16, 16, fill=fill, edge=edge)
        drawing.text(x + 24, y + 13, say(f"growth.{key}"), size=12)
        x += 3 * COLUMN
