"""From recipes to named images: the same ones each time, or none at all."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.content import gc
from runtime.content.store import ContentStore
from runtime.engine.bootstrap.layers import bootstrap
from runtime.engine.bootstrap.names import BASES
from runtime.errors import KernelError, NotFound
from runtime.layer.apply import apply_layer
from runtime.linux.mount import mount, umount
from runtime.oci.descriptor import Descriptor
from runtime.oci.identity import chain_ids
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference
from runtime.snapshot.overlay import Snapshots

pytestmark = pytest.mark.needs("root")
BASE = ("onggi/base",)


@dataclass
class State:
    """A state directory, and the names that were given in it."""

    root: Path
    names: dict[str, Descriptor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.content = ContentStore(self.root)
        self.snapshots = Snapshots(self.root)

    def bootstrap(self, names: tuple[str, ...] = BASE, fail_at: int = sys.maxsize) -> None:
        """Make images; at the progress number `fail_at`, as if Ctrl-C was pressed."""
        calls = iter(range(sys.maxsize))

        def progress(what: str, done: int, total: int) -> None:
            assert what
            assert 0 <= done <= total
            if next(calls) == fail_at:
                raise KeyboardInterrupt

        bootstrap(self.content, self.snapshots, self.tag, progress, names)

    def tag(self, reference: Reference, manifest: Descriptor) -> None:
        self.names[reference.familiar] = manifest

    def manifest(self, name: str) -> Manifest:
        return Manifest.from_bytes(self.content.read(self.names[f"{name}:latest"].digest))

    def config(self, name: str) -> ImageConfig:
        return ImageConfig.from_bytes(self.content.read(self.manifest(name).config.digest))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Both images."""
    state = State(tmp_path_factory.mktemp("state"))
    state.bootstrap(BASES)
    return state


def test_both_images_are_named(made: State) -> None:
    assert set(made.names) == {"onggi/base:latest", "onggi/python:latest"}


def test_python_stands_on_base(made: State) -> None:
    base, python = made.manifest("onggi/base"), made.manifest("onggi/python")
    assert python.layers[: len(base.layers)] == base.layers
    assert len(python.layers) > len(base.layers) > 0


@pytest.mark.parametrize("name", BASES)
def test_every_layer_is_told_in_the_history_and_unpacked(made: State, name: str) -> None:
    manifest, config = made.manifest(name), made.config(name)
    assert [layer.digest for layer in manifest.layers] == list(config.diff_ids)
    assert len(config.history) == len(config.diff_ids)
    assert all("onggi bootstrap" in step.created_by for step in config.history)
    assert all(map(made.snapshots.has, chain_ids(config.diff_ids)))
    assert config.config.cmd == (("sh",) if name == "onggi/base" else ("python3",))


def everything(root: Path) -> dict[str, tuple[object, ...]]:
    """Each path below `root` (a layer says nothing of that) with all that a layer says of it."""
    seen: dict[str, tuple[object, ...]] = {}
    for place in root.rglob("*"):
        status = place.lstat()
        content: object = None
        if stat.S_ISLNK(status.st_mode):
            content = place.readlink()
        elif stat.S_ISREG(status.st_mode):
            content = place.read_bytes()
        owner = (status.st_uid, status.st_gid)
        seen[str(place.relative_to(root))] = (status.st_mode, owner, status.st_mtime_ns, content)
    return seen


def test_the_snapshots_hold_exactly_what_the_layers_say(made: State, tmp_path: Path) -> None:
    config = made.config("onggi/python")
    for diff_id, chain_id in zip(config.diff_ids, chain_ids(config.diff_ids), strict=True):
        unpacked = tmp_path / diff_id.short
        unpacked.mkdir()
        with made.content.open(diff_id) as blob:
            apply_layer(blob, unpacked)
        assert everything(unpacked) == everything(made.snapshots.files(chain_id))


