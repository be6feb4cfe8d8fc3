"""`onggi save`, `load`, `import` as programs: pipes, files, terminals, and being killed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.main")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


def onggi(*line: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [*ONGGI, *map(str, line)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def out(*line: str | Path, stdin: bytes = b"") -> bytes:
    done = onggi(*line, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout


def test_save_and_load_through_a_pipe(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = engine.images.get("onggi/base")
    image.tag("web:1")
    image.tag("web:2")
    archive = out("save", "web", "onggi/base:latest")
    out("save", "-o", tmp_path / "file.tar", "web", "onggi/base:latest")
    assert (tmp_path / "file.tar").read_bytes() == archive
    assert [path.name for path in tmp_path.iterdir()] == ["file.tar"]
    actions = [each["Action"] for each in engine.events(follow=False, decode=True)]
    assert "save" in actions

    monkeypatch.setenv("ONGGI_ROOT", str(tmp_path / "other"))
    loaded = b"Loaded image: onggi/base:latest\nLoaded image: web:1\nLoaded image: web:2\n"
    assert sorted(out("load", stdin=archive).splitlines()) == sorted(loaded.splitlines())
    other = Engine(tmp_path / "other").images.get("web:2")
    assert (other.id, other.manifest_digest) == (image.id, image.manifest_digest)
    assert out("load", "-q", "-i", tmp_path / "file.tar") == b""


def test_by_id_an_image_has_no_name(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = engine.images.get("onggi/base")
    archive = out("save", image.short_id.removeprefix("sha256:"))
    monkeypatch.setenv("ONGGI_ROOT", str(tmp_path / "other"))
    assert out("load", stdin=archive).decode() == f"Loaded image ID: {image.id}\n"


def test_a_terminal_gets_no_archive(engine: Engine) -> None:
    ours, theirs = pty.openpty()
    try:
        for line in (["save", "onggi/base"], ["load"], ["import", "-"]):
            done = subprocess.run(
                [*ONGGI, *line], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, check=False
            )
            assert done.returncode == 1
            assert b"terminal" in done.stderr
    finally:
        os.close(ours)
        os.close(theirs)


def test_refusals_leave_nothing(engine: Engine, tmp_path: Path) -> None:
    before = sorted(engine.images.content.digests())
    assert onggi("save", "-o", tmp_path / "x.tar", "no-such-image").returncode == 1
    assert onggi("save", "-o", tmp_path / "no/x.tar", "onggi/base").returncode == 1
    for rubbish in (b"", b"no tar at all", b"\x1f\x8bno gzip"):
        done = onggi("load", stdin=rubbish)
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert onggi("import", "-", stdin=rubbish).returncode == 1
    assert onggi("load", "-i", tmp_path / "nothing.tar").returncode == 1
    assert list(tmp_path.iterdir()) == []
    assert sorted(engine.images.content.digests()) == before
    assert list(engine.images.content.ingest.iterdir()) == []


def test_a_killed_load_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    archive = b"".join(engine.images.save("onggi/base"))
    root = tmp_path / "other"
    environment = {**os.environ, "ONGGI_ROOT": str(root)}
    with subprocess.Popen([*ONGGI, "load"], stdin=subprocess.PIPE, env=environment) as loading:
        assert loading.stdin is not None
        loading.stdin.write(archive[: len(archive) // 2])
        loading.stdin.flush()
        deadline = time.monotonic() + 30
        while not list(root.glob("ingest/*/ingest/*")):  # it is in the middle of a layer
            assert time.monotonic() < deadline
            time.sleep(0.02)
        loading.send_signal(signal.SIGKILL)
        loading.stdin.close()
    assert list(root.glob("ingest/*")) != []
    other = Engine(root)
    assert list(root.glob("ingest/*")) == []
    assert list(other.images.content.digests()) == []
    assert other.images.list() == []


def test_import_makes_an_image_that_runs(engine: Engine, tmp_path: Path) -> None:
    tree, archive = tmp_path / "tree", tmp_path / "tree.tar.gz"
    for layer in engine.images.get("onggi/base").layers:
        subprocess.run(["cp", "-aT", "--remove-destination", layer.files, tree], check=True)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tree, ".")
    changes = ["-c", 'CMD ["echo", "imported"]', "-c", "ENV A=1", "-m", "by hand"]
    image_id = out("import", *changes, archive, "imported:1").decode().strip()
    image = engine.images.get("imported:1")
    assert image.id == image_id
    assert engine.containers.run("imported:1", remove=True) == b"imported\n"
    assert image.history()[0]["Comment"] == "by hand"
    again = out("import", *changes, "-", "imported:2", stdin=archive.read_bytes())
    assert engine.images.get("imported:2").layers[0].digest == image.layers[0].digest
    assert again.startswith(b"sha256:")
