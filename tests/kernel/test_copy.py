"""`cp` both ways, `export`, and the archive methods, on containers that run and that do not."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, InvalidInput, NotFound

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.main")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


@pytest.fixture(params=["running", "stopped"])
def container(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Container]:
    made = engine.containers.create("onggi/base", ["sleep", "1000"], name="web", user="0")
    if request.param == "running":
        made.start()
    yield made
    made.remove(force=True)


def onggi(*line: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [*ONGGI, *map(str, line)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def here(*line: str | Path) -> tuple[int, str]:
    """The same in this process, which is faster: the exit code and what was complained of."""
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint):
        code = main(list(map(str, line)))
    return code, complaint.getvalue()


def cp(source: str | Path, target: str | Path, *flags: str) -> None:
    assert here("cp", *flags, source, target) == (0, "")


def refused(source: str | Path, target: str | Path, *flags: str) -> str:
    code, complaint = here("cp", *flags, source, target)
    assert code == 1
    return complaint


def read(container: Container, path: str) -> bytes:
    pieces, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        assert file is not None
        return file.read()


def names(container: Container, path: str) -> list[str]:
    pieces, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        return tar.getnames()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("one")
    (root / "sub/two").write_text("two")
    os.link(root / "one", root / "hard")
    (root / "soft").symlink_to("one")
    os.chown(root / "sub/two", 1234, 1234)
    (root / "sub/two").chmod(0o4750)
    os.utime(root / "one", ns=(0, 1_234_567_890_123_456_789))
    return root


def test_into_a_container_and_back(container: Container, tree: Path, tmp_path: Path) -> None:
    cp(tree, "web:/data")  # not there yet
    assert names(container, "/data")[:2] == ["data", "data/hard"]
    cp(tree, "web:/data")  # now it is: it goes into it
    assert read(container, "/data/tree/sub/two") == b"two"
    cp(f"{tree}/.", "web:/data/tree")
    assert "data/tree/tree" not in names(container, "/data")
    cp("web:/data/tree", tmp_path / "back")
    back = tmp_path / "back"
    assert (back / "one").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert (back / "one").stat().st_ino == (back / "hard").stat().st_ino
    assert os.readlink(back / "soft") == "one"
    two = (back / "sub/two").stat()
    assert (two.st_uid, stat.S_IMODE(two.st_mode)) == (0, 0o750), "no power for a new owner"
    cp("web:/data/tree/.", tmp_path / "content")
    assert sorted(os.listdir(tmp_path / "content")) == ["hard", "one", "soft", "sub"]


def test_owners_are_kept_in_archive_mode(container: Container, tree: Path, tmp_path: Path) -> None:
    cp(tree, "web:/data", "-a")
    cp("web:/data", tmp_path / "back", "-a")
    two = (tmp_path / "back/sub/two").stat()
    assert (two.st_uid, two.st_gid, stat.S_IMODE(two.st_mode)) == (1234, 1234, 0o4750)


def test_files_onto_files_and_directories(container: Container, tree: Path, tmp_path: Path) -> None:
    cp(tree / "one", "web:/tmp/new")
    assert read(container, "/tmp/new") == b"one"
    cp(tree / "sub/two", "web:/tmp/new")
    assert read(container, "/tmp/new") == b"two"
    cp(tree / "one", "web:/tmp")
    assert read(container, "/tmp/one") == b"one"
    cp(tree / "one", "web:tmp/two")  # paths are from /
    assert read(container, "tmp/two") == b"one"
    assert "no such directory" in refused(tree / "one", "web:/tmp/none/")
    assert "there is no /none" in refused(tree / "one", "web:/none/deep")
    assert "onto a file" in refused(tree, "web:/tmp/new")
    assert "there is no /none" in refused("web:/none", tmp_path)
    assert "no directory" in refused("web:/tmp/new/", tmp_path)
    assert "no such directory" in refused("web:/tmp/new", tmp_path / "none/deep")
    assert "no such file" in refused(tmp_path / "none", "web:/tmp")


def test_kinds_are_kept(container: Container, tree: Path, tmp_path: Path) -> None:
    cp(tree, "web:/data")
    (tmp_path / "other/sub").mkdir(parents=True)
    (tmp_path / "other/one").mkdir()
    assert "does not replace a file" in refused(f"{tmp_path}/other/.", "web:/data")
    (tmp_path / "other/one").rmdir()
    (tmp_path / "other/sub").rmdir()
    (tmp_path / "other/sub").write_text("a file")
    assert "does not replace a directory" in refused(f"{tmp_path}/other/.", "web:/data")
    assert read(container, "/data/sub/two") == b"two"


def test_links(container: Container, tree: Path, tmp_path: Path) -> None:
    cp(tree, "web:/data")
    cp("web:/data/soft", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    cp("web:/data/soft", tmp_path / "file", "-L")
    assert not (tmp_path / "file").is_symlink()
    (tmp_path / "into").mkdir()
    cp("web:/data/soft", tmp_path / "into", "-L")
    assert (tmp_path / "into/soft").read_text() == "one"
    cp(tree / "soft", "web:/tmp/from-link", "-L")
    assert read(container, "/tmp/from-link") == b"one"
    cp(tmp_path / "file", "web:/bin/in-bin")  # /bin is a link to /usr/bin
    assert read(container, "/usr/bin/in-bin") == b"one"
    (tmp_path / "there").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("old")
    cp("web:/data/one", tmp_path / "there")
    assert (tmp_path / "elsewhere").read_text() == "one"


def test_tars_on_the_pipes(container: Container, tree: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(tree, "packed")
    done = onggi("cp", "-", "web:/tmp", stdin=archive.getvalue())
    assert (done.returncode, done.stderr) == (0, b"")
    packed = onggi("cp", "web:/tmp/packed", "-").stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getmember("packed/sub/two").uid == 1234
    done = onggi("cp", "-", "web:/etc/passwd", stdin=archive.getvalue())
    assert (done.returncode, b"no directory" in done.stderr) == (1, True)
    assert onggi("cp", "-", "web:/tmp", stdin=b"no tar").returncode == 1


def test_which_end_is_which(engine: Engine, tmp_path: Path) -> None:
    assert "one of the two" in refused("a", "b")
    assert "one of the two" in refused("web:/a", "web:/b")
    assert "no such container" in refused("nobody:/a", tmp_path)
    (tmp_path / "a:b").touch()
    assert "no such container" in refused(f"{tmp_path}/a:b", "nobody:/")


def test_the_archive_methods(container: Container, engine: Engine) -> None:
    pieces, found = container.get_archive("/etc/passwd")
    assert b"root" in b"".join(pieces)
    assert found["name"] == "passwd"
    assert container.stat_path("/tmp")["mode"] == 1 << 31 | 1 << 20 | 0o777
    assert container.stat_path("/bin")["linkTarget"] == "/usr/bin"
    container.get_archive("/etc")  # nobody takes the pieces: nothing stays open
    with pytest.raises(NotFound):
        container.get_archive("/none")
    with pytest.raises(Conflict):
        container.put_archive("/etc/passwd", b"")
    with pytest.raises(InvalidInput):
        container.put_archive("/etc", b"no tar at all")
    actions = {each["Action"] for each in engine.events(follow=False, decode=True)}
    assert "archive-path" in actions


def test_export_is_what_the_container_has_of_its_own(
    container: Container, engine: Engine, tree: Path
) -> None:
    cp(tree, "web:/data")
    archive = onggi("export", "web").stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = tar.getnames()
    assert {"data/sub/two", "etc/passwd", "proc"} <= set(found)
    assert [name for name in found if name.startswith(("proc/", "sys/", "dev/"))] == []
    image = engine.images.import_image(archive, "again", changes=['CMD ["cat", "/data/one"]'])
    assert engine.containers.run(image, remove=True) == b"one"
    engine.images.remove("again")


def test_a_stopped_container_can_be_started_while_it_is_read(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", ["true"])
    pieces, _ = container.get_archive("/etc")
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    container.start()
    assert container.wait()["StatusCode"] == 0


def test_no_descriptor_or_mount_stays(container: Container) -> None:
    container.stat_path("/")
    before = len(os.listdir("/proc/self/fd")), Path("/proc/self/mountinfo").read_text()
    for _ in range(5):
        b"".join(container.get_archive("/etc")[0])
        container.stat_path("/")
        with pytest.raises(NotFound):
            container.get_archive("/none/at/all")
        b"".join(container.export())
    gc.collect()
    after = len(os.listdir("/proc/self/fd")), Path("/proc/self/mountinfo").read_text()
    assert (after[0] <= before[0], after[1]) == (True, before[1])


def respecified(engine: Engine, change: Callable[[Any], object]) -> Container:
    """A container whose config.json was changed before it starts."""
    container = engine.containers.create("onggi/base", ["sleep", "1000"])
    path = container.bundle_path / "config.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))
    return container


def one_file(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return out.getvalue()


def test_a_read_only_container_is_not_written_to(engine: Engine) -> None:
    container = respecified(engine, lambda spec: spec["root"].update(readonly=True))
    for _ in ("stopped", "running"):
        with pytest.raises(Conflict, match="read-only"):
            container.put_archive("/tmp", one_file("new"))
        assert read(container, "/etc/passwd").startswith(b"root")
        container.start() if container.status == "created" else container.stop(timeout=0)


def test_what_is_mounted_in_it_is_seen_while_it_runs(engine: Engine, tmp_path: Path) -> None:
    mount = {"destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": []}
    container = respecified(engine, lambda spec: spec["mounts"].append(mount))
    container.start()
    assert container.exec_run(["sh", "-c", "echo mine >/scratch/file"]).exit_code == 0
    assert read(container, "/scratch/file") == b"mine\n"
    container.put_archive("/scratch", one_file("new"))
    assert container.exec_run(["ls", "/scratch"]).output == b"file\nnew\n"
    assert "scratch/file" not in [each["Path"].lstrip("/") for each in container.diff()]
    assert container.get_archive("/etc/hosts")[1]["size"] > 0
    with pytest.raises(NotFound):
        container.get_archive("/proc/version")
