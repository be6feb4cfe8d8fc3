"""A change prints what happened, not where it is kept."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from runtime.layer.change import Change, ChangeKind
from runtime.layer.walk import Found


def test_a_change_shows_its_path_and_hides_its_place(tmp_path: Path) -> None:
    change = Change(ChangeKind.PRESENT, Found(b"etc/hosts", tmp_path.lstat(), 777))
    assert change.path == PurePosixPath("/etc/hosts")
    assert "777" not in repr(change)


def test_the_same_change_is_equal_wherever_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    one = Change(ChangeKind.PRESENT, Found(b"x", tmp_path.lstat(), 3))
    two = Change(ChangeKind.PRESENT, Found(b"x", (tmp_path / "x").lstat(), 4))
    assert one == two
