"""A build while it runs: which step it is at, and what its command writes just now.

    with show.progress() as progress:
        engine.images.build(path=…, progress=progress)

In a notebook the table of steps grows in its place, with the last lines of output below it. At the
end it makes room for the finished table, which holds no time and no size and so is the same at
every run. The place itself ends as it began, empty: nbval sees a display's first picture, a stored
notebook its last. Where nothing can be redrawn, each event is a line.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from IPython.core.getipython import get_ipython
from IPython.display import display

from lessons_lib.build_progress import steps_of, steps_table
from lessons_lib.language import say
from lessons_lib.shown import FAINT, INK, MONO, PAPER, Shown, card, escaped
from runtime.build import events

SHOWN_LINES = 6
"""How many of a command's last lines are seen while it runs."""

REDRAW_S = 0.1
EMPTY = Shown("")


class Progress(Protocol):
    """What a build tells its events to, for as long as it is open."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, event: events.Event) -> None: ...


def progress() -> Progress:
    """A place for a build that is about to run: redrawn in a notebook, else line by line."""
    return Redrawn() if getattr(get_ipython(), "kernel", None) else Lines()


class Redrawn:
    """One place of a notebook that shows the build as it is now; at its end, the table of it."""

    def __init__(self) -> None:
        self._log: list[events.Event] = []
        self._tail = Tail()
        self._drawn_at = 0.0
        self._place: Any = None

    def __enter__(self) -> Redrawn:
        self._place = display(EMPTY, display_id=True)
        return self

    def __call__(self, event: events.Event) -> None:
        """Take in one event. A command that writes much is not redrawn for each line."""
        self._log.append(event)
        self._tail.take(event)
        now = time.monotonic()
        if isinstance(event, events.Output) and now - self._drawn_at < REDRAW_S:
            return
        self._drawn_at = now
        self._place.update(_now(self._log, self._tail.lines))

    def __exit__(self, *_: object) -> None:
        """Whatever happened, the table is the last word; with it what a failed command wrote."""
        self._place.update(EMPTY)
        display(_with_lines(steps_table(steps_of(self._log)), self._tail.lines))


class Lines:
    """The same for a log or a pipe: each event is a line, and stays."""

    def __init__(self) -> None:
        self._begun = ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """A line that a command has begun is written, too."""
        self._end_line()

    def __call__(self, event: events.Event) -> None:
        """Write one event down."""
        match event:
            case events.StepStarted(number, total, text):
                print(f"[{number}/{total}] {text}", flush=True)
            case events.Output(_, data):
                *whole, self._begun = (self._begun + data.decode(errors="replace")).split("\n")
                for line in whole:
                    print(f"    {harmless(line)}", flush=True)
            case events.LayerWritten() | events.StepCached():
                self._end_line()
                became = "new" if isinstance(event, events.LayerWritten) else "cached"
                print(f"    → {say(f'build_progress.{became}')}", flush=True)

    def _end_line(self) -> None:
        if self._begun:
            print(f"    {harmless(self._begun)}", flush=True)
        self._begun = ""


class Tail:
    """The last lines of the command that runs now; none once its step is done."""

    def __init__(self) -> None:
        self._whole: deque[str] = deque(maxlen=SHOWN_LINES)
        self._begun = ""

    @property
    def lines(self) -> list[str]:
        """From the oldest to the one that may still grow."""
        found = [*self._whole, self._begun] if self._begun else [*self._whole]
        return [harmless(line) for line in found[-SHOWN_LINES:]]

    def take(self, event: events.Event) -> None:
        """Keep what is written; forget it when a step begins or ends."""
        match event:
            case events.Output(_, data):
                *whole, self._begun = (self._begun + data.decode(errors="replace")).split("\n")
                self._whole.extend(whole)
            case events.StepStarted() | events.StepDone():
                self._whole.clear()
                self._begun = ""


def harmless(line: str) -> str:
    """What a command wrote, without what would move a cursor or change colours."""
    return "".join(char if char.isprintable() else "·" for char in line.rstrip("\r"))


def _now(log: Iterable[events.Event], lines: list[str]) -> Shown:
    """The build as it is now: the step that has no end yet is under way."""
    found = steps_of(log)
    if found and found[-1].became == "unfinished":
        found[-1].became = "running"
    return _with_lines(steps_table(found), lines)


def _with_lines(table: Shown, lines: list[str]) -> Shown:
    """The table, and below it what a command has written."""
    if not lines:
        return table
    style = f"margin:0;background:{PAPER};color:{INK};font-family:{MONO};white-space:pre-wrap"
    written = escaped("\n".join(lines))
    page = table.page + card(f'<pre style="{style}">{written}</pre>', edge=FAINT)
    return Shown("\n".join([table.words, *(f"    {line}" for line in lines)]), page)
