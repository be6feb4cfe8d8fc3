"""One archive for everybody: what is in it, and that it comes back as it went."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from runtime.content.store import ContentStore
from runtime.errors import IntegrityError, NotFound
from runtime.exchange.load import incoming_images
from runtime.exchange.save import Outgoing, archive
from runtime.exchange.staging import Staging
from runtime.oci.descriptor import CONFIG, LAYER, Descriptor, Platform
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference

HOST = Platform("amd64", "linux")
WEB, NEWEST = Reference.parse("web:1"), Reference.parse("registry.example/web")


def store_image(content: ContentStore, *layers: bytes) -> Digest:
    diff_ids = tuple(DiffID(content.add(layer)) for layer in layers)
    config = ImageConfig("amd64", "linux", diff_ids=diff_ids).to_bytes()
    described = tuple(
        Descriptor(LAYER, digest, len(layer))
        for digest, layer in zip(diff_ids, layers, strict=True)
    )
    manifest = Manifest(Descriptor(CONFIG, content.add(config), len(config)), described)
    return content.add(manifest.to_bytes())


@pytest.fixture
def content(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "state")


def read(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        for each in opened:
            if (file := opened.extractfile(each)) is not None:
                found[each.name] = file.read()
    return found


def test_what_is_in_it(content: ContentStore) -> None:
    image = store_image(content, b"one", b"two", b"one")
    files = read(b"".join(archive(content, [Outgoing(image, (WEB, NEWEST))])))
    assert set(files) == {
        *(f"blobs/sha256/{digest.hex}" for digest in content.digests()),
        *("index.json", "manifest.json", "oci-layout", "repositories"),
    }
    [listed] = json.loads(files["manifest.json"])
    assert listed["RepoTags"] == ["web:1", "registry.example/web:latest"]
    assert [files[path] for path in listed["Layers"]] == [b"one", b"two", b"one"]
    assert json.loads(files[listed["Config"]])["os"] == "linux"
    index = json.loads(files["index.json"])["manifests"]
    assert [each["annotations"] for each in index] == [
        {
            "io.containerd.image.name": "docker.io/library/web:1",
            "org.opencontainers.image.ref.name": "1",
        },
        {
            "io.containerd.image.name": "registry.example/web:latest",
            "org.opencontainers.image.ref.name": "latest",
        },
    ]
    top = Digest.of(b"one").hex
    assert json.loads(files["repositories"]) == {
        "web": {"1": top},
        "registry.example/web": {"latest": top},
    }


def test_the_same_images_are_the_same_bytes(content: ContentStore) -> None:
    images = [Outgoing(store_image(content, b"one"), (WEB,)), Outgoing(store_image(content, b"2"))]
    assert b"".join(archive(content, images)) == b"".join(archive(content, images))


def test_it_comes_back_as_it_went(content: ContentStore, tmp_path: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("empty"))
    one, two = store_image(content, layer.getvalue()), store_image(content)
    data = b"".join(archive(content, [Outgoing(one, (WEB, NEWEST)), Outgoing(two)]))
    with Staging(ContentStore(tmp_path / "other")) as staging:
        staging.receive(io.BytesIO(data))
        found = incoming_images(staging, HOST)
    assert [(each.manifest, each.names) for each in found] == [(one, (WEB, NEWEST)), (two, ())]


def test_a_damaged_or_missing_blob_is_not_passed_on(content: ContentStore) -> None:
    image = store_image(content, b"one")
    layer = content.path(Digest.of(b"one"))
    layer.chmod(0o600)
    layer.write_bytes(b"two")
    with pytest.raises(IntegrityError):
        list(archive(content, [Outgoing(image)]))
    layer.unlink()
    with pytest.raises(NotFound):
        list(archive(content, [Outgoing(image)]))
