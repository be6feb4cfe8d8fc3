"""Images and files between docker, skopeo, umoci and us: each reads and runs the other's.

Digests and IDs are the same on both sides, programs say the same, and `cp` ends the same way.
"""

from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dockerd import Docker, running_dockerd

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.oci.descriptor import LAYER_GZIP, LAYER_ZSTD

pytestmark = pytest.mark.needs("containers", "dockerd", "skopeo", "umoci")

DOCKERFILE = """\
FROM onggi/base
ENV GREETING=hello
LABEL language="한국어"
RUN mkdir -p /app/deep && echo one >/app/one && echo gone >/app/gone && echo x >/app/deep/x
RUN rm -r /app/gone /app/deep && mkdir /app/deep && ln /app/one /app/hard && ln -s one /app/soft
CMD ["sh", "-c", "echo $GREETING from $(cat /app/hard) $(ls /app | tr '\\n' ' ')$(ls /app/deep)"]
"""
SAID = "hello from one deep hard one soft "


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """One for all tests of this file."""
    with running_dockerd() as running:
        yield running


@pytest.fixture
def web(engine: Engine, tmp_path: Path) -> Image:
    """An image of ours with whiteouts, an opaque directory, hard and symbolic links."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(DOCKERFILE)
    image, _ = engine.images.build(tmp_path / "context", tag="web:1")
    assert engine.containers.run(image, remove=True).decode().strip() == SAID.strip()
    return image


def saved(image: Image | str, engine: Engine, path: Path) -> Path:
    names = [image] if isinstance(image, str) else image.tags
    path.write_bytes(b"".join(engine.images.save(names)))
    return path


def skopeo(*line: str | Path) -> str:
    command = ["skopeo", "--insecure-policy", *map(str, line)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(engine: Engine, image: Image) -> str:
    output: bytes = engine.containers.run(image, remove=True)
    return output.decode().strip()


def forget(engine: Engine, image: Image) -> None:
    for tag in image.tags:
        engine.images.remove(tag)
    engine.images.prune(all=False)


# ── Docker ───────────────────────────────────────────────────────────────────────────────────


def test_docker_runs_ours(docker: Docker, engine: Engine, web: Image, tmp_path: Path) -> None:
    web.tag("registry.example/team/web:2")
    loaded = docker("load", "-i", saved(web, engine, tmp_path / "web.tar"))
    assert sorted(loaded.split()) == sorted(
        ["Loaded", "image:", "web:1", "Loaded", "image:", "registry.example/team/web:2"]
    )
    theirs = docker.inspect("web:1")
    assert theirs["Id"] == web.id
    assert theirs["RootFS"]["Layers"] == [str(each) for each in web.config.diff_ids]
    assert theirs["Config"]["Labels"] == {"language": "한국어"}
    assert set(theirs["RepoTags"]) == {"registry.example/team/web:2", "web:1"}
    assert docker("run", "--rm", "--network=none", "web:1").strip() == SAID.strip()


def test_we_run_what_docker_saves(docker: Docker, engine: Engine, tmp_path: Path) -> None:
    docker("load", "-i", saved("onggi/base", engine, tmp_path / "base.tar"))
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(DOCKERFILE)
    docker("build", "-q", "--network=none", "-t", "theirs:1", tmp_path / "context")
    docker("tag", "theirs:1", "theirs:2")
    docker("save", "-o", tmp_path / "theirs.tar", "theirs")
    [image] = engine.images.load(tmp_path / "theirs.tar")
    theirs = docker.inspect("theirs:1")
    assert (image.id, sorted(image.tags)) == (theirs["Id"], ["theirs:1", "theirs:2"])
    assert [str(each) for each in image.config.diff_ids] == theirs["RootFS"]["Layers"]
    assert said(engine, image) == SAID.strip()
    docker("rmi", "theirs:1", "theirs:2")
    docker("load", stdin=b"".join(image.save(named=True)))
    assert docker("run", "--rm", "--network=none", image.tags[0]).strip() == SAID.strip()
    assert docker.inspect(image.tags[0])["Id"] == image.id


def test_exports_are_exchanged(docker: Docker, engine: Engine, web: Image, tmp_path: Path) -> None:
    container = engine.containers.create("web:1")
    change = ["--change", 'CMD ["cat", "/app/soft"]']
    exported = b"".join(container.export())
    docker("import", *change, "-", "ours", stdin=exported)
    assert docker("run", "--rm", "--network=none", "ours") == "one\n"
    theirs = docker("create", "--network=none", "ours").strip()
    docker("export", "-o", tmp_path / "theirs.tar", theirs)
    docker("rm", theirs)
    image = engine.images.import_image(tmp_path / "theirs.tar", "theirs", changes=change[1])
    assert engine.containers.run(image, remove=True) == b"one\n"
    assert docker.inspect("ours")["RootFS"]["Layers"] == [
        str(engine.images.import_image(exported, "same").layers[0].diff_id)
    ]


# ── skopeo and umoci ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("source", "target", "options"),
    [
        ("docker-archive:{}:web:1", "docker-archive:{}:web:1", []),
        ("oci-archive:{}:1", "oci-archive:{}:web:1", []),
        ("oci-archive:{}:1", "oci:{}:web:1", ["--dest-compress-format=zstd"]),
    ],
    ids=["docker", "gzip", "zstd"],
)
def test_through_skopeo_and_back(
    engine: Engine, web: Image, tmp_path: Path, source: str, target: str, options: list[str]
) -> None:
    ours, theirs = saved(web, engine, tmp_path / "ours.tar"), tmp_path / "theirs"
    skopeo("copy", *options, source.format(ours), target.format(theirs))
    manifest = skopeo("inspect", "--raw", target.format(theirs))
    image_id, diff_ids, tags = web.id, web.config.diff_ids, web.tags
    forget(engine, web)
    [image] = engine.images.load(theirs)
    assert (image.id, image.config.diff_ids, image.tags) == (image_id, diff_ids, tags)
    assert said(engine, image) == SAID.strip()
    if target.startswith("oci"):
        assert engine.images.content.read(image.manifest_digest).decode() == manifest
        assert {each.media_type for each in image.manifest.layers} <= {LAYER_GZIP, LAYER_ZSTD}


def test_skopeo_and_umoci_read_our_oci_archive(engine: Engine, web: Image, tmp_path: Path) -> None:
    ours, layout = saved(web, engine, tmp_path / "ours.tar"), tmp_path / "layout"
    raw = skopeo("inspect", "--raw", f"oci-archive:{ours}:1")
    assert raw.encode() == engine.images.content.read(web.manifest_digest)
    with tarfile.open(ours) as archive:
        archive.extractall(layout, filter="data")
    command = ["umoci", "unpack", "--image", f"{layout}:1", str(tmp_path / "bundle")]
    subprocess.run(command, check=True, capture_output=True)
    root = tmp_path / "bundle/rootfs"
    assert sorted(os.listdir(root / "app")) == ["deep", "hard", "one", "soft"]
    assert os.listdir(root / "app/deep") == []
    assert (root / "app/one").stat().st_ino == (root / "app/hard").stat().st_ino
    shutil.rmtree(tmp_path / "bundle")


def test_an_image_that_umoci_made(engine: Engine, web: Image, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    with tarfile.open(saved(web, engine, tmp_path / "ours.tar")) as archive:
        archive.extractall(layout, filter="data")
    image = f"{layout}:1"
    bundle = tmp_path / "bundle"
    subprocess.run(["umoci", "unpack", "--image", image, bundle], check=True, capture_output=True)
    (bundle / "rootfs/app/one").unlink()
    (bundle / "rootfs/app/new").write_text("new\n")
    subprocess.run(["umoci", "repack", "--image", image, bundle], check=True, capture_output=True)
    config = ["umoci", "config", "--image", image, "--config.cmd", "ls", "--config.cmd", "/app"]
    subprocess.run(config, check=True, capture_output=True)
    [loaded] = engine.images.load(layout)
    assert said(engine, loaded).split() == ["deep", "hard", "new", "soft"]
    shutil.rmtree(bundle)


# ── cp: the same command, the same outcome ───────────────────────────────────────────────────


SOURCES = ("file", "dir", "dir/.", "link")
TARGETS = ("file", "file/", "dir", "new", "new/", "no/new", "dirlink")
PAIRS = tuple(itertools.product(SOURCES, TARGETS))


def furnish(root: Path) -> Path:
    """Files, directories and links, to copy from and to copy to."""
    (root / "dir/sub").mkdir(parents=True)
    (root / "dir/inner").write_text(root.name)
    (root / "file").write_text(root.name)
    (root / "link").symlink_to("file")
    (root / "dirlink").symlink_to("dir")
    return root


def packed(tree: Path, *names: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in names:
            tar.add(tree, name)
    return archive.getvalue()


def seen(tar: bytes) -> dict[str, object]:
    """Names, kinds and contents of what a tar holds."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        found: dict[str, object] = {}
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            found[member.name] = (member.type, file.read() if file else member.linkname)
    return found


