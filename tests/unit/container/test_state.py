"""A container's life: every verb from every state, and of two who try at once one wins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.container import state
from runtime.container.state import TRANSITIONS, Status
from runtime.database import Database
from runtime.errors import InvalidTransition, NotFound

ALLOWED = {
    ("created", "start"): "running",
    ("exited", "start"): "running",
    ("running", "fail to start"): "created",
    ("running", "pause"): "paused",
    ("paused", "unpause"): "running",
    ("running", "end"): "exited",
    ("paused", "end"): "exited",
    ("running", "end and remove"): "removing",
    ("paused", "end and remove"): "removing",
    ("running", "end for now"): "restarting",
    ("paused", "end for now"): "restarting",
    ("restarting", "start again"): "running",
    ("running", "fail to start again"): "exited",
    ("restarting", "give up"): "exited",
    ("created", "remove"): "removing",
    ("exited", "remove"): "removing",
    ("dead", "remove"): "removing",
    ("removing", "fail to remove"): "dead",
}
"""The table, said once more: all else is refused."""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def put(database: Database, status: str, container_id: str = "c") -> None:
    values = (container_id, "web-" + container_id, "image", "digest", "{}", 1, status)
    database.change(
        "INSERT INTO containers (id, name, image, manifest, request, created_ns, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *values,
    )


def status(database: Database, container_id: str = "c") -> str:
    row = database.one("SELECT status FROM containers WHERE id = ?", container_id)
    assert row is not None
    return str(row["status"])


@pytest.mark.parametrize("verb", TRANSITIONS)
@pytest.mark.parametrize("source", list(Status))
def test_every_verb_from_every_state(database: Database, source: Status, verb: str) -> None:
    put(database, source)
    target = ALLOWED.get((source, verb))
    if target is not None:
        state.advance(database, "c", verb)
        assert status(database) == target
        return
    with pytest.raises(InvalidTransition) as refusal:
        state.advance(database, "c", verb)
    assert (refusal.value.state, refusal.value.verb) == (source, verb)
    assert refusal.value.message == f"container web-c is {source}: cannot {verb} it"
    assert status(database) == source


def test_every_state_can_be_reached_and_left() -> None:
    targets = {change.target for change in TRANSITIONS.values()}
    sources = {source for change in TRANSITIONS.values() for source in change.sources}
    assert targets == set(Status)
    assert set(Status) == sources


def test_the_drawing_has_every_arrow_and_no_other() -> None:
    drawn = {
        (line.split()[0], line.split()[2].rstrip(":"), verb)
        for line in state.draw().splitlines()[2:-1]
        for verb in line.split(": ")[1].split(" / ")
    }
    assert drawn == {(source, target, verb) for (source, verb), target in ALLOWED.items()}


def test_what_is_told_with_a_change_comes_with_it_or_not_at_all(database: Database) -> None:
    put(database, "created")
    state.advance(database, "c", "start", pid=7, error="")
    row = database.one("SELECT pid FROM containers")
    assert row is not None
    assert row["pid"] == 7
    with pytest.raises(InvalidTransition):
        state.advance(database, "c", "start", pid=8)
    row = database.one("SELECT pid FROM containers")
    assert row is not None
    assert row["pid"] == 7


def test_only_that_container_is_changed(database: Database) -> None:
    put(database, "created")
    put(database, "created", "d")
    state.advance(database, "c", "start")
    assert (status(database), status(database, "d")) == ("running", "created")


def test_what_is_not_there_has_no_state(database: Database) -> None:
    with pytest.raises(NotFound, match=r"no such container: 0123456789ab$"):
        state.advance(database, "0123456789abcdef", "start")


def test_of_many_who_try_at_once_exactly_one_wins(database: Database) -> None:
    for number in range(20):
        put(database, "created", str(number))
    together = threading.Barrier(4)

    def work() -> int:
        won = 0
        for number in range(20):
            together.wait()
            try:
                state.advance(database, str(number), "remove")
                won += 1
            except InvalidTransition as refusal:
                assert refusal.state == "removing"
        return won

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(work) for _ in range(4)]
    assert sum(thread.result() for thread in threads) == 20
