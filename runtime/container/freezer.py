"""Pause and unpause: hold all processes of a container still, and let them go on.

The row and the control group change one after the other, so each change is made under a lock
of the container's, and the row goes first into the pause and last out of it. Whoever is killed
between leaves a row that says `paused` while the processes run: `finish` completes that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.container import state
from runtime.container.state import Status
from runtime.database import Database
from runtime.errors import HostLacks, KernelError, NotFound, OnggiError
from runtime.linux.cgroup import Cgroup


def pause(database: Database, directory: Path) -> None:
    """Raises InvalidTransition (it does not run), HostLacks (no freezer here), KernelError."""
    container_id = directory.name
    with _alone(directory):
        state.advance(database, container_id, "pause")
        try:
            Cgroup(container_id).freeze()
        except BaseException as error:
            with contextlib.suppress(OnggiError):
                Cgroup(container_id).thaw()
            with contextlib.suppress(OnggiError):
                state.advance(database, container_id, "unpause")
                raise
            raise state.refusal(database, container_id, "pause") from error  # it ended meanwhile


def unpause(database: Database, directory: Path) -> None:
    """Raises InvalidTransition (it is not paused), KernelError."""
    container_id = directory.name
    with _alone(directory):
        if _status(database, container_id) == Status.PAUSED:
            with contextlib.suppress(HostLacks, KernelError):  # it ended meanwhile
                Cgroup(container_id).thaw()
        state.advance(database, container_id, "unpause")


def finish(database: Database, directory: Path) -> None:
    """Hold still what a row says is paused: who was about to do so may have been killed."""
    group = Cgroup(directory.name)
    with contextlib.suppress(OnggiError, OSError):  # it ended meanwhile
        if group.is_frozen():
            return
        with _alone(directory):
            if _status(database, directory.name) == Status.PAUSED:
                group.freeze()


def _status(database: Database, container_id: str) -> str:
    row = database.one("SELECT status FROM containers WHERE id = ?", container_id)
    return row["status"] if row else ""


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Its directory is there as long as the container is, and nobody else locks it.

    Raises NotFound if the container has been removed.
    """
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound("no such container: {name}", name=directory.name[:12]) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
