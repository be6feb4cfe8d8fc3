"""Snapshots: whole or not there; shared by name; and crashes leave only what can be cleared."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.errors import Conflict, IntegrityError, NotFound
from runtime.oci.digest import ChainID
from runtime.snapshot.overlay import KEY_LENGTH, Overlay, Snapshots, content_bytes, disk_bytes

BASE, TOP, OTHER = (ChainID.of(name) for name in (b"base", b"top", b"other"))


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def unpack(snapshots: Snapshots, chain_id: ChainID, parent: ChainID | None, text: str) -> None:
    def write(fs: Path) -> None:
        (fs / "file").write_text(text)

    snapshots.unpack(chain_id, parent, write)


def listed(snapshots: Snapshots) -> list[str]:
    return sorted(os.listdir(snapshots.directory))


def test_layers_are_a_chain_newest_first(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    unpack(snapshots, TOP, BASE, "top")
    assert [fs.joinpath("file").read_text() for fs in snapshots.chain(TOP)] == ["top", "base"]
    assert snapshots.view(TOP) == Overlay((snapshots.files(TOP), snapshots.files(BASE)))
    assert snapshots.chain(None) == ()
    assert set(snapshots.chain_ids()) == {BASE, TOP}
    assert list(snapshots.keys()) == []


def test_a_layer_is_unpacked_once(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "first")
    unpack(snapshots, BASE, None, "second")
    assert (snapshots.files(BASE) / "file").read_text() == "first"


def test_a_failing_unpack_leaves_nothing(snapshots: Snapshots) -> None:
    def fail(fs: Path) -> None:
        (fs / "half").touch()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        snapshots.unpack(BASE, None, fail)
    assert not snapshots.has(BASE)
    assert listed(snapshots) == []


def test_what_is_below_must_be_there(snapshots: Snapshots) -> None:
    for attempt in (
        lambda: unpack(snapshots, TOP, BASE, "top"),
        lambda: snapshots.prepare("c", BASE),
        lambda: snapshots.overlay("c"),
        lambda: snapshots.view(BASE),
    ):
        with pytest.raises(NotFound, match="no such snapshot"):
            attempt()
    assert not snapshots.directory.exists()


def test_a_writable_one_lies_on_top(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    overlay = snapshots.prepare("c", BASE)
    assert overlay.lower == (snapshots.files(BASE),)
    assert overlay.upper is not None
    assert overlay.work is not None
    assert os.listdir(overlay.upper) == os.listdir(overlay.work) == []
    assert overlay.upper.stat().st_mode & 0o7777 == 0o755
    assert snapshots.overlay("c") == overlay
    assert list(snapshots.keys()) == ["c"]


def test_a_name_is_taken_once(snapshots: Snapshots) -> None:
    overlay = snapshots.prepare("c", None)
    assert overlay.upper is not None
    (overlay.upper / "mine").touch()
    with pytest.raises(Conflict, match="c"):
        snapshots.prepare("c", None)
    assert os.listdir(overlay.upper) == ["mine"]
    assert listed(snapshots) == ["c"]


def test_committing_makes_a_layer_of_it(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    overlay = snapshots.prepare("build-1", BASE)
    assert overlay.upper is not None
    (overlay.upper / "file").write_text("built")
    snapshots.commit("build-1", TOP)
    assert snapshots.has(TOP)
    assert snapshots.chain(TOP) == (snapshots.files(TOP), snapshots.files(BASE))
    assert (snapshots.files(TOP) / "file").read_text() == "built"
    assert not (snapshots.files(TOP).parent / "work").exists()
    assert list(snapshots.keys()) == []


def test_of_two_that_make_the_same_layer_the_first_stays(snapshots: Snapshots) -> None:
    for key in ("build-1", "build-2"):
        upper = snapshots.prepare(key, None).upper
        assert upper is not None
        (upper / "file").write_text(key)
    snapshots.commit("build-1", TOP)
    snapshots.commit("build-2", TOP)
    assert (snapshots.files(TOP) / "file").read_text() == "build-1"
    assert len(listed(snapshots)) == 1


def test_removing(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    snapshots.prepare("c", BASE)
    snapshots.remove("c")
    snapshots.remove("c")
    snapshots.remove(BASE)
    snapshots.remove(OTHER)
    assert listed(snapshots) == []
    assert list(Snapshots(snapshots.directory / "nowhere").keys()) == []


def test_two_layers_whose_names_begin_alike_are_noticed(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    twin = ChainID.parse("sha256:" + BASE.hex[:KEY_LENGTH] + "0" * (64 - KEY_LENGTH))
    with pytest.raises(IntegrityError, match="same short name"):
        snapshots.has(twin)


def test_a_name_is_short_enough_for_128_layers(tmp_path: Path) -> None:
    """overlayfs takes its options in one page of 4096 bytes."""
    snapshots = Snapshots(tmp_path)
    name = str(snapshots.files(BASE).relative_to(snapshots.directory))
    page = len(":".join([name] * 128)) + len("lowerdir=,upperdir=/fs,workdir=/work") + 2 * 64
    assert page < 4096


def test_threads_that_unpack_the_same_layers(snapshots: Snapshots) -> None:
    together = threading.Barrier(4)

    def work() -> list[int]:
        together.wait()
        chain_ids = [ChainID.of(bytes([number])) for number in range(20)]
        for chain_id in chain_ids:
            unpack(snapshots, chain_id, None, "x" * 1000)
        return [(snapshots.files(chain_id) / "file").stat().st_size for chain_id in chain_ids]

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(work) for _ in range(4)]
    assert [thread.result() for thread in threads] == [[1000] * 20] * 4
    assert len(listed(snapshots)) == 20


COMMIT = """
import sys
from pathlib import Path
from runtime.oci.digest import ChainID
from runtime.snapshot.overlay import Snapshots
snapshots = Snapshots(Path(sys.argv[1]))
keys = [f"build-{sys.argv[2]}-{number}" for number in range(30)]
for key in keys:
    (snapshots.prepare(key, None).upper / "file").write_text(key)
