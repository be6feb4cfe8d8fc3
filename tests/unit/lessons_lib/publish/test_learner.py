"""The learner who works through the notebooks (tests/learner.py) notices what is wrong with one."""

from __future__ import annotations

import shutil
from pathlib import Path

import learner
import pytest

from lessons_lib.publish import execute
from lessons_lib.publish.shelf import Shelf

RUNS = "counted = globals().get('counted', 0) + 1; current() * counted"


@pytest.mark.parametrize(
    ("way", "where", "old", "new", "fault"),
    [
        ("answers", "book", "'en'", "'ko'", "mismatch 'text/plain'"),
        ("answers", "source", "=sums.four.less", "=sums.four.more", "too-small: told “sums.four"),
        ("answers", "source", "four = 2 * 2", "four = 2 * 3", "by-product: 0 of 2 points"),
        ("again", "book", '"current()"', f'"{RUNS}"', "mismatch 'text/plain'"),
        ("again", "book", "four = None", "import sys; four = sys.last_value", "AttributeError"),
    ],
)
def test_what_is_wrong_is_noticed(
    printed: Path, tmp_path: Path, way: str, where: str, old: str, new: str, fault: str
) -> None:
    shelf = Shelf(shutil.copytree(printed, tmp_path / "shelf"))
    changed = shelf.source("01-sums") if where == "source" else shelf.book("01-sums", "en")
    assert old in changed.read_text()
    changed.write_text(changed.read_text().replace(old, new, 1))
    with execute.scratch() as place:
        run = learner.work(way, shelf, "01-sums", "en", place)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert fault in run.stdout, run.stdout + run.stderr
