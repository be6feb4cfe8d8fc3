"""What `make test` makes of tests that fail: always, or only beside others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import run
from conftest import LEFT_BEHIND

ONCE = """
import pathlib
def test_{name}():
    seen = pathlib.Path(__file__).with_name("seen-{name}")
    seen.touch() if (first := not seen.exists()) else None
    assert not first, "as it was the first time"
"""
ALWAYS = "def test_always(): assert not 'ever'\n"
FINE = "def test_fine(): pass\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with no settings of ours."""
    (tmp_path / "pytest.ini").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*tests: str) -> tuple[int, str]:
    """The exit code and what is said, of a run of these tests."""
    Path("test_them.py").write_text("\n".join(tests))
    program = f"import sys; sys.path.insert(0, {str(Path(run.__file__).parent)!r}); import run; "
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(run.asked([], ()))"],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.usefixtures("project")
def test_all_well_is_asked_once() -> None:
    code, said = asked(FINE)
    assert code == 0
    assert "1 passed" in said
    assert "Once more" not in said


@pytest.mark.usefixtures("project")
def test_who_fails_beside_others_only_is_named_and_does_not_fail_the_run() -> None:
    code, said = asked(FINE, ONCE.format(name="unsteady"))
    assert code == 0
    assert "as it was the first time" in said
    assert said.endswith("UNSTEADY test_them.py::test_unsteady: not alone\n")


@pytest.mark.usefixtures("project")
def test_who_fails_alone_too_fails_the_run() -> None:
    code, said = asked(ONCE.format(name="unsteady"), ALWAYS)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "FAILED test_them.py::test_always: alone, too" in said
    assert "UNSTEADY test_them.py::test_unsteady: not alone" in said


@pytest.mark.usefixtures("project")
def test_many_failures_are_not_asked_again() -> None:
    code, said = asked(*(ONCE.format(name=f"n{number}") for number in range(run.FEW + 1)))
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "Once more" not in said


def test_what_a_run_has_left_behind_is_not_asked_again(project: Path) -> None:
    (project / "conftest.py").write_text(
        f"def pytest_sessionfinish(session): session.exitstatus = {LEFT_BEHIND}"
    )
    code, said = asked(ONCE.format(name="unsteady"))
    assert code == LEFT_BEHIND
    assert "Once more" not in said


@pytest.mark.usefixtures("project")
def test_a_file_that_cannot_be_read_fails_the_run() -> None:
    assert asked("this is no Python")[0] == pytest.ExitCode.INTERRUPTED
