"""The whole chain on a tiny lesson: source, seals, notebooks, execution, comparison, graders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish.__main__ import main
from lessons_lib.publish.notebook import notebook, read
from lessons_lib.publish.shelf import Shelf

NAME = "01-sums"


@pytest.fixture
def published(printed: Path, tmp_path: Path) -> Shelf:
    """A shelf with the published sample, to do with as one likes."""
    return Shelf(shutil.copytree(printed, tmp_path / "published"))


def test_an_unblessed_lesson_is_not_published(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build"], shelf) == 1
    assert "nobody has compared" in capsys.readouterr().err
    assert not shelf.book(NAME, "ko").exists()


def test_published_notebooks_pass_their_check_and_know_their_language(published: Shelf) -> None:
    assert list(published.faults(NAME)) == []
    assert main(["check"], published) == 0
    for language in LANGUAGES:
        cells = {cell.id: cell for cell in read(published.book(NAME, language)).cells}
        assert cells["language"].outputs[0].data["text/plain"] == f"'{language}'"
        assert cells["meant-to-fail"].outputs[0].traceback == ["ValueError: four, not five"]
        assert cells["four-grade"].outputs[-1].data["text/plain"] == "0.0"
        assert "2 + 2" not in str(cells)


def test_publishing_again_gives_the_same_bytes(published: Shelf) -> None:
    before = [published.book(NAME, language).read_bytes() for language in LANGUAGES]
    assert main(["build", "01"], published) == 0
    assert [published.book(NAME, language).read_bytes() for language in LANGUAGES] == before


def test_prose_is_reworded_without_executing_anything(published: Shelf) -> None:
    source = published.source(NAME)
    source.write_text(source.read_text("utf-8").replace("둘에 둘을", "두 개에 두 개를"), "utf-8")
    assert main(["reword", "01"], published) == 1  # nobody has compared the languages
    assert main(["bless", "01"], published) == 0
    before = {cell.id: cell for cell in read(published.book(NAME, "ko")).cells}
    assert main(["reword", "01"], published) == 0
    after = {cell.id: cell for cell in read(published.book(NAME, "ko")).cells}
    assert "두 개에" in after["question"].source
    assert after["language"] == before["language"]
    assert list(published.faults(NAME)) == []


def test_code_is_not_reworded(published: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    source = published.source(NAME)
    source.write_text(source.read_text("utf-8").replace("four, not five", "not five"), "utf-8")
    before = published.book(NAME, "ko").read_bytes()
    assert main(["reword"], published) == 1
    assert "code has changed" in capsys.readouterr().err
    assert published.book(NAME, "ko").read_bytes() == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_edited_notebook_is_noticed(published: Shelf, language: Language) -> None:
    book = published.book(NAME, language)
    stored = json.loads(book.read_text())
    stored["cells"][2]["source"] = "current()  # edited by hand"
    stored["cells"][3]["execution_count"] = None
    book.write_text(json.dumps(stored))
    faults = list(published.faults(NAME))
    assert f"{language}/{NAME}: is not what its source says: run make notebooks" in faults
    assert f"{language}/{NAME}: cell “meant-to-fail” was not executed in its turn" in faults
    assert any("“language”: code" in fault for fault in faults)


def test_outputs_alone_are_no_difference(published: Shelf) -> None:
    book = published.book(NAME, "en")
    stored = json.loads(book.read_text())
    stored["cells"][2]["outputs"] = []
    book.write_text(json.dumps(stored))
    assert list(published.faults(NAME)) == []


def test_a_notebook_without_a_source_and_a_blank_term_are_noticed(published: Shelf) -> None:
    published.book("02-stray", "ko").write_text("{}")
    glossary = published.home / "docs" / "GLOSSARY.md"
    glossary.parent.mkdir()
    glossary.write_text("| English | 한국어 |\n|---|---|\n| image | 이미지 |\n| layer | |\n")
    assert list(published.strays()) == [
        "notebooks/ko/02-stray.ipynb has no source",
        "docs/GLOSSARY.md: blank beside “layer”",
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; print('careful', file=sys.stderr)", "writes to stderr"),
        ("import os; print(os.environ['HOME'])", "tells a path of this host"),
    ],
)
def test_what_must_not_be_published_is_not(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], line: str, fault: str
) -> None:
    source = shelf.source(NAME)
    source.write_text(source.read_text().replace("\ncurrent()\n", f"\n{line}\n"))
    assert main(["bless", "01"], shelf) == 0
    assert main(["build"], shelf) == 1
    assert fault in capsys.readouterr().err


def test_sound_graders_are_proven_in_both_languages(shelf: Shelf) -> None:
    assert main(["prove"], shelf) == 0


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("hint=sums.four.less", "hint=sums.four.more", "too-small: told “sums.four.less”"),
        ("four = 2 * 2", "four = 2 * 3", "by-product: 0 of 2 points"),
        ("four = 22\n", "four = 4\n", "too-big: 2 of 2 points"),
        ("four = None", "four = 4", "untouched: 2 of 2 points"),
        ("display({", "dict({", "one verdict and ends in its score"),
        ("\nscore\n", "\nscore + 1\n", "verdict and score differ"),
    ],
)
def test_an_unsound_grader_is_caught(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], old: str, new: str, fault: str
) -> None:
    source = shelf.source(NAME)
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new, 1))
    assert main(["prove"], shelf) == 1
    assert fault in capsys.readouterr().err


def test_a_lesson_that_is_not_there_is_said_so(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "07"], shelf) == 1
    assert "no lesson begins with “07”: 01-sums" in capsys.readouterr().err


def test_lessons_lead_to_each_other(shelf: Shelf) -> None:
    names = ("00-start-here", NAME, "02-products")
    links = notebook(shelf.lesson(NAME), "ko", names).cells[0].source.split(" · ")
    assert links == [
        "[English](../en/01-sums.ipynb)",
        "[처음으로](00-start-here.ipynb)",
        "[다음](02-products.ipynb)",
    ]