def test_cp_does_what_docker_does(docker: Docker, engine: Engine, tmp_path: Path) -> None:
    """Every kind of source to every kind of target, in both directions."""
    docker("load", "-i", saved("onggi/base", engine, tmp_path / "base.tar"))
    source, target = furnish(tmp_path / "source"), furnish(tmp_path / "target")
    theirs = docker("create", "--network=none", "onggi/base", "true").strip()
    engine.containers.create("onggi/base", "true", name="ours")

    def their_cp(one: str, other: str) -> bool:
        return docker.run("cp", one, other).returncode == 0

    def our_cp(one: str, other: str) -> bool:
        return main(["cp", one, other]) == 0

    ways = {theirs: their_cp, "ours": our_cp}
    worked = {name: _all_in(name, cp, source, target) for name, cp in ways.items()}
    assert worked["ours"] == worked[theirs]
    contents = docker.run("cp", f"{theirs}:/w", "-").stdout
    assert seen(b"".join(engine.containers.get("ours").get_archive("/w")[0])) == seen(contents)

    worked = {name: _all_out(name, cp, tmp_path / name, target) for name, cp in ways.items()}
    assert worked["ours"] == worked[theirs]
    assert seen(packed(tmp_path / "ours", "w")) == seen(packed(tmp_path / theirs, "w"))
    docker("rm", theirs)


def _all_in(
    container: str, cp: Callable[[str, str], bool], source: Path, target: Path
) -> dict[str, bool]:
    """Each pair, into a directory of its own in the container; whether it worked."""
    places = target.with_name(f"places-{container}") / "w"
    for number in range(len(PAIRS)):
        shutil.copytree(target, places / str(number), symlinks=True)
    assert cp(str(places), f"{container}:/")
    return {
        f"{one} to {other}": cp(f"{source}/{one}", f"{container}:/w/{number}/{other}")
        for number, (one, other) in enumerate(PAIRS)
    }


def _all_out(
    container: str, cp: Callable[[str, str], bool], places: Path, target: Path
) -> dict[str, bool]:
    """Each pair, from the container into a directory of its own on this host."""
    assert cp(str(target), f"{container}:/s")
    for number in range(len(PAIRS)):
        shutil.copytree(target, places / str(number), symlinks=True)
    return {
        f"{one} to {other}": cp(f"{container}:/s/{one}", f"{places}/{number}/{other}")
        for number, (one, other) in enumerate(PAIRS)
    }
