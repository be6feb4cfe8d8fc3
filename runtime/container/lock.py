"""The lock that says that a container has a monitor.

It is an flock, which the kernel releases even after kill -9. Whoever holds it may write to the
container's log, read its pipes, and answer for its row.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import NotFound


@contextlib.contextmanager
def open_lock(directory: Path) -> Iterator[int]:
    """A descriptor for `taken`; at the end of the block the lock is given back. Raises NotFound if
    the container has been removed.
    """
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError as error:
        raise NotFound("no such container: {name}", name=directory.name[:12]) from error
    try:
        yield lock
    finally:
        os.close(lock)


def taken(lock: int) -> bool:
    """Whether the lock is ours from now on; False while somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
