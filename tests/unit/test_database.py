"""The one SQLite file: whole changes, seen by all; never carried into a child."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.database import VERSIONS, Database, UniqueViolation
from runtime.errors import HostLacks, OnggiError

NAME = "INSERT INTO images VALUES (?, 'sha256:1', 1)"


def names(database: Database) -> list[str]:
    return [row["name"] for row in database.all("SELECT name FROM images ORDER BY name")]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def test_what_was_changed_is_seen_by_everybody(database: Database, tmp_path: Path) -> None:
    assert database.change(NAME, "a") == 1
    assert names(Database(tmp_path)) == ["a"]
    row = database.one("SELECT * FROM images")
    assert row is not None
    assert (row["name"], row["manifest"]) == ("a", "sha256:1")
    assert database.one("SELECT * FROM images WHERE name = 'b'") is None


def test_a_change_says_how_many_rows_it_met(database: Database) -> None:
    for name in "abc":
        database.change(NAME, name)
    swap = "UPDATE images SET manifest = 'new' WHERE manifest = 'sha256:1' AND name < ?"
    assert database.change(swap, "c") == 2
    assert database.change(swap, "c") == 0


def test_a_name_is_there_once(database: Database) -> None:
    database.change(NAME, "a")
    with pytest.raises(UniqueViolation):
        database.change(NAME, "a")
    assert names(database) == ["a"]


def test_a_transaction_is_seen_whole(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path)
    with database.transaction():
        database.change(NAME, "a")
        assert names(other) == []
        database.change(NAME, "b")
    assert names(other) == ["a", "b"]


def test_a_transaction_that_fails_leaves_nothing_and_blocks_nobody(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.change(NAME, "a")
        raise ZeroDivisionError
    assert names(database) == []
    Database(tmp_path).change(NAME, "b")
    with database.transaction():
        database.change(NAME, "c")
    assert names(database) == ["b", "c"]


def test_a_mistake_inside_does_not_hang_the_next_one(database: Database) -> None:
    database.change(NAME, "a")
    with pytest.raises(UniqueViolation), database.transaction():
        database.change(NAME, "b")
        database.change(NAME, "a")
    with database.transaction():
        database.change(NAME, "c")
    assert names(database) == ["a", "c"]


def test_a_transaction_that_cannot_be_completed_is_over(database: Database) -> None:
    """COMMIT itself may fail (here: a promise not kept; else: a full disk)."""
    database.change("PRAGMA foreign_keys=ON")
    database.change("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    reference = "REFERENCES parent DEFERRABLE INITIALLY DEFERRED"
    database.change(f"CREATE TABLE child (id INTEGER {reference})")
    with pytest.raises(UniqueViolation), database.transaction():
        database.change("INSERT INTO child VALUES (1)")
    with database.transaction():
        database.change(NAME, "a")
    assert names(database) == ["a"]
    assert database.all("SELECT * FROM child") == []


def test_many_threads_on_one_object(database: Database) -> None:
    def work() -> None:
        for _ in range(10):
            with database.transaction():
                row = database.one("SELECT count(*) AS n FROM images")
                assert row is not None
                database.change(NAME, f"{row['n']:03}")
        database.close()

    with ThreadPoolExecutor(5) as pool:
        for thread in [pool.submit(work) for _ in range(5)]:
            thread.result()
    # Each counted what the others had done: no two saw the same number.
    assert names(database) == [f"{number:03}" for number in range(50)]


WRITER = """
import sys
from pathlib import Path
from runtime.database import Database
database = Database(Path(sys.argv[1]))
print("ready", flush=True)
input()
for number in range(20):
    database.change("INSERT INTO images VALUES (?, 'sha256:1', 1)", f"{sys.argv[2]}-{number:02}")
"""


def test_processes_make_the_file_and_write_to_it_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        writer.communicate(b"\n")
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(names(Database(tmp_path))) == 60


def test_a_child_opens_its_own_connection(database: Database) -> None:
    database.change(NAME, "parent")
    child = os.fork()
    if child == 0:
        try:
            database.change(NAME, "child")
            os._exit(0 if names(database) == ["child", "parent"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(database) == ["child", "parent"]


def test_a_writer_that_is_killed_leaves_the_old_state(database: Database) -> None:
    database.change(NAME, "before")
    child = os.fork()
    if child == 0:
        with database.transaction():
            database.change(NAME, "half")
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert names(database) == ["before"]
    database.change(NAME, "after")


def test_a_closed_database_opens_again(database: Database) -> None:
    database.change(NAME, "a")
    database.close()
    database.close()
    assert names(database) == ["a"]


def test_a_file_of_another_version_is_refused_by_name(database: Database, tmp_path: Path) -> None:
    database.change("PRAGMA user_version=77")
    database.close()
    with pytest.raises(OnggiError, match=r"another version of Onggi: .*onggi\.db"):
        Database(tmp_path).all("SELECT * FROM images")


def test_an_older_file_is_brought_up_to_date(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "onggi.db")
    old.executescript(VERSIONS[0] + "PRAGMA user_version=1;" + NAME.replace("?", "'old'"))
    old.close()

    def look(_: int) -> tuple[list[str], int]:
        database = Database(tmp_path)
        columns = [row["name"] for row in database.all("PRAGMA table_info(containers)")]
        return names(database), columns.count("wish")

    with ThreadPoolExecutor(4) as pool:
        assert set(map(str, pool.map(look, range(4)))) == {str((["old"], 1))}


def test_a_transaction_in_a_transaction_is_a_part_of_it(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction():
        with database.transaction():
            database.change(NAME, "a")
        raise ZeroDivisionError
    assert names(database) == []


def test_what_need_not_last_is_seen_all_the_same(database: Database, tmp_path: Path) -> None:
    def level() -> int:
        row = database.one("PRAGMA synchronous")
        assert row is not None
        return int(row[0])

    waits, waits_not = 2, 1  # https://sqlite.org/pragma.html#pragma_synchronous
    assert level() == waits
    with database.transaction(lasting=False):
        assert level() == waits_not
        database.change("INSERT INTO images VALUES ('a', 'm', 1)")
    assert level() == waits
    assert Database(tmp_path).one("SELECT 1 FROM images WHERE name = 'a'") is not None
    with pytest.raises(ZeroDivisionError), database.transaction(lasting=False):
        _ = 1 / 0
    assert level() == waits


def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "onggi.db").write_bytes(b"this is no database, whatever it is called" * 100)
    with pytest.raises(OnggiError, match=r"the state database cannot be used: .*onggi\.db"):
        names(Database(tmp_path))


def test_a_directory_in_its_place_or_none_around_it(tmp_path: Path) -> None:
    (tmp_path / "onggi.db").mkdir()
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(HostLacks, match="cannot be written") as refusal:
            names(Database(place))
        assert refusal.value.evidence == "unable to open database file"


READER = """
import os, sys
from pathlib import Path
from runtime.database import Database
from runtime.errors import HostLacks
os.setgid(65534); os.setuid(65534)
try:
    Database(Path(sys.argv[1])).change("DELETE FROM images")
except HostLacks as error:
    print(error.feature)
"""


@pytest.mark.needs("root")
def test_somebody_else_s_file_cannot_be_written(database: Database) -> None:
    database.change(NAME, "a")
    database.close()
    command = [sys.executable, "-c", READER, str(database.path.parent)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout == "a writable state directory\n"
    assert done.stderr == ""
    assert names(database) == ["a"]
