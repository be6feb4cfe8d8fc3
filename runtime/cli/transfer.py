"""How far an image is that travels: a line for each layer on a terminal, rewritten in place as
docker does it; elsewhere one line for each thing that has happened.
"""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, TextIO

from runtime.cli import console, units
from runtime.cli.messages import translate
from runtime.cli.table import cut

if TYPE_CHECKING:
    from runtime.registry.progress import Progress, Tell

BAR_WIDTH = 50
REDRAW_S = 0.1
"""How often the same layer is drawn again while it moves."""


def drawing(stream: TextIO, *, quiet: bool = False) -> Tell:
    """What to tell the messages to; nobody, if `quiet`."""
    if quiet:
        return lambda _message: None
    return LiveLines(stream) if stream.isatty() else Lines(stream)


class Lines:
    """For a file, a pipe or a notebook: what happens, but not how far each layer is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, message: Progress) -> None:
        """One message."""
        if message.total or not message.status:
            return
        with self._lock:
            print(console.harmless(text_of(message)), file=self._stream, flush=True)


class LiveLines:
    """For a terminal: each layer, or tag, keeps its line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows: dict[str, int] = {}  # id → its line, counted from the first one
        self._drawn_s: dict[str, float] = {}
        self._count = 0

    def __call__(self, message: Progress) -> None:
        """One message."""
        if not message.status:
            return
        with self._lock:
            now_s = time.monotonic()
            is_moving = 0 < message.current < message.total
            if is_moving and now_s - self._drawn_s.get(message.id, 0.0) < REDRAW_S:
                return
            self._drawn_s[message.id] = now_s
            self._draw(message)

    def _draw(self, message: Progress) -> None:
        columns, rows = shutil.get_terminal_size()
        text = cut(console.harmless(text_of(message), keep=""), max(columns - 1, 20))
        if not message.id:  # a line about the whole: what comes now is drawn below it
            self._rows.clear()
        if message.id not in self._rows:
            self._stream.write(f"{text}\n")
            self._count += 1
            if message.id:
                self._rows[message.id] = self._count
        elif (above := self._count - self._rows[message.id] + 1) < rows:
            self._stream.write(f"\x1b[{above}A\r\x1b[2K{text}\r\x1b[{above}B")
        self._stream.flush()


def text_of(message: Progress) -> str:
    """A message as docker writes it: `3f2a: Downloading  [====>   ]  1.2MB/3.4MB`."""
    text = translate(message.status)
    if message.total:
        filled = min(BAR_WIDTH * message.current // message.total, BAR_WIDTH)
        bar = ("=" * filled + ">")[:BAR_WIDTH].ljust(BAR_WIDTH)
        done, total = (units.human_size(each) for each in (message.current, message.total))
        text += f"  [{bar}]  {done}/{total}"
    return f"{message.id}: {text}" if message.id else text
