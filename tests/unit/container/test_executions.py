"""What is known of an exec: while it runs, when it has ended, when its writer was killed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from runtime.container import executions
from runtime.container.executions import Notes

ID = "ab" * 32


def test_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    assert executions.running(tmp_path) == []
    notes = Notes(tmp_path, ID, {"args": ["sh"]})
    assert executions.read(tmp_path, ID) is None
    notes.begun(os.getpid())
    note = executions.read(tmp_path, ID)
    assert note is not None
    assert (note["running"], note["pid"], note["exit_code"]) == (True, os.getpid(), None)
    assert executions.running(tmp_path) == [ID]
    notes.ended(3)
    note = executions.read(tmp_path, ID)
    assert note is not None
    assert (note["running"], note["exit_code"]) == (False, 3)
    assert executions.running(tmp_path) == []
    notes.close()


def test_what_is_gone_does_not_run_whatever_the_note_says(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "100"])
    notes = Notes(tmp_path, ID, {})
    notes.begun(child.pid)
    child.kill()
    child.wait()
    assert executions.running(tmp_path) == []
    notes.close()


def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    notes = Notes(tmp_path, ID, {})
    notes.begun(1 << 22)
    notes.ended(0)
    long_ago = time.time() - executions.KEPT_S - 1
    os.utime(tmp_path / executions.DIRECTORY / ID, (long_ago, long_ago))
    Notes(tmp_path, "cd" * 32, {}).close()
    assert executions.read(tmp_path, ID) is None
    notes.close()


def test_a_removed_container_stops_no_command(tmp_path: Path) -> None:
    notes = Notes(tmp_path, ID, {})
    (tmp_path / executions.DIRECTORY).rmdir()
    notes.begun(os.getpid())
    notes.ended(0)
    notes.close()
