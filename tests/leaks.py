"""Tests that leave something behind, each another kind of thing, and one that never ends.
tests/kernel/test_lanes.py runs them in a lane and wants each to be found; nobody else does.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import lane
import leftovers
import pytest

from runtime.linux import mount

pytestmark = pytest.mark.needs("root", "ip")

leftovers.PATIENCE_S = 0.2  # what is left here is there at once, and stays


@pytest.fixture(scope="session")
def a_session_s_own() -> Iterator[None]:
    yield
    Path(tempfile.gettempdir(), "left-by-the-session").touch()


def test_nothing(a_session_s_own: None) -> None:
    """The only one that passes; but see its fixture."""
    assert lane.current()


def test_a_mount(tmp_path: Path) -> None:
    mount.mount("tmpfs", tmp_path, "tmpfs")


def test_a_group_of_the_engine() -> None:
    (lane.trees()[0].where / "onggi/seeded").mkdir(parents=True)


def test_any_group() -> None:
    (lane.trees()[-1].where / "seeded").mkdir()


def test_an_interface() -> None:
    subprocess.run(["ip", "link", "add", "seeded", "type", "bridge"], check=True)


def test_a_child() -> None:
    subprocess.Popen(["sleep", "1000"])


def test_a_process_that_nobody_knows() -> None:
    subprocess.run(["sh", "-c", "setsid sleep 1000 & exit"], check=True)


def test_a_process_in_other_namespaces() -> None:
    unshare = ["unshare", "--pid", "--net", "--fork", "sleep", "1000"]
    with subprocess.Popen(unshare) as process:
        while not list(Path(f"/proc/{process.pid}/task/{process.pid}").glob("children")):
            time.sleep(0.01)
        while not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text():
            time.sleep(0.01)
        process.kill()


def test_a_temporary_file() -> None:
    os.close(tempfile.mkstemp(prefix="seeded-")[0])


def test_that_never_ends(a_session_s_own: None) -> None:
    subprocess.Popen(["sleep", "1000"])
    Path(lane.trees()[0].where, "onggi/seeded").mkdir(parents=True)
    Path(os.environ["ONGGI_NEVER_ENDS"]).touch()
    time.sleep(1000)
