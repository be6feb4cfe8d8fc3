"""Every mistake that a grader can name is explained in both languages, in five texts each."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import lessons_lib.exercises
from lessons_lib.checks import STEPS
from lessons_lib.language import LANGUAGES, Language, catalogue

MODULES = sorted(
    path for path in Path(lessons_lib.exercises.__path__[0]).glob("*.py") if path.stem != "__init__"
)
TEXTS = ("observed", "expected", *STEPS)


def mistakes_in(module: Path) -> set[str]:
    """The names in `Mistake("…")` and `Mistake("…" if … else "…")`, wherever they stand."""
    return {
        name
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Mistake"
        for name in names_in(node.args[0])
    }


def names_in(value: ast.expr) -> Iterator[str]:
    """The texts that an expression can be."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from names_in(one)
            yield from names_in(other)


def explained(lesson: str, language: Language) -> Iterator[tuple[str, str]]:
    """(mistake, text's name) for each text of a lesson's catalogue."""
    for key in catalogue(language):
        if key.startswith(f"{lesson}."):
            _, _, mistake, text = key.split(".")
            yield mistake, text


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_has_its_five_texts_and_no_text_is_idle(
    module: Path, language: Language
) -> None:
    lesson = importlib.import_module(f"lessons_lib.exercises.{module.stem}").LESSON
    wanted = {(mistake, text) for mistake in mistakes_in(module) for text in TEXTS}
    assert set(explained(lesson, language)) == wanted
