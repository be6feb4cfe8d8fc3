"""Whiteouts in both of their languages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import UnsafePath
from runtime.layer import whiteout


def test_names() -> None:
    assert whiteout.whiteout_name(b"motd") == b".wh.motd"
    assert whiteout.hidden_name(b".wh.motd") == b"motd"


@pytest.mark.parametrize("mark", [b".wh.", b".wh..", b".wh..."])
def test_marks_that_would_hide_a_directory_around_them(mark: bytes) -> None:
    with pytest.raises(UnsafePath):
        whiteout.hidden_name(mark)


@pytest.mark.needs("root")
def test_marks_of_overlayfs(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not whiteout.is_opaque(os.fsencode(tmp_path))
        whiteout.make_opaque(directory)
        assert whiteout.is_opaque(os.fsencode(tmp_path))
        whiteout.make_whiteout(b"gone", directory)
        assert whiteout.is_whiteout((tmp_path / "gone").lstat())
        with pytest.raises(FileExistsError):
            whiteout.make_whiteout(b"gone", directory)
    finally:
        os.close(directory)


def test_other_files_are_no_marks(tmp_path: Path) -> None:
    assert not whiteout.is_whiteout(Path("/dev/null").lstat())
    assert not whiteout.is_whiteout(tmp_path.lstat())
