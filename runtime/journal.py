"""The journal: what happened to containers, images and networks, in the order in which it happened.

    2026-11-28T19:07:03.123456789+09:00 container start 3f2a… (image=onggi/base, name=web)

Whoever changes the state of something writes down in the same transaction what that was, so
state and journal never disagree. Verbs of a container's life do so by themselves (`state`);
whoever does something else that docker has an event for calls one function:

    records.note(container_id, "top")                            # name, image and labels come along
    records.note(container_id, "exec_die", execID=…, exitCode="0")
    journal.note(database, "image", "tag", image_id, {"name": "web:latest"})

The words are docker's (Docker Engine API, SystemEvents). The journal keeps the last `KEPT`
events. Who follows it sleeps in the kernel until somebody has committed a transaction.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.database import Database, Row
from runtime.linux import inotify

KEPT = 10_000
"""Events. Docker keeps 256, and only until its daemon is restarted."""

LONGEST_SLEEP_S = 10.0
"""Who commits may be killed before it can ring the bell."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal. `number` only grows; the time is docker's timeNano."""

    number: int
    time_ns: int
    type: str
    action: str
    actor: str
    attributes: Mapping[str, str]


def note(
    database: Database, kind: str, action: str, actor: str, attributes: Mapping[str, str]
) -> None:
    """Write down that `action` was done to the container, image or network (`kind`) with the id
    `actor`.

    In a transaction of the caller's it becomes visible with all else, or not at all.
    """
    with database.transaction():
        database.change(
            "INSERT INTO events (time_ns, type, action, actor, attributes) VALUES (?, ?, ?, ?, ?)",
            *(time.time_ns(), kind, action, actor, json.dumps(dict(attributes))),
        )
        database.change(
            "DELETE FROM events WHERE number <= (SELECT MAX(number) FROM events) - ?", KEPT
        )


def note_container(database: Database, container_id: str, action: str, **facts: str) -> None:
    """The same for a container: its labels, image and name are told with it, as docker does.
    One that has been removed meanwhile has nothing to tell.
    """
    with database.transaction():
        query = "SELECT image, name, labels FROM containers WHERE id = ?"
        row = database.one(query, container_id)
        if row is not None:
            attributes = {**json.loads(row["labels"]), "image": row["image"], "name": row["name"]}
            note(database, "container", action, container_id, attributes | facts)


def note_prune(database: Database, kind: str, freed_bytes: int) -> None:
    """Write down that everything of this kind that nobody used was looked for and removed."""
    note(database, kind, "prune", "", {"reclaimed": str(freed_bytes)})


def last_number(database: Database) -> int:
    """The number of the newest event."""
    row = database.one("SELECT MAX(number) AS number FROM events")
    return int(row["number"] or 0) if row else 0


def after(database: Database, number: int) -> list[Event]:
    """All events that came after the one with this number."""
    rows = database.all("SELECT * FROM events WHERE number > ? ORDER BY number", number)
    return [_as_event(row) for row in rows]


def since(database: Database, time_ns: int) -> list[Event]:
    """All events from this moment on."""
    rows = database.all("SELECT * FROM events WHERE time_ns >= ? ORDER BY number", time_ns)
    return [_as_event(row) for row in rows]


def follow(
    database: Database, number: int, deadline_s: float | None = None
) -> Generator[Event | None, None, None]:
    """Events after that one, as they come, until `deadline_s` (monotonic), if there is one.

    Yields None when it has caught up and is about to wait. Costs nothing while nothing happens.
    """
    with _Change(database.path) as change:
        while True:
            for event in after(database, number):
                number = event.number
                yield event
            yield None
            if not change.wait(deadline_s):
                return


class _Change:
    """Wakes who waits for the database to change: after a commit its file's time is set."""

    def __init__(self, database: Path) -> None:
        self._descriptor = inotify.init()
        inotify.add_watch(self._descriptor, database, inotify.IN_ATTRIB)

    def wait(self, deadline_s: float | None) -> bool:
        """False if the deadline came first."""
        left = LONGEST_SLEEP_S
        if deadline_s is not None:
            left = min(left, deadline_s - time.monotonic())
            if left <= 0:
                return False
        if select.select([self._descriptor], [], [], left)[0]:
            os.read(self._descriptor, 1 << 16)  # what exactly changed, the database says
        return True

    def __enter__(self) -> _Change:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _as_event(row: Row) -> Event:
    return Event(
        row["number"],
        row["time_ns"],
        row["type"],
        row["action"],
        row["actor"],
        json.loads(row["attributes"]),
    )
