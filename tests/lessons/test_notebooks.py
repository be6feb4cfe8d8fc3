"""Every published notebook, run by nbval: what is stored is what a learner will see.

Each run has its own copy of a state directory with base images, and a kernel in the notebook's
folder, as in JupyterLab. On the way, in one language every grader is tried with every answer that
its lesson seeds, and in the other the lesson is left and taken up again (learner.py): cells and
graders are the same code in both, and each has its turn.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import learner
import leftovers
import pytest

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish import execute
from lessons_lib.publish.shelf import Shelf
from runtime.engine import Engine

SHELF = Shelf()
pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(600)]


@pytest.fixture
def where(base_state: Path, tmp_path: Path) -> Iterator[execute.Scratch]:
    """A home and a state directory as on a learner's second day: the base images are there."""
    state = tmp_path / "state"
    subprocess.run(["cp", "--archive", "--reflink=auto", base_state, state], check=True)
    with execute.scratch(state) as scratch:
        yield scratch
    for container in Engine(state).containers.list(all=True):
        container.remove(force=True)
    leftovers.end_launchers(state)


def belongings(where: execute.Scratch) -> set[str]:
    """Whatever a lesson could leave to the next one."""
    engine = Engine(where.state)
    return {
        *where.containers(),
        *(tag for image in engine.images.list() for tag in image.tags),
        *(volume.name for volume in engine.volumes.list()),
        *(network.name for network in engine.networks.list()),
        *(str(path) for path in where.home.glob("onggi-lessons/*")),
    }


def way(name: str, language: Language) -> str:
    """What a learner does in this notebook beside reading it."""
    turn = (SHELF.names().index(name) + LANGUAGES.index(language)) % 2
    return ("answers", "again")[turn]


@pytest.mark.parametrize(
    ("name", "language", "way"),
    [(name, language, way(name, language)) for name in SHELF.names() for language in LANGUAGES],
)
def test_a_notebook_gives_its_stored_outputs_again(
    name: str, language: Language, way: str, where: execute.Scratch
) -> None:
    before = belongings(where)
    run = learner.work(way, SHELF, name, language, where)
    assert run.returncode == 0, run.stdout + run.stderr
    assert belongings(where) == before
