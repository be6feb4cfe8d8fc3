"""A change prints what happened, not where it is kept."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from runtime.layer.change import Change, ChangeKind


def test_a_change_shows_its_path_and_hides_its_place(tmp_path: Path) -> None:
    change = Change(ChangeKind.PRESENT, b"etc/hosts", os.fsencode(tmp_path), tmp_path.lstat())
    assert change.path == PurePosixPath("/etc/hosts")
    assert str(tmp_path) not in repr(change)


def test_the_same_change_is_equal_wherever_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    one = Change(ChangeKind.PRESENT, b"x", b"/same", tmp_path.lstat())
    two = Change(ChangeKind.PRESENT, b"x", b"/same", (tmp_path / "x").lstat())
    assert one == two
