"""Waiting for what has not begun: the next end of a container, or its removal.

A container that runs has a monitor to ask. For one that may be started by anybody, at any time,
or that may be removed, the journal is followed.
"""

from __future__ import annotations

from runtime import journal
from runtime.container.messages import Exit
from runtime.container.records import UNKNOWN_EXIT
from runtime.database import Database, Row


def follow_to_end(
    database: Database, row: Row, after: int, actions: tuple[str, ...], deadline_s: float | None
) -> Exit | None:
    """Until one of `actions` has happened to the container; how it ended last. None if
    `deadline_s` (monotonic) comes first. `after` is where the journal ended before `row` was read.
    """
    ended = Exit(row["exit_code"] or 0, bool(row["oom_killed"]))
    oom_killed = False
    here = "SELECT 1 FROM containers WHERE id = ?"
    for event in journal.follow(database, after, deadline_s):
        if event is None:
            if database.one(here, row["id"]) is None:
                return ended
        elif event.actor == row["id"]:
            oom_killed |= event.action == "oom"
            if event.action == "die":
                ended = Exit(int(event.attributes.get("exitCode", UNKNOWN_EXIT)), oom_killed)
                oom_killed = False
            if event.action in actions:
                return ended
    return None
