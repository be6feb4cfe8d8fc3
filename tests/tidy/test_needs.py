"""The rules of tests/conftest.py, tried on tests that break them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import leftovers
import needs
import pytest
from sources import HOME, tracked

MISSING = """
import needs, pytest
needs.NEEDS["mars"] = needs.Need(lambda: "no mars here", "mars-tools")

@pytest.mark.needs("mars")
def test_on_mars():
    pass
"""

LEAVES_A_CHILD = """
import leftovers, pytest, subprocess
leftovers.PATIENCE_S = 0.1

@pytest.mark.needs()
def test_that_leaves_a_process():
    subprocess.Popen(["sleep", "3"])
"""


def run(tmp_path: Path, test: str, ci: bool) -> str:
    """The report of a run of one test file under our conftest."""
    (tmp_path / "test_it.py").write_text(test)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-c", str(HOME / "pyproject.toml"), "-p", "conftest"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        env={**environment, "CI": "true"} if ci else environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_a_missing_need_skips_and_names_its_package(tmp_path: Path) -> None:
    assert "no mars here; Debian package mars-tools" in run(tmp_path, MISSING, ci=False)


def test_in_ci_a_missing_need_is_a_failure(tmp_path: Path) -> None:
    report = run(tmp_path, MISSING, ci=True)
    assert "with CI=true nothing may be missing: no mars here" in report
    assert re.search(r"1 error|1 failed", report)


def test_what_a_test_leaves_behind_is_named(tmp_path: Path) -> None:
    report = run(tmp_path, LEAVES_A_CHILD, ci=False)
    assert re.search(r"child process \d+ sleep", report)
    assert re.search(r"1 error|1 failed", report)


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian on which skopeo is missing and the package lists are too old at first. Returns the
    file with what was asked of apt-get, and whether a daemon could have started meanwhile.
    """
    asked, policy = tmp_path / "asked", tmp_path / "policy-rc.d"
    programs = {
        "dpkg-query": 'case "$*" in *skopeo*) exit 1;; esac; printf installed',
        "apt-get": f"""
            sh {policy}; echo "$? $*" >> {asked}
            case "$*" in *install*) grep -q update {asked};; esac""",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(needs, "POLICY", policy)
    return asked


def test_as_root_only_what_is_missing_is_installed_and_no_daemon_starts(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert needs.install() == 0
    install = "101 -qq -y --no-install-recommends install skopeo"
    update = "101 -qq -y --no-install-recommends update"
    assert apt.read_text().splitlines() == [install, update, install]
    assert not needs.POLICY.exists()
    assert "root and apt are there" in capsys.readouterr().out


def test_without_root_it_says_which_tests_are_skipped(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert needs.install() == 0
    said = capsys.readouterr().out
    assert said == "Debian package skopeo is missing: tests that need skopeo are skipped\n"
    assert not apt.exists()


def test_every_program_that_a_need_asks_for_comes_from_the_list() -> None:
    asked = {need.package for need in needs.NEEDS.values() if need.package}
    assert asked <= set(needs.packages(with_daemons=True))
    assert set(needs.packages(with_daemons=False)) <= set(needs.packages(with_daemons=True))


def test_every_need_that_a_test_names_exists() -> None:
    named: set[str] = set()
    for path in tracked():
        if path.startswith("tests/") and path.endswith(".py") and "tidy" not in path:
            for arguments in re.findall(r"mark\.needs\(([^)]*)\)", (HOME / path).read_text()):
                named |= set(re.findall(r'"([^"]+)"', arguments))
    assert named <= set(needs.NEEDS)
    assert "containers" in named


def test_a_look_sees_a_mount_and_a_network_interface() -> None:
    seen = leftovers.look(strict=False)
    assert "network interface lo" in seen
    assert any(line.startswith("mount / (") for line in seen)
