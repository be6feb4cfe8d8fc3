"""A learner who works through one published notebook. nbval is the hand: it runs each cell and
compares what comes out with what is stored.

A notebook is executed once for everything that has to be found out, and there are two languages,
so one learner has tried an exercise in all ways before going on, and the other one runs each cell
twice, and in the middle of the lesson closes the lid and starts a new kernel.

These are hooks of nbval's pytest, which has nothing to do with the one that runs our tests.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from lessons_lib.language import Language
from lessons_lib.publish import execute
from lessons_lib.publish.notebook import Cell
from lessons_lib.publish.prove import attempts, faults
from lessons_lib.publish.shelf import Shelf
from lessons_lib.publish.source import Grade, Lesson

TESTS = Path(__file__).parent
SANITIZE = TESTS / "lessons" / "sanitize.cfg"
CLEAN = "clean"
"""The key of the cell that puts everything away: the last one."""


def work(
    way: str, shelf: Shelf, name: str, language: Language, where: execute.Scratch
) -> subprocess.CompletedProcess[str]:
    """Work through one notebook in `way` "answers" or "again"; 0 if nothing is wrong with it."""
    from conftest import SLOW_GRAMMAR

    program = f"import sys; sys.modules[{SLOW_GRAMMAR!r}] = None; import learner; learner.main()"
    return subprocess.run(
        [sys.executable, "-c", program, way, shelf.home, name, language],
        cwd=shelf.home,
        env={**where.environment(), "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def execute_beside(item: Any, cell: Cell, source: str) -> list[Any]:
    """Run other code in the place of this cell, in nbval's kernel; what came out of it."""
    fresh = Cell(cell)
    fresh.update(source=source, outputs=[], execution_count=None)
    beside = type(item).from_parent(
        item.parent, name=item.name, cell_num=item.cell_num, cell=fresh, options=item.options
    )
    beside.runtest()
    return list(beside.test_outputs)


class Answers:
    """Gives every seeded answer to every exercise; the solution last, and goes on with that."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.exercises = {each.key: each for each in lesson.exercises}
        self.grades = {unit.key: unit for unit in lesson.units if isinstance(unit, Grade)}
        self.asked: dict[str, Cell] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, None, None]:
        """Nbval has run the untouched stub; grade that, then all other answers."""
        yield
        key = item.cell.id
        if key in self.exercises:
            self.asked[key] = item.cell
        if key not in self.grades:
            return
        grade = self.grades[key]
        untouched, *others = attempts(self.lesson, self.exercises[grade.exercise])
        found = list(faults(untouched, grade, item.test_outputs))
        for attempt in others:
            execute_beside(item, self.asked[grade.exercise], attempt.code)
            verdict = execute_beside(item, item.cell, item.cell.source)
            found += faults(attempt, grade, verdict)
        assert not found, "\n".join(found)


class Again:
    """Runs each cell twice, and starts a new kernel in the middle of the lesson."""

    def __init__(self) -> None:
        self.setup: Any = None
        self.middle: Any = None

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Cells are items."""
        self.setup, self.middle = items[0], items[len(items) // 2]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, None, None]:
        """Nbval runs the cell; here is what comes before and after."""
        if item is self.middle:
            item.parent.teardown()
            item.parent.setup()
            self.setup.runtest()
        yield
        if item.cell.metadata.get("nbgrader", {}).get("grade"):
            # A second attempt at an exercise may hear the next hint.
            execute_beside(item, item.cell, item.cell.source)
        elif item.cell.id != CLEAN:
            item.runtest()


def main() -> None:
    """Run nbval, with a learner for its plugin."""
    way, home, name, language = sys.argv[1:]
    shelf = Shelf(Path(home))
    plugin = Answers(shelf.lesson(name)) if way == "answers" else Again()
    options = [
        *("-c", "/dev/null", f"--rootdir={home}"),
        *("-q", "-p", "no:cacheprovider", "--color=no", "--tb=short"),
        *("--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZE}"),
        f"--nbval-cell-timeout={execute.CELL_TIMEOUT_S}",
    ]
    sys.exit(pytest.main([*options, f"{home}/notebooks/{language}/{name}.ipynb"], [plugin]))
