"""What `make setup` says on a machine where something is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sources import HOME


def python(place: Path, name: str, script: str) -> None:
    """A program that answers as an interpreter of such a machine would."""
    program = place / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with no interpreter, nothing but what the script itself calls."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("grep", "basename"):
        found = shutil.which(name)
        assert found
        (place / name).symlink_to(found)
    return place


def setup(machine: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    script = (HOME / "lessons_lib" / "setup.sh").read_text()
    (tmp_path / "setup.sh").write_text(script.replace("/usr/bin/python3 ", ""))
    return subprocess.run(
        ["/bin/sh", "setup.sh"],
        cwd=tmp_path,
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_python3_venv_is_named(machine: Path, tmp_path: Path) -> None:
    python(machine, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    run = setup(machine, tmp_path)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "Debian 패키지 python3-venv이(가) 없습니다: sudo apt install python3-venv",
        "The Debian package python3-venv is missing: sudo apt install python3-venv",
    ]
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_is_said_to_be_too_old(machine: Path, tmp_path: Path) -> None:
    python(machine, "python3", "exit 1")
    run = setup(machine, tmp_path)
    assert run.returncode == 1
    assert "Python 3.11" in run.stderr
    assert "이상이 필요합니다" in run.stderr


def test_a_newer_python_beside_an_old_one_is_found(machine: Path, tmp_path: Path) -> None:
    python(machine, "python3", "exit 1")
    python(machine, "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac')
    assert "sudo apt install python3.12-venv" in setup(machine, tmp_path).stderr


def test_packages_that_cannot_be_had_end_in_one_sentence(machine: Path, tmp_path: Path) -> None:
    (machine / "python3").symlink_to(sys.executable)
    (tmp_path / "constraints.txt").write_text("setuptools==0.0.1\n")
    run = setup(machine, tmp_path)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        "That failed. Check the network or pip's settings, then run it again."
    )
