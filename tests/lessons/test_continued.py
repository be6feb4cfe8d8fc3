"""A lesson can be left and taken up again: cells run twice, kernels restart, all is put away.

A learner runs a cell again after changing it back, closes the lid, restarts the kernel. Containers
and predictions live outside the kernel, so the first code cell is all that has to be run again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from lessons_lib.publish import execute
from lessons_lib.publish.notebook import code_cells, notebook
from lessons_lib.publish.shelf import Shelf
from runtime.engine import Engine

SHELF = Shelf()
CLEAN = "clean"
"""The key of the cell that puts everything away: the last one."""

pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(600)]


@pytest.fixture
def where(base_state: Path, tmp_path: Path) -> Iterator[execute.Scratch]:
    state = tmp_path / "state"
    subprocess.run(["cp", "--archive", "--reflink=auto", base_state, state], check=True)
    with execute.scratch(state) as scratch:
        yield scratch
    for container in Engine(state).containers.list(all=True):
        container.remove(force=True)
    leftovers.end_launchers(state)


def outputs(client: NotebookClient, book: NotebookNode, cell: NotebookNode) -> list[str]:
    """Run one cell; what it shows, in words."""
    execute.run(client, cell, book.cells.index(cell))
    return [str(o.get("text") or o.get("data", {}).get("text/plain")) for o in cell.outputs]


@pytest.mark.parametrize("name", SHELF.names())
def test_cells_run_twice_and_survive_a_restart(name: str, where: execute.Scratch) -> None:
    book = notebook(SHELF.lesson(name), "ko")
    folder = SHELF.folder("ko")
    setup, *rest = [cell for cell in code_cells(book) if cell.id != CLEAN]
    differ = {cell.id for cell in rest if cell.metadata.get("nbgrader", {}).get("grade")}
    # A second attempt at an exercise may hear the next hint; some pictures show a moment.
    differ |= {cell.id for cell in rest if "nbval-ignore-output" in cell.metadata.get("tags", ())}
    middle = len(rest) // 2
    for half in (rest[:middle], rest[middle:]):
        with execute.kernel(book, folder, where) as client:
            outputs(client, book, setup)
            for cell in half:
                first = outputs(client, book, cell)
                again = outputs(client, book, cell)
                assert cell.id in differ or first == again, cell.id


def test_the_last_cell_leaves_nothing(where: execute.Scratch) -> None:
    name = "03-images-and-containers"
    book = notebook(SHELF.lesson(name), "en")
    before = {tag for image in Engine(where.state).images.list() for tag in image.tags}
    execute.execute(book, SHELF.folder("en"), where)
    engine = Engine(where.state)
    assert engine.containers.list(all=True) == []
    assert {tag for image in engine.images.list() for tag in image.tags} == before
    assert not (where.home / "onggi-lessons").exists()
