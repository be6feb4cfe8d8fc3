"""A container's life, as a table.

The table is data: each verb names the states it starts from, the one it leads to, and docker's
word for what has happened, which is written into the journal in the same transaction. A change
is one compare-and-swap on the container's row (`Database.change`), so of two processes that
stop, start or remove the same container at once, exactly one wins and the other is told.
`draw` makes the picture in docs/ARCHITECTURE.md out of it.

The row says `running`, and names the process, before the container's program begins: so no
program ever runs that no row knows. What is not there yet has no state: a container that is
being created has no row. `removing` belongs to the process that the row names; when that one
has died, whoever comes next finishes its work (see `records`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from runtime import journal
from runtime.container import points
from runtime.database import Database
from runtime.errors import InvalidTransition, NotFound


class Status(StrEnum):
    """Where in its life a container is; the words are docker's."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"


LIVE = (Status.RUNNING, Status.PAUSED)
"""It has processes."""

BUSY = (*LIVE, Status.RESTARTING)
"""It has a monitor. Docker's State.Running is true: it will not stay as it is by itself."""

IDLE = (Status.CREATED, Status.EXITED, Status.DEAD)
"""Nothing of it runs, and nobody removes it."""


class Change(NamedTuple):
    """A verb's precondition, its result, and the event of it, if docker has one."""

    sources: tuple[Status, ...]
    target: Status
    event: str = ""


TRANSITIONS = {
    "start": Change((Status.CREATED, Status.EXITED), Status.RUNNING, "start"),
    "fail to start": Change((Status.RUNNING,), Status.CREATED, "die"),
    "pause": Change((Status.RUNNING,), Status.PAUSED, "pause"),
    "unpause": Change((Status.PAUSED,), Status.RUNNING, "unpause"),
    "end": Change(LIVE, Status.EXITED, "die"),
    "end and remove": Change(LIVE, Status.REMOVING, "die"),
    "end for now": Change(LIVE, Status.RESTARTING, "die"),
    "start again": Change((Status.RESTARTING,), Status.RUNNING, "start"),
    "fail to start again": Change((Status.RUNNING,), Status.EXITED, "die"),
    "give up": Change((Status.RESTARTING,), Status.EXITED),
    "remove": Change(IDLE, Status.REMOVING),
    "fail to remove": Change((Status.REMOVING,), Status.DEAD),
}
"""Every change of status that there is."""


def advance(
    database: Database,
    container_id: str,
    verb: str,
    facts: Mapping[str, str] | None = None,
    **columns: object,
) -> None:
    """Carry the container over with `verb`, setting `columns` of its row in the same step. Its
    event in the journal says `facts`, too.

    Raises InvalidTransition if its present status is none of the verb's sources, NotFound if
    there is no such container (any more).
    """
    sources, target, event = TRANSITIONS[verb]
    assignments = "".join(f", {column} = ?" for column in columns)
    marks = ", ".join("?" * len(sources))

    def change() -> bool:
        changed = database.change(
            # Only names from this file and its callers' keywords, never foreign text.
            f"UPDATE containers SET status = ?{assignments} WHERE id = ? AND status IN ({marks})",  # noqa: S608
            target,
            *columns.values(),
            container_id,
            *sources,
        )
        if changed and event:
            points.note_volumes(database, container_id, event)
            journal.note_container(database, container_id, event, **(facts or {}))
        return bool(changed)

    if not database.atomically(change):
        raise refusal(database, container_id, verb)


def refusal(database: Database, container_id: str, verb: str) -> InvalidTransition | NotFound:
    """Why the container cannot be carried over with `verb` from where it is now."""
    row = database.one("SELECT name, status FROM containers WHERE id = ?", container_id)
    if row is None:
        return NotFound("no such container: {name}", name=container_id[:12])
    hints = {
        "start": "a paused container goes on with: onggi unpause {name}"
        if row["status"] == Status.PAUSED
        else "a container that runs already needs no start",
        "remove": "you cannot remove a running container: stop it before, or force remove (-f)",
        "pause": "only what runs can be paused",
        "unpause": "only what is paused can go on",
    }
    return InvalidTransition(
        "container {name} is {state}: cannot {verb} it",
        hint=hints.get(verb, ""),
        state=row["status"],
        verb=verb,
        name=row["name"],
    )


def draw() -> str:
    """The table as a Mermaid state diagram: arrows between the same two states become one."""
    arrows: dict[tuple[Status, Status], list[str]] = {}
    for verb, change in TRANSITIONS.items():
        for source in change.sources:
            arrows.setdefault((source, change.target), []).append(verb)
    lines = ["stateDiagram-v2", f"    [*] --> {Status.CREATED}: create"]
    lines += [
        f"    {source} --> {target}: {' / '.join(verbs)}"
        for (source, target), verbs in arrows.items()
    ]
    return "\n".join([*lines, f"    {Status.REMOVING} --> [*]: (gone)"])
