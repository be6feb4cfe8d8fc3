"""Which command a cell types, and that it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons_lib import folder
from lessons_lib.docker_command import is_installed, same_with_docker
from runtime.engine import Engine

LINES = ("docker ps --format '{{.Names}} {{.State}}'", "docker inspect nobody 2>/dev/null")


@pytest.fixture(autouse=True)
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that is open."""
    monkeypatch.setenv("ONGGI_LESSONS", str(tmp_path))
    monkeypatch.setenv("ONGGI_LANG", "en")
    folder.enter("05").mkdir()
    yield
    folder.leave()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which nobody but the test puts programs, beside those of every host."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/local/sbin-of-nobody")
    return tmp_path


def put(programs: Path, name: str, script: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def test_podmans_docker_is_not_dockers(programs: Path) -> None:
    assert not is_installed()
    put(programs, "docker", "echo podman version 4.3.1")
    assert not is_installed()
    put(programs, "docker", "echo Docker version 28.2.2, build 1")
    assert is_installed()


@pytest.mark.needs("containers")
def test_without_docker_it_is_ours_and_says_so(engine: Engine, programs: Path) -> None:
    (programs / "sh").symlink_to("/bin/sh")
    engine.containers.run("onggi/base", ["sleep", "1000"], name="sunja", detach=True)
    shown = same_with_docker(*LINES)
    assert shown.words.splitlines()[:3] == [
        "typed with onggi: there is no docker command on this machine",
        "$ onggi ps --format '{{.Names}} {{.State}}'",
        "sunja running",
    ]
    assert shown.exit_code == 1


@pytest.mark.needs("containers", "docker")
def test_with_docker_it_is_docker_and_says_so(engine: Engine) -> None:
    engine.containers.run("onggi/base", ["sleep", "1000"], name="sunja", detach=True)
    shown = same_with_docker(*LINES)
    assert shown.words.splitlines()[:3] == [
        "typed with docker: Docker's own command, answered by onggi serve",
        "$ docker ps --format '{{.Names}} {{.State}}'",
        "sunja running",
    ]
    assert shown.exit_code == 1
