"""Our client and Debian's docker-registry: push, pull, resume, passwords, TLS; and what skopeo
and docker say of the same images. Digests agree everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import (
    PASSWORD,
    USER,
    CuttingProxy,
    RunningRegistry,
    certificates,
    running_registry,
)

from runtime.content.store import ContentStore
from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.errors import NotFound, RegistryError
from runtime.oci.descriptor import CONFIG, LAYER, LAYER_GZIP, LAYER_ZSTD, Descriptor
from runtime.oci.digest import DiffID
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference

pytestmark = pytest.mark.needs("containers", "docker-registry", "skopeo", "openssl")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One without a password for all tests of this file."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def ours(state_root: Path) -> Engine:
    """An engine without any image."""
    return Engine(state_root)


@pytest.fixture
def other(tmp_path: Path) -> Engine:
    """A second engine, as on another host."""
    return Engine(tmp_path / "other")


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker/config.json"


def image_of(engine: Engine, name: str, *layers: bytes, architecture: str = "amd64") -> Image:
    """An image of ours whose layers are not even tars: a registry does not look into them."""
    content = ContentStore(engine.root)
    found = [Descriptor(LAYER, content.add(layer), len(layer)) for layer in layers]
    diff_ids = tuple(DiffID(layer.digest) for layer in found)
    config = ImageConfig(architecture, "linux", diff_ids=diff_ids).to_bytes()
    manifest = Manifest(Descriptor(CONFIG, content.add(config), len(config)), tuple(found))
    engine.images.names.point(Reference.parse(name), content.add(manifest.to_bytes()))
    return engine.images.get(name)


def contents(engine: Engine, image: Image) -> list[bytes]:
    """The image's layers without compression."""
    from runtime.layer.compression import decompressed

    found = []
    for layer in image.manifest.layers:
        with engine.images.content.open(layer.digest) as blob:
            found.append(decompressed(blob).read())
    return found


def nothing_half_made(engine: Engine) -> bool:
    return not any(engine.images.content.ingest.iterdir())


def skopeo(*line: str) -> str:
    command = ["skopeo", *line]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def onggi(*line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli.main", *line],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=100,
    )


def test_an_image_travels_to_another_engine_and_runs_there(
    engine: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nRUN echo hello >/said\nCMD cat /said\n")
    name = f"{registry.host}/travels/app:1"
    image, _ = engine.images.build(tmp_path, tag=name)
    pushed = [json.loads(line) for line in engine.images.push(name).splitlines()]
    digest = pushed[-1]["aux"]["Digest"]
    assert image.attrs["RepoDigests"] == [f"{registry.host}/travels/app@{digest}"]
    came = other.images.pull(name)
    assert came.id == image.id
    assert came.attrs["RepoDigests"] == image.attrs["RepoDigests"]
    assert {layer.media_type for layer in came.manifest.layers} == {LAYER_GZIP}
    assert other.containers.run(f"{registry.host}/travels/app@{digest}", remove=True) == b"hello\n"
    assert skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{name}").encode() == (
        other.images.content.read(came.manifest_digest)
    )
    other.images.remove(name)
    assert other.images.list() == []


