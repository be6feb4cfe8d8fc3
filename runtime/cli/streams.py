"""Bytes between our own standard input and output and a program's in a container.

What comes from there is written here, in this thread; what is typed here goes there in another
one, so that neither direction ever waits for the other. A program inside never gets our terminal
or pipe itself: it must not find what nobody gave it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Protocol

from runtime.cli import console
from runtime.cli.terminal import raw_mode, window_follows
from runtime.engine.keys import Keys

NUMBERS = {"stdout": 1, "stderr": 2}
CHUNK_BYTES = 1 << 16


class Input(Protocol):
    """A program's standard input."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Peer(Protocol):
    """Who is on the other side: an `Attachment` or an `Execution`, here or elsewhere."""

    @property
    def stdin(self) -> Input | None: ...

    def resize(self, height: int, width: int) -> None: ...

    def leave(self) -> None: ...


def converse(
    peer: Peer, pieces: Iterator[tuple[str, bytes]], *, tty: bool, detach_keys: bytes
) -> bool:
    """Stand in for a program's keyboard and screen until it has ended; False if we have left.

    Only with a terminal are there keys to leave by, and a window.
    """
    with contextlib.ExitStack() as stack:
        feeder = Feeder(peer, detach_keys if tty else None)
        if tty:
            stack.enter_context(window_follows(peer.resize))
        if tty and peer.stdin is not None and os.isatty(0):
            stack.enter_context(raw_mode())
        feeder.begin()
        for stream, data in pieces:
            console.pass_on(data, NUMBERS[stream])
    return not feeder.has_left


class Feeder:
    """Carries our standard input to a peer's, until it ends or the keys to leave are pressed."""

    def __init__(self, peer: Peer, detach_keys: bytes | None) -> None:
        self._peer = peer
        self._keys = Keys(detach_keys) if detach_keys else None
        self.has_left = False

    def begin(self) -> None:
        """In a thread of its own. It may never end: who knows whether anybody types."""
        if self._peer.stdin is not None:
            threading.Thread(target=self.feed, daemon=True).start()

    def feed(self) -> None:
        """In this thread."""
        stdin = self._peer.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # nobody reads it any more
            while typed := os.read(0, CHUNK_BYTES):
                passed, self.has_left = self._keys.pass_on(typed) if self._keys else (typed, False)
                stdin.write(passed)
                if self.has_left:
                    return self._peer.leave()
        stdin.close()
        return None
