"""The door: a listening socket, at which nobody is let in while no descriptor is left.

A caller whom we cannot let in stays in the kernel's queue, and the socket stays readable. Who
shrugs and asks the selector again is called at once, and again: a whole processor for nothing. So
the door is not looked at for a moment, and then again; those who have waited are let in.

man 2 accept, EMFILE, ENFILE, ENOBUFS, ENOMEM
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Callable

FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
REST_S = 0.1
"""How long the door stays shut."""


class Door:
    """`welcome` gets each caller's connection. Between events `look` wants to be called after
    `due_s` seconds; None: there is nothing to look after.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket,
        welcome: Callable[[socket.socket], object],
    ) -> None:
        self._selector = selector
        self._listener = listener
        self._welcome = welcome
        self._shut_until_s: float | None = None
        selector.register(listener, selectors.EVENT_READ, self._open)

    def _open(self) -> None:
        try:
            caller, _ = self._listener.accept()
        except OSError as error:  # he has changed his mind, or there is no room
            if error.errno in FULL:
                self._selector.unregister(self._listener)
                self._shut_until_s = time.monotonic() + REST_S
            return
        self._welcome(caller)

    def due_s(self) -> float | None:
        """Seconds until it is opened again; None: it is open."""
        if self._shut_until_s is None:
            return None
        return max(0.0, self._shut_until_s - time.monotonic())

    def look(self) -> None:
        """Open it again, if it is time."""
        if self.due_s() == 0.0:
            self._shut_until_s = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._open)

    def close(self) -> None:
        """Nobody comes in any more."""
        if self._shut_until_s is None:
            self._selector.unregister(self._listener)
        self._shut_until_s = None
        self._listener.close()
