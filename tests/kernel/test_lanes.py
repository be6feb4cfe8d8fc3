"""A lane is strict: whatever a test leaves in it is found, and the lane takes it along."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lane
import leftovers
import pytest

TESTS = Path(lane.__file__).parent
LEAKS = {
    "test_a_mount": r"mount /.* \(tmpfs\)",
    "test_a_group_of_the_engine": "control group .*/onggi/seeded",
    "test_any_group": "control group .*/seeded",
    "test_an_interface": "network interface seeded",
    "test_a_child": r"child process \d+ sleep",
    "test_a_process_that_nobody_knows": r"process \d+ sleep",
    "test_a_process_in_other_namespaces": r"process \d+ sleep",
    "test_a_temporary_file": "file .*/seeded-.*",
}

pytestmark = pytest.mark.needs("lanes", "ip")


def in_a_lane(which: str, place: Path, **options: Any) -> subprocess.Popen[str]:
    """Run those of tests/leaks.py in a lane."""
    words = ("-n1", "-pno:cacheprovider", f"--basetemp={place}/base", "-k", which)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *words, TESTS / "leaks.py"],
        cwd=TESTS.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def test_every_kind_of_leak_is_found(tmp_path: Path) -> None:
    run = in_a_lane("not never", tmp_path)
    told, _ = run.communicate()
    for name, left in LEAKS.items():
        section = told.partition(f"ERROR at teardown of {name} ")[2].partition("_ ERROR at")[0]
        assert re.search(rf"^the test has left behind\n(  .*\n)*  {left}$", section, re.M), told
    assert f" {len(LEAKS) + 1} passed, {len(LEAKS)} errors " in told
    assert re.search("^left behind by this run: file .*/left-by-the-session, in gw0$", told, re.M)
    assert run.returncode != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_broken_off_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """By Ctrl-C, which every process of a terminal gets, or by the death of who started it."""
    begun, temporary = tmp_path / "begun", tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "ONGGI_NEVER_ENDS": str(begun), "TMPDIR": str(temporary)}
    before = leftovers.look(strict=True)
    run = in_a_lane("never", tmp_path, env=environment, start_new_session=True)
    while not begun.exists():
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.05)
    os.killpg(run.pid, number) if number == signal.SIGINT else run.kill()
    told, _ = run.communicate()
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in told
        assert list(temporary.iterdir()) == []
    assert leftovers.since(before, lambda: True) == []
