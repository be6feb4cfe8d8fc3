"""What a build says while it runs: for a terminal, a log, or a program.

plain     docker's classic lines, as they happen: for a log, a pipe, a notebook
tty       one line a step, rewritten while it runs; what a command says is seen below it, and
          goes when the step is done
rawjson   one JSON object an event
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from runtime.build import events
from runtime.cli import console, units
from runtime.cli.messages import translate
from runtime.cli.table import cut
from runtime.errors import InvalidInput

Tell = Callable[[events.Event], None]

SHOWN_LINES = 6
"""How many of a command's last lines are seen while it runs."""

REDRAW_S = 0.1


@contextlib.contextmanager
def build_progress(kind: str) -> Iterator[Tell | None]:
    """What to tell the build's events to; None for `quiet`. Raises InvalidInput."""
    if kind == "auto":
        kind = "tty" if sys.stdout.isatty() else "plain"
    match kind:
        case "quiet":
            yield None
        case "plain":
            yield BuildLog()
        case "rawjson":
            yield tell_json
        case "tty":
            with LiveLines() as lines:
                yield lines
        case _:
            raise InvalidInput(
                "--progress is auto, plain, tty, quiet or rawjson, not {kind}", kind=kind
            )


def tell_json(event: events.Event) -> None:
    """One line of JSON: the event's name and its fields."""
    fields = dataclasses.asdict(event)
    if isinstance(event, events.Output):
        fields["data"] = event.data.decode(errors="replace")
    sys.stdout.write(json.dumps({"event": type(event).__name__, **fields}) + "\n")
    sys.stdout.flush()


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


class LiveLines:
    """Draws on a terminal: a line for each step, and while it runs the last lines it wrote."""

    def __init__(self) -> None:
        self._title = ""  # of the step under way, "" between steps
        self._mark = ""
        self._began = 0.0
        self._tail: deque[str] = deque(maxlen=SHOWN_LINES)
        self._unfinished = ""
        self._drawn = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> LiveLines:
        self._clock.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._closed.set()
        self._clock.join()
        if self._title:  # it was not finished: what it said last is worth keeping
            self._draw(final=kind is not None)

    def __call__(self, event: events.Event) -> None:
        """Take in one event; it is seen at once or at the next tick."""
        with self._lock:
            self._take(event)

    def _take(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(number, total, text):
                self._title, self._mark = f"[{number}/{total}] {text}", ""
                self._began = time.monotonic()
                self._tail.clear()
                self._unfinished = ""
            case events.StepCached():
                self._mark = "CACHED "
            case events.LayerWritten(_, size_bytes):
                self._title += f" ({units.human_size(size_bytes)})"
            case events.Output(_, data):
                text = self._unfinished + data.decode(errors="replace")
                *lines, self._unfinished = text.split("\n")
                self._tail.extend(lines)
            case events.StepDone(duration_s):
                self._tail.clear()
                self._unfinished = ""
                self._erase()
                self._write(f"=> {self._mark}{self._title}", f"{duration_s:.1f}s")
                self._drawn = 0
                self._title = ""
            case events.UnusedBuildArguments(names):
                text = translate("[Warning] build arguments without an ARG: {names}")
                console.say(text.format(names=", ".join(names)))

    def _tick(self) -> None:
        while not self._closed.wait(REDRAW_S):
            with self._lock:
                if self._title:
                    self._draw()

    def _draw(self, *, final: bool = False) -> None:
        self._erase()
        self._write(f"=> {self._mark}{self._title}", f"{time.monotonic() - self._began:.1f}s")
        lines = [*self._tail, self._unfinished] if self._unfinished else [*self._tail]
        for line in lines[-SHOWN_LINES:]:
            self._write(f"   {line}")
        self._drawn = 0 if final else 1 + len(lines[-SHOWN_LINES:])
        sys.stdout.flush()

    def _erase(self) -> None:
        """Go up to where the step's lines began, and clear from there on."""
        if self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}A\x1b[J")

    def _write(self, text: str, end: str = "") -> None:
        width = terminal_width() - len(end) - 1
        line = cut(console.harmless(text, keep=""), width)
        sys.stdout.write(f"{line} {end}".rstrip() + "\n")


def terminal_width() -> int:
    """Columns of the terminal; lines that wrap could not be erased."""
    import shutil

    return max(shutil.get_terminal_size().columns, 20)
