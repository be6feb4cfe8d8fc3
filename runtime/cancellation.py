"""Calling off: whoever asked for something long does not want it any more.

    pull, push, build ──▶ cancellation.check()      between two pieces of work
                          cancellation.ends(act)    while it waits for somebody else

The work is done by one thread, or several, and called off by another: a client of the API has hung
up. What is under way then ends as any failure ends it, and leaves nothing half done.

Rule: it knows nobody's work, and starts no thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from runtime.errors import Cancelled


class Cancellation:
    """Whether one piece of work has been called off: once, and for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called_off = False
        self._acts: list[Callable[[], None]] = []

    def call_off(self) -> None:
        """Nobody wants it any more. Calling it off again does nothing."""
        with self._lock:
            self._called_off = True
            acts, self._acts = self._acts, []
        for act in acts:
            act()

    def check(self) -> None:
        """Raises Cancelled when it has been called off."""
        if self._called_off:
            raise Cancelled("it was cancelled")

    @contextlib.contextmanager
    def ends(self, act: Callable[[], None]) -> Iterator[None]:
        """Within the block `act` ends what the caller waits for, from another thread, once it is
        called off. Raises Cancelled if it has been already.
        """
        with self._lock:
            self.check()
            self._acts.append(act)
        try:
            yield
        finally:
            with self._lock:
                if act in self._acts:
                    self._acts.remove(act)
