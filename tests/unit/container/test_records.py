"""Rows and directories: what has died is corrected, what nobody needs goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.container.bundle import Request
from runtime.container.records import Records
from runtime.errors import Conflict, InvalidTransition, NotFound
from runtime.linux import process
from runtime.oci.digest import Digest

MANIFEST = Digest.of(b"manifest")
LONG_DEAD = {"pid": 2**22 + 1, "start": 1}
ME = {"pid": os.getpid(), "start": process.start_time(os.getpid())}


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def put(records: Records, container_id: str = "c") -> str:
    records.snapshots.prepare(container_id, None)
    records.bundle(container_id).directory.mkdir(parents=True)
    records.insert(container_id, "name-" + container_id, Request("image"), MANIFEST)
    return container_id


def change(records: Records, **columns: object) -> None:
    names = ", ".join(f"{name} = ?" for name in columns)
    records.database.change(f"UPDATE containers SET {names}", *columns.values())


def ids(records: Records) -> list[str]:
    return [row["id"] for row in records.rows()]


def test_a_new_row(records: Records) -> None:
    row = records.row(put(records))
    assert (row["status"], row["exit_code"], row["pid"]) == ("created", None, 0)
    assert Request.from_json(row["request"]) == Request("image")


def test_a_name_is_taken_once(records: Records) -> None:
    put(records)
    with pytest.raises(Conflict, match="name-c"):
        records.insert("d", "name-c", Request("image"), MANIFEST)
    with pytest.raises(Conflict, match="name-c"):
        records.refuse_taken("name-c")
    records.refuse_taken("free")


def test_the_newest_is_first(records: Records) -> None:
    for container_id in "abc":
        put(records, container_id)
    assert ids(records) == ["c", "b", "a"]


def test_who_runs_with_a_living_process_runs(records: Records) -> None:
    put(records)
    nobody = {"pid": 0, "pid_start": 0, "monitor_pid": 0, "monitor_start": 0}
    monitor = {"monitor_pid": ME["pid"], "monitor_start": ME["start"]}
    program = {"pid": ME["pid"], "pid_start": ME["start"]}
    for living in (monitor, program):
        change(records, status="running", **nobody | living)
        assert records.row("c")["status"] == "running"


def test_who_died_without_a_word_has_no_exit_code(records: Records) -> None:
    put(records)
    change(records, status="running", pid=LONG_DEAD["pid"], pid_start=LONG_DEAD["start"])
    row = records.row("c")
    assert (row["status"], row["exit_code"], row["pid"]) == ("exited", None, 0)
    assert "nobody saw how it ended" in row["error"]
    assert row["finished_ns"] > 0


def test_who_was_to_go_at_its_end_goes_after_a_reboot(records: Records) -> None:
    """And not before: then somebody may still want to know what became of it."""
    put(records)
    dead = {"pid": LONG_DEAD["pid"], "pid_start": LONG_DEAD["start"], "status": "running"}
    request = Request("image", auto_remove=True).to_json()
    change(records, **dead, request=request, boot=process.boot_id())
    assert records.row("c")["status"] == "exited"
    change(records, **dead, boot="another")
    with pytest.raises(NotFound):
        records.row("c")
    assert not records.bundle("c").directory.exists()
    assert list(records.snapshots.keys()) == []


def test_a_number_that_was_given_to_another_process_is_not_taken_for_it(records: Records) -> None:
    put(records)
    assert ME["start"] is not None
    change(records, status="running", pid=ME["pid"], pid_start=ME["start"] - 1)
    assert records.rows()[0]["status"] == "exited"


def test_an_unfinished_removal_is_finished(records: Records) -> None:
    put(records)
    change(records, status="removing", owner_pid=ME["pid"], owner_start=ME["start"])
    assert ids(records) == ["c"]
    change(records, owner_pid=LONG_DEAD["pid"], owner_start=LONG_DEAD["start"])
    with pytest.raises(NotFound):
        records.row("c")
    assert not records.bundle("c").directory.exists()
    assert list(records.snapshots.keys()) == []


def test_removing(records: Records) -> None:
    put(records)
    records.remove("c")
    assert ids(records) == []
    assert not records.bundle("c").directory.exists()
    with pytest.raises(NotFound):
        records.remove("c")
    put(records)
    change(records, status="running", pid=ME["pid"], pid_start=ME["start"])
    with pytest.raises(InvalidTransition):
        records.remove("c")
    assert records.bundle("c").directory.exists()


def test_directories_without_a_row_are_garbage(records: Records) -> None:
    put(records)
    records.snapshots.prepare("lost", None)
    records.bundle("lost too").directory.mkdir()
    (records.root / "builds" / "build-1").mkdir(parents=True)
    records.remove_orphans()
    assert list(records.snapshots.keys()) == ["c"]
    assert os.listdir(records.root / "containers") == ["c"]
    assert os.listdir(records.root / "builds") == []
    assert ids(records) == ["c"]