def test_another_process_at_another_time_and_place_makes_the_same_image_and_names_no_other(
    made: State, tmp_path: Path
) -> None:
    program = (
        "import sys, runtime.engine.bootstrap.layers as b\n"
        "from pathlib import Path\n"
        "from runtime.content.store import ContentStore\n"
        "from runtime.snapshot.overlay import Snapshots\n"
        "tag = lambda reference, manifest: print(reference.familiar, manifest.digest)\n"
        "root = Path(sys.argv[1])\n"
        "b.bootstrap(ContentStore(root), Snapshots(root), tag, names=['onggi/python'])"
    )
    answer = subprocess.run(
        [sys.executable, "-O", "-c", program, tmp_path],
        env={**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Seoul"},
        umask=0o077,
        capture_output=True,
        text=True,
        check=True,
    )
    python = "onggi/python:latest"
    assert answer.stdout == f"{python} {made.names[python].digest}\n"


def test_made_again_it_adds_nothing(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.bootstrap()
    before = (set(state.content.digests()), set(state.snapshots.chain_ids()), dict(state.names))
    state.bootstrap()
    assert before == (
        set(state.content.digests()),
        set(state.snapshots.chain_ids()),
        state.names,
    )
    assert list(state.snapshots.keys()) == []


def test_a_name_without_a_recipe_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    state = State(tmp_path)
    with pytest.raises(NotFound, match="onggi/rust"):
        state.bootstrap(("onggi/base", "onggi/rust"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", [0, 1, 200, 321, 322, 600])
def test_interrupted_it_leaves_no_name_and_nothing_half_done(tmp_path: Path, moment: int) -> None:
    state = State(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        state.bootstrap(fail_at=moment)
    assert state.names == {}
    assert list(state.snapshots.keys()) == []
    assert not state.content.ingest.exists() or list(state.content.ingest.iterdir()) == []
    state.bootstrap()
    assert set(state.names) == {"onggi/base:latest"}


def test_killed_at_any_moment_it_can_be_done_again(made: State, tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path\n"
        "from test_bootstrap_layers import State\n"
        "print('begins', flush=True)\n"
        "State(Path(sys.argv[1])).bootstrap()"
    )
    chance = random.Random(4)
    state = State(tmp_path)
    (tmp_path / "scratch").mkdir()  # who is killed leaves its temporary files
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    for _ in range(6):
        here = Path(__file__).parent
        with subprocess.Popen(
            [sys.executable, "-c", program, tmp_path, here, here.parents[2]],
            env=environment,
            stdout=subprocess.PIPE,
        ) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == b"begins\n"
            time.sleep(chance.uniform(0, 0.6))
            victim.send_signal(signal.SIGKILL)
    gc.clear_ingest(state.content)
    state.snapshots.clear_unfinished(builds=True)
    assert list(state.snapshots.keys()) == []
    state.bootstrap()
    assert state.names["onggi/base:latest"] == made.names["onggi/base:latest"]
    gc.sweep(state.content, [state.names["onggi/base:latest"].digest])
    assert {str(d) for d in state.content.digests()} == {
        str(state.names["onggi/base:latest"].digest),
        str(state.manifest("onggi/base").config.digest),
        *(str(layer.digest) for layer in state.manifest("onggi/base").layers),
    }


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    place.mkdir()
    mount("tmpfs", place, "tmpfs", data=f"size={megabytes}m")
    try:
        yield
    finally:
        umount(place, detach=True)  # whoever is just being started may hold it a moment


@pytest.mark.parametrize("megabytes", [1, 4, 20, 30])
def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path, megabytes: int) -> None:
    """The first ones are full within a snapshot, the others while a layer is written."""
    with small_disk(tmp_path / "disk", megabytes):
        state = State(tmp_path / "disk")
        with pytest.raises(KernelError, match="No space left on device") as caught:
            state.bootstrap()
        assert caught.value.errno == errno.ENOSPC
        assert state.names == {}
        assert list(state.snapshots.keys()) == []
