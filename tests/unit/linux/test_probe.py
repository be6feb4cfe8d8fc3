"""What a host permits is tried, in a process of its own, and answered with evidence."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runtime.linux import namespaces, probe


def test_every_answer_has_evidence_and_what_is_missing_has_advice() -> None:
    for capability in probe.capabilities():
        assert capability.evidence, capability.name
        assert capability.available or capability.advice, capability.name
        assert capability.available or capability.evidence != "0", capability.name


def test_names_are_not_said_twice() -> None:
    names = [capability.name for capability in probe.capabilities()]
    assert len(names) == len(set(names))


def test_a_trial_changes_nothing_for_the_one_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = [namespaces.identity("self", kind) for kind in namespaces.FLAG_OF_KIND]
    probe.capabilities()
    assert [namespaces.identity("self", kind) for kind in namespaces.FLAG_OF_KIND] == before
    assert probe.overlay_problem() == probe.overlay_problem(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_trial_raises_is_told() -> None:
    def fail() -> None:
        raise ValueError("as it happens")

    assert probe.tried(fail) == "as it happens"
    assert probe.tried(lambda: None) == ""


@pytest.mark.needs("root")
def test_without_privilege_namespaces_are_missing_and_it_says_why() -> None:
    """The same probe by a user who has nothing: it must neither crash nor promise anything."""
    program = """
import os
from runtime.linux import probe
os.setgroups([]); os.setgid(65534); os.setuid(65534)
probe.report()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        check=True,
        capture_output=True,
        text=True,
    )
    assert '"name": "root", "available": false' in done.stdout
    assert '"name": "mount namespace", "available": false' in done.stdout
    assert "Operation not permitted" in done.stdout
    assert done.stderr == ""
