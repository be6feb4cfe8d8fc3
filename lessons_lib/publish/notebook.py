"""One language's notebook of a lesson, without outputs. The only door to nbformat.

The same source gives the same bytes: cell ids are the units' keys, nothing is drawn at random
and nothing tells when or where it was made.

nbformat 4.5 (cell ids); nbgrader's cell metadata, schema 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish.source import Answer, Code, Exercise, Grade, Lesson, Prose, Unit

Book = NotebookNode
"""A notebook of the format: `cells` and `metadata`."""

Cell = NotebookNode
"""One of its cells, or one of a cell's outputs."""

START = "00-start-here"
NAVIGATION = "navigation"
"""The id of the first cell. It has the same links in both languages, the way parity counts them."""

_WORDS: dict[Language, dict[str, str]] = {
    "ko": {"other": "English", "start": "처음으로", "before": "이전", "after": "다음"},
    "en": {"other": "한국어", "start": "Start page", "before": "Previous", "after": "Next"},
}


def notebook(lesson: Lesson, language: Language, names: Sequence[str] = ()) -> Book:
    """The notebook of `lesson` in `language`; `names` are all lessons in their order."""
    cells = [_navigation(lesson.name, language, names)]
    cells += [cell for unit in lesson.units for cell in _cells(unit, language)]
    return cast(Book, new_notebook(cells=cells, metadata=_metadata(lesson, language)))


def read(path: Path) -> Book:
    """The notebook stored at `path`, checked against its schema. Raises ValidationError."""
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    return cast(Book, stored)


def write(book: Book, path: Path) -> None:
    """Store `book` at `path`, checked against its schema."""
    nbformat.validate(book)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(book) + "\n", "utf-8")


def keep_outputs(fresh: Book, stored: Book) -> bool:
    """Give `fresh` the outputs of `stored`; False, and nothing done, if their code differs."""
    new, old = list(code_cells(fresh)), list(code_cells(stored))
    if [(cell.id, cell.source) for cell in new] != [(cell.id, cell.source) for cell in old]:
        return False
    for mine, theirs in zip(new, old, strict=True):
        mine.outputs, mine.execution_count = theirs.outputs, theirs.execution_count
    return True


def without_outputs(book: Book) -> Any:
    """What a source decides: everything but the outputs and their numbers."""
    plain = nbformat.from_dict(book)
    for cell in code_cells(plain):
        cell.outputs, cell.execution_count = [], None
    return plain


def code_cells(book: Book) -> Iterator[Cell]:
    """The notebook's code cells in their order."""
    return (cell for cell in book.cells if cell.cell_type == "code")


def _metadata(lesson: Lesson, language: Language) -> dict[str, object]:
    return {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
        "onggi": {"lesson": lesson.name, "language": language},
        "title": lesson.title(language),
    }


def _navigation(name: str, language: Language, names: Sequence[str]) -> Cell:
    """Other language, start page, neighbours: the links that every lesson begins with."""
    words = _WORDS[language]
    other = next(each for each in LANGUAGES if each != language)
    links = [f"[{words['other']}](../{other}/{name}.ipynb)"]
    if name != START:
        links.append(f"[{words['start']}]({START}.ipynb)")
    for word, neighbour in _neighbours(name, names):
        links.append(f"[{words[word]}]({neighbour}.ipynb)")
    return _markdown(NAVIGATION, " · ".join(links))


def _neighbours(name: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lesson before (unless it is the start page, which has its own link) and after."""
    if name not in names:
        return
    place = names.index(name)
    for word, found in (("before", names[:place][-1:]), ("after", names[place + 1 :][:1])):
        yield from ((word, neighbour) for neighbour in found if neighbour != START)


def _cells(unit: Unit, language: Language) -> Iterator[Cell]:
    match unit:
        case Prose():
            yield _markdown(unit.key, unit.text[language])
        case Code():
            yield _code(unit.key, unit.code, {"tags": list(unit.tags)} if unit.tags else {})
        case Exercise():
            yield _code(unit.key, unit.stub, {"nbgrader": _nbgrader(unit.key, solution=True)})
        case Grade():
            graded = _nbgrader(unit.key, grade=True, locked=True, points=unit.points)
            yield _code(unit.key, unit.code, {"nbgrader": graded})
        case Answer():
            return


def _nbgrader(
    key: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict[str, object]:
    worth = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "grade_id": key,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
        **worth,
    }


def _markdown(key: str, text: str) -> Cell:
    return cast(Cell, new_markdown_cell(text, id=key))


def _code(key: str, text: str, metadata: dict[str, object]) -> Cell:
    return cast(Cell, new_code_cell(text, id=key, metadata=metadata))
