"""What `save` writes is an OCI image layout: image-layout.md, clause by clause, and its schemas."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from spec.test_oci_image_schemas import check

from runtime.content.store import ContentStore
from runtime.exchange.save import Outgoing, archive
from runtime.oci.descriptor import CONFIG, LAYER, Descriptor
from runtime.oci.digest import DiffID
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A saved image, unpacked."""
    content = ContentStore(tmp_path)
    layer = b"a layer"
    diff_id = DiffID(content.add(layer))
    config = ImageConfig("amd64", "linux", diff_ids=(diff_id,)).to_bytes()
    described = Descriptor(CONFIG, content.add(config), len(config))
    manifest = Manifest(described, (Descriptor(LAYER, diff_id, len(layer)),)).to_bytes()
    images = [Outgoing(content.add(manifest), (Reference.parse("web:1"),))]
    found = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive(content, images)))) as tar:
        for member in tar:
            if (file := tar.extractfile(member)) is not None:
                found[member.name] = file.read()
    return found


def blob(files: dict[str, bytes], descriptor: Any) -> bytes:
    return files["blobs/" + descriptor["digest"].replace(":", "/")]


def test_oci_layout_file(files: dict[str, bytes]) -> None:
    """ "The oci-layout JSON object ... MUST contain the field imageLayoutVersion"."""
    document = json.loads(files["oci-layout"])
    check("image-layout-schema.json", document)
    assert document == {"imageLayoutVersion": "1.0.0"}


def test_blobs(files: dict[str, bytes]) -> None:
    """ "The content of blobs/<alg>/<encoded> MUST match the digest <alg>:<encoded>"."""
    blobs = [name for name in files if name.startswith("blobs/")]
    assert len(blobs) == 3
    for name in blobs:
        assert hashlib.sha256(files[name]).hexdigest() == name.rpartition("/")[2]


def test_index_manifest_and_config(files: dict[str, bytes]) -> None:
    """ "index.json file ... MUST be a valid image index"; what it leads to is valid too."""
    index = json.loads(files["index.json"])
    check("image-index-schema.json", index)
    [descriptor] = index["manifests"]
    check("content-descriptor.json", descriptor)
    assert descriptor["size"] == len(blob(files, descriptor))
    manifest = json.loads(blob(files, descriptor))
    check("image-manifest-schema.json", manifest)
    check("config-schema.json", json.loads(blob(files, manifest["config"])))
    assert blob(files, manifest["layers"][0]) == b"a layer"


def test_the_name_of_an_image(files: dict[str, bytes]) -> None:
    """annotations.md: "org.opencontainers.image.ref.name" names the reference of a target."""
    [descriptor] = json.loads(files["index.json"])["manifests"]
    assert descriptor["annotations"]["org.opencontainers.image.ref.name"] == "1"