def test_only_what_is_missing_travels(
    ours: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    image_of(ours, f"{registry.host}/missing/app:1", b"base" * 5000, b"app, version 1")
    image_of(ours, f"{registry.host}/missing/app:2", b"base" * 5000, b"app, version 2")
    image_of(ours, f"{registry.host}/missing/copy:1", b"base" * 5000, b"app, version 1")
    statuses: dict[str, list[list[str]]] = {}
    for name in ("app:1", "app:1", "app:2", "copy:1"):
        lines = ours.images.push(f"{registry.host}/missing/{name}", stream=True, decode=True)
        layers = [line for line in lines if line.get("id") and "progressDetail" in line]
        last = {line["id"]: line["status"] for line in layers}
        statuses[name] = [*statuses.get(name, []), sorted(last.values())]
    assert statuses == {
        "app:1": [["Pushed", "Pushed"], ["Layer already exists"] * 2],
        "app:2": [["Layer already exists", "Pushed"]],
        "copy:1": [["Mounted from missing/app"] * 2],
    }
    first = other.images.pull(f"{registry.host}/missing/app", "1")
    before = len(registry.requests("GET"))
    second = other.images.pull(f"{registry.host}/missing/app", "2")
    blobs = [each for each in registry.requests("GET")[before:] if "/blobs/" in each]
    assert len(blobs) == 2, "the config and the layer that is new"
    assert contents(other, first) == [b"base" * 5000, b"app, version 1"]
    assert contents(other, second) == [b"base" * 5000, b"app, version 2"]


def test_what_is_here_uncompressed_is_not_sent_again(
    ours: Engine, registry: RunningRegistry
) -> None:
    name = f"{registry.host}/here:1"
    image = image_of(ours, name, b"a layer of ours")
    ours.images.push(name)
    before = len(registry.requests("GET"))
    assert ours.images.pull(name) == image
    assert not [each for each in registry.requests("GET")[before:] if "/blobs/" in each]
    assert ours.images.get(name).manifest_digest == image.manifest_digest


def test_zstd_and_all_tags(ours: Engine, other: Engine, registry: RunningRegistry) -> None:
    repository = f"{registry.host}/tags/app"
    for tag in ("1", "2"):
        image_of(ours, f"{repository}:{tag}", b"layer", tag.encode())
    ours.images.push(repository, all_tags=True, compression="zstd")
    pulled = other.images.pull(repository, all_tags=True)
    assert sorted(tag for image in pulled for tag in image.tags) == [
        f"{repository}:1",
        f"{repository}:2",
    ]
    assert {layer.media_type for image in pulled for layer in image.manifest.layers} == {LAYER_ZSTD}
    assert contents(other, pulled[0])[0] == b"layer"


def test_skopeo_and_we_read_each_others_images(
    ours: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    image = image_of(ours, f"{registry.host}/both/ours:1", b"x" * 100_000)
    ours.images.push(f"{registry.host}/both/ours", "1")
    for theirs in ("v2s2", "oci"):
        name = f"{registry.host}/both/{theirs}:1"
        skopeo(
            *("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", theirs),
            *(f"docker://{registry.host}/both/ours:1", f"docker://{name}"),
        )
        came = other.images.pull(name)
        raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{name}").encode()
        assert other.images.content.read(came.manifest_digest) == raw
        assert contents(other, came) == [b"x" * 100_000]
        assert theirs != "oci" or came.id == image.id


def test_of_an_index_the_right_platform_comes(
    ours: Engine, other: Engine, registry: RunningRegistry
) -> None:
    from runtime.oci.descriptor import MANIFEST, Platform
    from runtime.oci.image import Index
    from runtime.registry.client import Repository

    repository = f"{registry.host}/several"
    from runtime.engine.registries import opened

    descriptors = []
    with opened(ours.root, registry.host) as opened_registry:
        end = Repository(opened_registry, "several", "pull", "push")
        for architecture in ("amd64", "arm64"):
            name = f"{repository}:{architecture}"
            image_of(ours, name, architecture.encode(), architecture=architecture)
            ours.images.push(repository, architecture)
            fetched = end.fetch(architecture)
            descriptors.append(
                Descriptor(
                    MANIFEST,
                    fetched.digest,
                    len(fetched.data),
                    platform=Platform(architecture, "linux"),
                )
            )
        index = Index(tuple(descriptors)).to_bytes()
        end.put("all", "application/vnd.oci.image.index.v1+json", index)
    arm = other.images.pull(repository, "all", platform="linux/arm64")
    assert contents(other, arm) == [b"arm64"]
    data = other.images.get_registry_data(f"{repository}:all")
    assert data.has_platform("linux/amd64") and not data.has_platform("linux/riscv64")
    assert other.images.get(f"{repository}@{data.id}") == arm
    with pytest.raises(NotFound, match=r"no matching manifest for linux/riscv64.*linux/amd64"):
        other.images.pull(repository, "all", platform="linux/riscv64")


def test_a_password_and_a_certificate_are_needed(
    ours: Engine, other: Engine, tmp_path: Path, docker_config: Path
) -> None:
    folder = certificates(tmp_path / "tls")
    with running_registry(tmp_path / "r", password=True, certificate=folder) as registry:
        name = f"{registry.host}/private/app:1"
        image_of(ours, name, b"secret")
        authority = ours.root / "certs.d" / registry.host
        authority.mkdir(parents=True)
        try:
            # Somebody else's authority: nothing is said to whoever cannot prove who he is.
            wrong = certificates(tmp_path / "wrong")
            (authority / "ca.crt").write_bytes((wrong / "ca.crt").read_bytes())
            with pytest.raises(RegistryError, match=r"certificate .* cannot be trusted"):
                ours.images.push(name)
            assert registry.requests("GET", "HEAD", "POST") == []
            (authority / "ca.crt").write_bytes((folder / "ca.crt").read_bytes())
            with pytest.raises(RegistryError, match="refuses access") as refused:
                ours.images.push(name)
            assert refused.value.status == 401
            with pytest.raises(RegistryError) as refused:
                ours.login(USER, "wrong", registry=registry.host)
            assert refused.value.code == "UNAUTHORIZED" and not docker_config.exists()
            ours.login(USER, PASSWORD, registry=registry.host)
            assert docker_config.stat().st_mode & 0o777 == 0o600
            ours.images.push(name)
            assert contents(other, other.images.pull(name)) == [b"secret"]
            skopeo(
                *("inspect", "--tls-verify=false", "--authfile", str(docker_config)),
                f"docker://{name}",
            )
        finally:
            for file in authority.iterdir():
                file.unlink()
            authority.rmdir()


@pytest.mark.parametrize("seed", [7])
def test_fifty_cut_connections_corrupt_nothing(
    ours: Engine, other: Engine, registry: RunningRegistry, seed: int
) -> None:
    """Each of a push's and a pull's first 50 connections is cut at a byte that the seed decides."""
    import random

    layers = [random.Random(seed + n).randbytes(1 << 20) for n in range(2)]
    with CuttingProxy(registry.port, 50, seed, 1 << 17) as proxy:
        name = f"127.0.0.1:{proxy.port}/cut/app:{seed}"
        image_of(ours, name, *layers)
        ours.images.push(name)
        assert proxy.cut >= 20
    raw = skopeo(
        "inspect", "--tls-verify=false", "--raw", f"docker://{registry.host}/cut/app:{seed}"
    )
    with CuttingProxy(registry.port, 50, seed + 1, 1 << 16) as proxy:
        image = other.images.pull(f"127.0.0.1:{proxy.port}/cut/app:{seed}")
        assert proxy.cut >= 20
    assert other.images.content.read(image.manifest_digest) == raw.encode()
    assert contents(other, image) == layers
    assert nothing_half_made(ours) and nothing_half_made(other)