input()
for number, key in enumerate(keys):
    snapshots.commit(key, ChainID.of(bytes([number])))
"""


def test_processes_that_commit_the_same_layers(snapshots: Snapshots) -> None:
    builders = [
        subprocess.Popen(
            [sys.executable, "-c", COMMIT, snapshots.directory.parent, str(number)],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for number in range(3)
    ]
    for builder in builders:
        builder.communicate(b"\n")
    assert [builder.returncode for builder in builders] == [0, 0, 0]
    assert len(listed(snapshots)) == 30
    for chain_id in snapshots.chain_ids():
        assert (snapshots.files(chain_id) / "file").exists()
        assert not (snapshots.files(chain_id).parent / "work").exists()


def test_what_a_crash_leaves_is_no_snapshot_and_can_be_cleared(snapshots: Snapshots) -> None:
    unpack(snapshots, BASE, None, "base")
    snapshots.prepare("container", BASE)
    snapshots.prepare("build-9", BASE)
    program = """
import os, sys
from pathlib import Path
from runtime.oci.digest import ChainID
from runtime.snapshot.overlay import Snapshots
def crash(fs):
    (fs / "half").touch()
    os.kill(os.getpid(), 9)
Snapshots(Path(sys.argv[1])).unpack(ChainID.of(b"top"), None, crash)
"""
    command = [sys.executable, "-c", program, str(snapshots.directory.parent)]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[3]).returncode == -9
    assert len(listed(snapshots)) == 4
    assert not snapshots.has(TOP)
    assert set(snapshots.chain_ids()) == {BASE}
    snapshots.clear_unfinished(builds=False)
    assert set(snapshots.keys()) == {"container", "build-9"}
    assert len(listed(snapshots)) == 3
    snapshots.clear_unfinished(builds=True)
    assert set(snapshots.keys()) == {"container"}
    assert snapshots.has(BASE)


def test_what_it_takes_on_the_disk(snapshots: Snapshots) -> None:
    upper = snapshots.prepare("c", None).upper
    assert upper is not None
    empty = snapshots.usage("c")
    (upper / "file").write_bytes(b"x" * 100_000)
    os.link(upper / "file", upper / "again")
    (upper / "away").symlink_to("/usr")
    with (upper / "hole").open("wb") as file:
        file.truncate(1 << 30)
    assert 100_000 <= snapshots.usage("c") - empty <= 120_000
    assert snapshots.usage("nobody") == 0
    assert disk_bytes(upper) == snapshots.usage("c")


def test_what_files_hold_is_docker_s_size(tmp_path: Path) -> None:
    assert content_bytes(tmp_path) == 0
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(5))
    (tmp_path / "again").hardlink_to(tmp_path / "deep" / "file")
    assert content_bytes(tmp_path) == 5
