"""Every published notebook, run again by nbval: what is stored is what a learner will see.

Each run has its own copy of a state directory with base images, and a kernel in the notebook's
folder, as in JupyterLab. And every grader is tried with every answer that its lesson seeds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from conftest import SLOW_GRAMMAR

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish import execute
from lessons_lib.publish.prove import prove
from lessons_lib.publish.shelf import HOME, Shelf

SHELF = Shelf()
PYTEST = f"import sys, pytest; sys.modules[{SLOW_GRAMMAR!r}] = None; sys.exit(pytest.main())"
SANITIZE = Path(__file__).with_name("sanitize.cfg")

pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(600)]


@pytest.fixture
def where(base_state: Path, tmp_path: Path) -> Iterator[execute.Scratch]:
    """A home and a state directory as on a learner's second day: the base images are there."""
    state = tmp_path / "state"
    subprocess.run(["cp", "--archive", "--reflink=auto", base_state, state], check=True)
    with execute.scratch(state) as scratch:
        yield scratch
    leftovers.end_launchers(state)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SHELF.names())
def test_a_notebook_gives_its_stored_outputs_again(
    name: str, language: Language, where: execute.Scratch
) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-c", PYTEST, "-c", "/dev/null", f"--rootdir={HOME}"),
            *("-q", "-p", "no:cacheprovider", "--color=no", "--tb=short"),
            *("--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZE}"),
            f"--nbval-cell-timeout={execute.CELL_TIMEOUT_S}",
            str(SHELF.book(name, language)),
        ],
        cwd=HOME,
        env=where.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert where.containers() == []


@pytest.mark.parametrize("name", [name for name in SHELF.names() if SHELF.lesson(name).exercises])
def test_graders_know_right_from_wrong(name: str, where: execute.Scratch) -> None:
    """In one language: cells and graders are the same code in both, and each has its turn."""
    language = LANGUAGES[SHELF.names().index(name) % len(LANGUAGES)]
    assert list(prove(SHELF.lesson(name), language, SHELF.folder(language), where)) == []
