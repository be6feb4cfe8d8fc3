"""What the health checks of a container found: the last ones, and what the engine concludes.

    show.health(container)              the last five checks, of which docker keeps no more
    show.health(container, last=2)      only so many of them

Read from what `docker inspect` shows under State.Health.
"""

from __future__ import annotations

from typing import Any

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, FAINT, INK, LEAF, Shown
from runtime.engine.container import Container

MARGIN, LABEL_WIDTH, STEP, HIGH = 20, 190, 96, 92
COLOURS = {"healthy": LEAF, "unhealthy": BERRY, "starting": CLAY}


KEPT = 5
"""Checks that docker remembers."""


def health(container: Container, last: int = KEPT) -> Shown:
    """The status, and the `last` checks, the oldest first: exit code and what was said."""
    container.reload()
    found = container.attrs["State"].get("Health")
    if not found:
        return Shown(say("health.none", name=container.name))
    checks = [(int(each["ExitCode"]), _said(each)) for each in found["Log"][-last:]]
    told = [say("health.check", code=code, said=said or "–") for code, said in checks]
    words = "\n".join([say("health.status", name=container.name, status=found["Status"]), *told])
    return Shown(words, picture=_picture(container.name, found["Status"], checks, words))


def _said(check: dict[str, Any]) -> str:
    """The last line that the check wrote."""
    lines = str(check["Output"]).strip().splitlines()
    return lines[-1] if lines else ""


def _picture(name: str, status: str, checks: list[tuple[int, str]], words: str) -> str:
    step = STEP * KEPT / max(1, len(checks))  # the fewer there are, the more of their words
    wide = 2 * MARGIN + LABEL_WIDTH + STEP * KEPT
    drawing = Drawing(wide, HIGH)
    drawing.text(MARGIN, 40, name, bold=True, room=LABEL_WIDTH - 10)
    drawing.text(MARGIN, 62, status, colour=COLOURS.get(status, INK), mono=True)
    for number, (code, said) in enumerate(checks):
        x = MARGIN + LABEL_WIDTH + number * step
        colour = BERRY if code else LEAF
        drawing.box(x, 22, STEP - 14, 30, fill="#ffffff", edge=colour)
        sign = f"✗ {code}" if code else "✓ 0"
        middle = x + (STEP - 14) / 2
        drawing.text(middle, 42, sign, colour=colour, anchor="middle", mono=True)
        drawing.text(x, 70, said, size=11, colour=FAINT, room=step - 8)
    return drawing.svg(say("health.title", name=name), words)
