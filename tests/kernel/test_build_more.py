"""Stages, here-documents, ADD, commit and diff with real containers."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.engine.image import Image
from runtime.errors import DockerfileError

BASE = "FROM onggi/base"
LETTERS = "CAD"


def build(engine: Engine, context: Path, dockerfile: str, target: str | None = None) -> Image:
    (context / "Dockerfile").write_text(dockerfile)
    image, _ = engine.images.build(path=context, target=target)
    return image


def shell(engine: Engine, image: Image, script: str) -> str:
    said: bytes = engine.containers.run(image, ["sh", "-c", script], remove=True)
    return said.decode()


def differences(container: Container) -> list[str]:
    return [f"{LETTERS[each['Kind']]} {each['Path']}" for each in container.diff()]


@pytest.fixture
def worked(engine: Engine) -> Container:
    """A container that added, changed, deleted and replaced, and has ended."""
    script = (
        "mkdir -p /new/sub && echo hello > /new/sub/file; echo more >> /etc/passwd; "
        "rm /etc/group; rm -r /usr/share/zoneinfo; "
        "rm -r /home; mkdir /home; chmod 700 /var; echo gone > /tmp/x; rm /tmp/x"
    )
    container = engine.containers.create(
        "onggi/base", ["sh", "-c", script], environment={"greeting": "hi"}
    )
    container.start()
    container.wait()
    return container


def test_a_program_is_built_in_one_stage_and_shipped_in_another(
    engine: Engine, tmp_path: Path
) -> None:
    dockerfile = (
        f"{BASE} AS build\nRUN <<EOF\nset -e\nmkdir /out\necho 'echo built' > /out/app\n"
        "chmod 755 /out/app; ln -s app /out/alias\nchown 7:8 /out/app\nEOF\n"
        f"{BASE} AS other\nRUN exit 3\n{BASE}\nCOPY --from=build /out/ /srv/\n"
        "COPY <<a.txt /srv/\n$PATH\na.txt\nRUN cat <<A - <<-B > /srv/docs\nfirst\nA\n\tsecond\nB\n"
    )
    image = build(engine, tmp_path, dockerfile)
    said = shell(engine, image, "/bin/sh /srv/alias; stat -c %u:%g:%a /srv/app; cat /srv/docs")
    assert said == "built\n7:8:755\nsecond\n"
    assert "/bin" in shell(engine, image, "cat /srv/a.txt")
    assert shell(engine, build(engine, tmp_path, dockerfile, "BUILD"), "ls /out") == "alias\napp\n"


def test_add_unpacks_what_a_container_then_sees(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("packed")
    with tarfile.open(tmp_path / "files.tgz", "w:gz") as tar:
        tar.add(tmp_path / "file", "deep/er/file")
    image = build(engine, tmp_path, f"{BASE}\nADD files.tgz /data\n")
    assert shell(engine, image, "cat /data/deep/er/file") == "packed"


def test_a_container_that_did_nothing_differs_in_nothing(engine: Engine) -> None:
    container = engine.containers.create("onggi/base", ["ls", "-R", "/etc", "/dev"])
    container.start()
    container.wait()
    assert container.diff() == []


def test_diff_tells_added_changed_and_deleted_apart(worked: Container) -> None:
    said = differences(worked)
    expected = {
        *("C /etc", "D /etc/group", "C /etc/passwd"),
        *("A /new", "A /new/sub", "A /new/sub/file"),
        *("C /usr", "C /usr/share", "D /usr/share/zoneinfo", "C /var"),
    }
    assert expected <= set(said)
    assert not [line for line in said if "/tmp/x" in line]
    paths = [line[2:] for line in said]
    assert paths == sorted(set(paths))


def test_commit_makes_an_image_of_what_was_changed(engine: Engine, worked: Container) -> None:
    image = worked.commit(
        "test/kept", "v1", message="by hand", author="me", changes=["CMD cat /new/sub/file"]
    )
    assert image.tags == ["test/kept:v1"]
    assert len(image.layers) == len(worked.image.layers) + 1
    assert engine.containers.run("test/kept:v1", remove=True) == b"hello\n"
    said = shell(engine, image, "echo $greeting; ls /etc/group /usr/share/zoneinfo 2>&1 | wc -l")
    assert said == "hi\n2\n"
    newest = image.history()[0]
    assert (newest["Comment"], image.attrs["Author"]) == ("by hand", "me")
    assert newest["CreatedBy"].startswith("sh -c mkdir")
    again = engine.containers.create(image, ["true"])
    assert again.diff() == []


def test_commit_holds_a_running_container_still(engine: Engine) -> None:
    script = "while true; do echo x >> /log; done"
    container = engine.containers.run("onggi/base", ["sh", "-c", script], detach=True)
    while container.diff() == []:
        pass
    image = container.commit()
    assert image.tags == []
    size = int(shell(engine, image, "stat -c %s /log"))
    while container.upper_path.joinpath("log").stat().st_size <= size:
        pass  # it runs on
    container.kill()
    assert shell(engine, image, "sort -u /log") == "x\n"


def test_changes_set_the_configuration_only(worked: Container) -> None:
    with pytest.raises(DockerfileError, match="--change:1:1: this instruction sets no conf"):
        worked.commit(changes="RUN true")


def test_the_commands_speak_as_dockers(engine: Engine, worked: Container) -> None:
    def onggi(*words: str) -> str:
        command = [sys.executable, "-m", "runtime.cli.main", *words]
        root = Path(__file__).parents[2]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout

    assert onggi("diff", worked.name).splitlines() == differences(worked)
    image_id = onggi("commit", "-m", "x", "-c", "ENV a=1", worked.name, "test/cli:2").strip()
    image = engine.images.get("test/cli:2")
    assert image.id == image_id
    assert "a=1" in image.config.config.env
