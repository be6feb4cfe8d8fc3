"""Which command a cell types, and that it says so."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons_lib import docker_command, folder
from lessons_lib.docker_command import is_installed, same_with_docker
from lessons_lib.language import LANGUAGES, Language, catalogue
from lessons_lib.terminal import _transcript
from lessons_lib.waiting import until
from runtime.engine import Engine

SANITIZE = Path(__file__).parents[2] / "lessons" / "sanitize.cfg"
LINES = ("docker ps --format '{{.Names}} {{.State}}'", "docker inspect nobody 2>/dev/null")


@pytest.fixture(autouse=True)
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that is open."""
    monkeypatch.setenv("ONGGI_LESSONS", str(tmp_path))
    monkeypatch.setenv("ONGGI_LANG", "en")
    folder.enter("05").mkdir()
    yield
    docker_command.stop_serving()
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


@pytest.mark.needs("containers", "docker")
def test_one_server_answers_all_cells_and_leaves_no_socket(engine: Engine) -> None:
    first = docker_command.served()
    assert docker_command.served() == first
    socket = Path(first.removeprefix("unix://"))
    assert socket.stat().st_mode & 0o007 == 0
    docker_command.stop_serving()
    assert not socket.exists()
    again = docker_command.served()
    assert again != first


@pytest.mark.needs("containers")
def test_the_server_ends_with_the_kernel_however_that_ends(engine: Engine) -> None:
    program = "from lessons_lib import docker_command as d; print(d.served(), flush=True); input()"
    kernel = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert kernel.stdout is not None
    with kernel, kernel.stdout as told:
        socket = Path(told.readline().strip().removeprefix("unix://"))
        assert socket.exists()
        kernel.kill()
    assert until(lambda: not socket.exists())


@pytest.mark.usefixtures("state_root")
@pytest.mark.parametrize("language", LANGUAGES)
def test_which_of_the_two_it_was_does_not_count_when_outputs_are_compared(
    language: Language,
) -> None:
    """The published notebooks pass on a host with docker and on one without."""
    rules = configparser.RawConfigParser()
    rules.read(SANITIZE, "utf-8")
    pages = []
    for program in ("docker", "onggi"):
        note = catalogue(language)[f"docker_command.by-{program}"]
        shown = _transcript([(f"{program} ps", "docker.txt", 0)], note)
        pages.append(f"{shown.words}\n{shown.page}")
    assert pages[0] != pages[1]
    for name in rules.sections():
        rule = rules[name]
        pages = [re.sub(rule["regex"], rule["replace"], each) for each in pages]
    assert pages[0] == pages[1]
    assert "docker.txt" in pages[0]
