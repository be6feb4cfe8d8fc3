"""What happens while one waits: a line that is rewritten on a terminal, plain lines elsewhere.

A build's steps are part of its output; the making of base images is told on standard error.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from runtime.build import events
from runtime.cli import console, units
from runtime.cli.messages import translate
from runtime.cli.table import cut

BAR_WIDTH = 24
ERASE_TO_END = "\x1b[K"


class BuildLog:
    """Draws the events of a build in the order in which they happen, as docker's builder does."""

    def __init__(self) -> None:
        self._within_line = False

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(number, total, text):
                self._line(f"Step {number}/{total} : {text}")
            case events.StepCached(diff_id):
                self._line(f" ---> {translate('Using cache')} {diff_id.short}")
            case events.Output(_, data):  # both streams to one, as docker does: they keep order
                console.pass_on(data)
                self._within_line = not data.endswith(b"\n")
            case events.LayerWritten(diff_id, size_bytes):
                self._line(f" ---> {diff_id.short} ({units.human_size(size_bytes)})")
            case events.UnusedBuildArguments(names):
                self._line(
                    translate("[Warning] build arguments without an ARG: {names}").format(
                        names=", ".join(names)
                    )
                )

    def _line(self, text: str) -> None:
        """A line of its own, also after a command that did not end its last one."""
        if self._within_line:
            console.say()
        self._within_line = False
        console.say(text)
        sys.stdout.flush()


Progress = Callable[[str, int, int], None]
"""Gets what is being done, how many parts of it are done, and of how many."""


@contextlib.contextmanager
def bootstrap_progress() -> Iterator[Progress]:
    """Tells on standard error how far the base images are; the last line stays."""
    bar = Bar() if sys.stderr.isatty() else PlainLines()
    try:
        yield bar.show
    finally:
        bar.close()


class PlainLines:
    """For a file, a pipe or a notebook: one line for each thing that is done."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, what: str, done: int, total: int) -> None:
        """A new line only when it is about something new."""
        if what != self._last:
            self._last = what
            console.warn(translate(what))

    def close(self) -> None:
        """Nothing is left open."""


class Bar:
    """For a terminal: one line, rewritten in place."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, what: str, done: int, total: int) -> None:
        """Draw the present state over the one before."""
        if self._last not in ("", what):
            print(file=sys.stderr)
        self._last = what
        filled = BAR_WIDTH * done // max(total, 1)
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        text = cut(console.harmless(translate(what), keep=""), 50)
        print(f"\r{bar} {done}/{total} {text}{ERASE_TO_END}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line."""
        if self._last:
            print(file=sys.stderr)
