"""Our documents against the OCI's own JSON schemas (image-spec v1.1, schema/)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import json_schemas
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.oci.descriptor import CONFIG, LAYER, LAYER_GZIP, MANIFEST, Descriptor, Platform
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import History, ImageConfig, Index, Manifest, RunConfig

SCHEMAS = Path(__file__).parent / "schemas"


def check(name: str, document: Any) -> None:
    """Raises jsonschema.ValidationError."""
    json_schemas.check(SCHEMAS / name, document)


_text = st.text(st.characters(codec="utf-8"), max_size=8)
_word = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
_texts = st.lists(_text, max_size=3).map(tuple)
_map = st.dictionaries(_text, _text, max_size=3)
_time = st.just("2023-11-14T22:13:20Z")

_configs = st.builds(
    RunConfig,
    user=_text,
    exposed_ports=_texts,
    env=_texts,
    entrypoint=st.none() | _texts,
    cmd=st.none() | _texts,
    volumes=_texts,
    working_dir=_text,
    labels=_map,
    stop_signal=_text,
    shell=_texts,
)
_history = st.builds(
    History,
    created=st.none() | _time,
    created_by=_text,
    author=_text,
    comment=_text,
    empty_layer=st.booleans(),
)
_images = st.builds(
    ImageConfig,
    architecture=_word,
    os=_word,
    created=st.none() | _time,
    author=_text,
    config=_configs,
    diff_ids=st.lists(st.binary().map(DiffID.of), max_size=3).map(tuple),
    history=st.lists(_history, max_size=3).map(tuple),
    variant=_text,
)
_descriptors = st.builds(
    Descriptor,
    media_type=st.sampled_from([CONFIG, LAYER, LAYER_GZIP, MANIFEST]),
    digest=st.binary().map(Digest.of),
    size=st.integers(0, 2**63 - 1),
    annotations=_map,
    platform=st.none() | st.builds(Platform, architecture=_word, os=_word, variant=_text),
)
_layers = st.lists(_descriptors, min_size=1, max_size=3).map(tuple)


@given(_images)
def test_config(image: ImageConfig) -> None:
    """config.md "Properties"."""
    check("config-schema.json", json.loads(image.to_bytes()))


@given(_descriptors)
def test_descriptor(descriptor: Descriptor) -> None:
    """descriptor.md "Properties"."""
    check("content-descriptor.json", descriptor.to_json())


@given(st.builds(Manifest, config=_descriptors, layers=_layers, annotations=_map))
def test_manifest(manifest: Manifest) -> None:
    """manifest.md "Image Manifest Property Descriptions"."""
    check("image-manifest-schema.json", json.loads(manifest.to_bytes()))


@given(st.builds(Index, manifests=_layers, annotations=_map))
def test_index(index: Index) -> None:
    """image-index.md "Image Index Property Descriptions"."""
    check("image-index-schema.json", json.loads(index.to_bytes()))


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("config-schema.json", {"os": "linux", "architecture": "amd64"}),
        ("content-descriptor.json", {"mediaType": "a/b", "size": 1, "digest": "no digest"}),
        ("image-manifest-schema.json", {"schemaVersion": 2, "layers": []}),
        ("image-index-schema.json", {"schemaVersion": 1, "manifests": []}),
    ],
)
def test_the_schemas_do_refuse(schema: str, document: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(schema, document)
