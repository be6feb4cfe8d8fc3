"""The journal: whole with what it tells about, cut to a length, and it wakes who follows it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from runtime import journal
from runtime.container import state
from runtime.container.bundle import Request
from runtime.container.records import Records
from runtime.errors import InvalidTransition
from runtime.oci.digest import Digest


@pytest.fixture
def records(tmp_path: Path) -> Records:
    records = Records(tmp_path)
    request = Request("onggi/base", labels={"tier": "web"})
    records.insert("c", "web", request, Digest.of(b""), {"from": "image", "tier": "web"})
    return records


def told(records: Records) -> list[str]:
    return [event.action for event in journal.after(records.database, 0)]


def test_a_change_of_state_and_its_event_come_together(records: Records) -> None:
    state.advance(records.database, "c", "start")
    state.advance(records.database, "c", "pause")
    with pytest.raises(InvalidTransition):
        state.advance(records.database, "c", "start")
    state.advance(records.database, "c", "end", {"exitCode": "3"})
    assert told(records) == ["create", "start", "pause", "die"]
    last = journal.after(records.database, 3)[0]
    facts = {"from": "image", "tier": "web", "image": "onggi/base", "name": "web", "exitCode": "3"}
    assert (last.number, last.type, last.actor, last.attributes) == (4, "container", "c", facts)


def test_what_is_not_committed_is_not_told(records: Records) -> None:
    with pytest.raises(ZeroDivisionError), records.database.transaction():
        state.advance(records.database, "c", "start")
        raise ZeroDivisionError
    assert told(records) == ["create"]
    assert records.row("c")["status"] == "created"


def test_the_journal_is_cut(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 5)
    for number in range(12):
        records.note("c", f"top {number}")
    assert told(records) == [f"top {number}" for number in range(7, 12)]


def test_events_since_a_moment(records: Records) -> None:
    records.note("c", "early")
    moment = time.time_ns()
    records.note("c", "late")
    assert [each.action for each in journal.since(records.database, moment)] == ["late"]


def test_who_is_gone_has_nothing_to_tell(records: Records) -> None:
    records.note("nobody", "top")
    assert told(records) == ["create"]


def test_who_follows_is_woken_by_another_connection(records: Records) -> None:
    follower = journal.follow(records.database, journal.last_number(records.database))
    assert next(follower) is None
    other = Records(records.root)
    thread = threading.Timer(0.2, other.note, ("c", "top"))
    began = time.monotonic()
    thread.start()
    event = next(each for each in follower if each)
    assert event.action == "top"
    assert time.monotonic() - began < journal.LONGEST_SLEEP_S  # it was woken, and did not just look
    thread.join()
    follower.close()


def test_following_ends_in_time(records: Records) -> None:
    number = journal.last_number(records.database)
    assert [*journal.follow(records.database, number, time.monotonic() + 0.1)][-1] is None
