"""A container's life, as a table.

    created ──start──▶ running ──end──▶ exited ──remove──▶ removing ──▶ (gone)
       ▲  │               │  ▲             │
       │  └──remove───▶   │  └────start────┘
       └──fail to start───┘

The table is data: each verb names the states it starts from and the one it leads to. A change
is one compare-and-swap on the container's row (`Database.change`), so of two processes that
stop, start or remove the same container at once, exactly one wins and the other is told.

The row says `running`, and names the process, before the container's program begins: so no
program ever runs that no row knows. What is not there yet has no state: a container that is
being created has no row. `removing` belongs to the process that the row names; when that one
has died, whoever comes next finishes its work (see `records`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from runtime.database import Database
from runtime.errors import InvalidTransition, NotFound


class Status(StrEnum):
    """Where in its life a container is; the words are docker's where docker has one."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    REMOVING = "removing"


class Change(NamedTuple):
    """A verb's precondition and result."""

    sources: tuple[Status, ...]
    target: Status


TRANSITIONS = {
    "start": Change((Status.CREATED, Status.EXITED), Status.RUNNING),
    "fail to start": Change((Status.RUNNING,), Status.CREATED),
    "end": Change((Status.RUNNING,), Status.EXITED),
    "end and remove": Change((Status.RUNNING,), Status.REMOVING),
    "remove": Change((Status.CREATED, Status.EXITED), Status.REMOVING),
}
"""Every change of status that there is."""


def advance(database: Database, container_id: str, verb: str, **columns: object) -> None:
    """Carry the container over with `verb`, setting `columns` of its row in the same step.

    Raises InvalidTransition if its present status is none of the verb's sources, NotFound if
    there is no such container (any more).
    """
    sources, target = TRANSITIONS[verb]
    assignments = "".join(f", {column} = ?" for column in columns)
    marks = ", ".join("?" * len(sources))
    changed = database.change(
        # Only names from this file and its callers' keywords, never foreign text.
        f"UPDATE containers SET status = ?{assignments} WHERE id = ? AND status IN ({marks})",  # noqa: S608
        target,
        *columns.values(),
        container_id,
        *sources,
    )
    if not changed:
        raise _refusal(database, container_id, verb)


def _refusal(database: Database, container_id: str, verb: str) -> InvalidTransition | NotFound:
    row = database.one("SELECT name, status FROM containers WHERE id = ?", container_id)
    if row is None:
        return NotFound("no such container: {name}", name=container_id[:12])
    hints = {
        "start": "a container that runs already needs no start",
        "remove": "stop it first, or remove it by force",
    }
    return InvalidTransition(
        "container {name} is {state}: cannot {verb} it",
        hint=hints.get(verb, ""),
        state=row["status"],
        verb=verb,
        name=row["name"],
    )
