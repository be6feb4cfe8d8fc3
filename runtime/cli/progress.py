"""What happens while one waits for base images: a line that is rewritten on a terminal, plain
lines elsewhere; on standard error. What a build says is `build_progress`'s.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from runtime.cli import console
from runtime.cli.messages import translate
from runtime.cli.table import cut

BAR_WIDTH = 24
ERASE_TO_END = "\x1b[K"


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
