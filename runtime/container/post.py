"""A monitor's post: who has it, of all who want it (see `lock`), and its socket."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.container import messages
from runtime.container.lock import open_lock, taken
from runtime.container.messages import SOCKET, Start
from runtime.container.record import Record


@contextlib.contextmanager
def only_monitor(start: Start, record: Record) -> Iterator[int]:
    """The lock that says so. Raises InvalidTransition if the container has a monitor, and so runs,
    already; NotFound if it has been removed. A monitor that is just ending is waited for.
    """
    with open_lock(start.directory) as lock:
        while not taken(lock):
            record.refuse_running()
            time.sleep(0.002)
        record.refuse_running()  # its program may have outlived a monitor that was killed
        yield lock


@contextlib.contextmanager
def only_successor(start: Start, record: Record) -> Iterator[bool]:
    """Whether this process is to take over from a monitor that was killed; otherwise another one
    has done so, or there is nothing to take over. Raises NotFound.
    """
    with open_lock(start.directory) as lock:
        while not taken(lock):
            if not record.is_orphaned():
                yield False
                return
            time.sleep(0.002)
        yield record.is_orphaned()


@contextlib.contextmanager
def listening(directory: Path) -> Iterator[socket.socket]:
    """The monitor's socket. One that is there already is of a monitor that was killed."""
    path = directory / SOCKET
    path.unlink(missing_ok=True)
    with messages.listen(path) as listener, going_on(directory):
        yield listener


@contextlib.contextmanager
def going_on(directory: Path) -> Iterator[None]:
    """At the end of the block nobody finds the socket any more, whoever has made it."""
    try:
        yield
    finally:
        (directory / SOCKET).unlink(missing_ok=True)
