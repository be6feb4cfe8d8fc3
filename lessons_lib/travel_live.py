"""An image while it travels: how far each of its layers is.

    with show.travel() as progress:
        engine.images.pull(name, progress=progress)

In a notebook a table with a row for each layer is redrawn in its place. At the end it makes room
for one that says what has become of each, without times and sizes, so that it is the same at every
run; the place itself ends as it began, empty (see `build_live`). Where nothing can be redrawn, each
thing that has happened is a line.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from lessons_lib.build_live import EMPTY, REDRAW_S
from lessons_lib.language import current, say
from lessons_lib.shown import Shown, code, escaped, listing
from runtime.cli.messages import in_korean
from runtime.cli.transfer import Lines
from runtime.registry.progress import Progress, Tell

BAR_WIDTH = 24


@contextlib.contextmanager
def travel() -> Iterator[Tell]:
    """A place for an image that is about to be pulled or pushed: what to tell its messages to."""
    if not getattr(get_ipython(), "kernel", None):
        yield Lines(sys.stdout)
        return
    with redrawn() as layers:
        yield layers


@contextlib.contextmanager
def redrawn() -> Iterator[Tell]:
    """The same, in a notebook. Whatever happened, the layers as they are then are the last word."""
    place = display(EMPTY, display_id=True)
    layers = Layers(place)
    try:
        yield layers
    finally:
        place.update(EMPTY)
        display(layers.table)


class Layers:
    """What is known of each layer, drawn at `place` whenever it changes. The messages come from
    several threads, one for each layer that is under way.
    """

    def __init__(self, place: Any) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._last: dict[str, Progress] = {}
        self._drawn_s = 0.0

    def __call__(self, message: Progress) -> None:
        """Take in one message. A layer that only moves on is not redrawn each time."""
        if not message.id or not message.status:
            return
        with self._lock:
            self._last[message.id] = message
            is_moving = 0 < message.current < message.total
            if is_moving and time.monotonic() - self._drawn_s < REDRAW_S:
                return
            self._drawn_s = time.monotonic()
            self._place.update(self.table)

    @property
    def table(self) -> Shown:
        """A row for each layer: its short digest, what it is at, and how far."""
        head = [say(f"travel_live.{name}") for name in ("layer", "became", "moved")]
        rows = [[each.id, _said(each), _bar(each)] for each in self._last.values()]
        page = [[code(layer), escaped(became), code(bar)] for layer, became, bar in rows]
        return listing(head, rows, page)


def _said(message: Progress) -> str:
    return in_korean(message.status) if current() == "ko" else message.status


def _bar(message: Progress) -> str:
    """Nothing, for a layer that does not move."""
    if not message.total:
        return ""
    filled = min(BAR_WIDTH * message.current // message.total, BAR_WIDTH)
    return "█" * filled + "░" * (BAR_WIDTH - filled)
