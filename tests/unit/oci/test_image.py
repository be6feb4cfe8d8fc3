"""Image documents: equal values have equal bytes, and nothing is lost on a round trip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidSpec
from runtime.oci.descriptor import CONFIG, DOCKER_MANIFEST, LAYER, MANIFEST, Descriptor
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import History, ImageConfig, Index, Manifest, RunConfig

# As `docker image inspect` and registries show it: docker's own members, nulls, Go's time.
DOCKER = b"""{
 "architecture": "amd64", "os": "linux", "created": "2024-01-27T00:30:56.807154425Z",
 "docker_version": "20.10.23", "container_config": {"Cmd": ["/bin/sh"]},
 "config": {"Hostname": "", "Env": ["PATH=/usr/bin"], "Cmd": ["sh"], "Entrypoint": null,
            "Labels": null, "Volumes": {"/data": {}}, "ExposedPorts": {"80/tcp": {}},
            "OnBuild": null, "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000}},
 "history": [{"created": "2024-01-27T00:30:56Z", "created_by": "ADD file", "empty_layer": true}],
 "rootfs": {"type": "layers", "diff_ids": ["sha256:%s"]}
}""" % (b"a" * 64)

_texts = st.text(st.characters(codec="utf-8"), max_size=8)
_lists = st.lists(_texts, max_size=3).map(tuple)
_sets = st.sets(_texts, max_size=3).map(lambda names: tuple(sorted(names)))
_configs = st.builds(
    RunConfig,
    user=_texts,
    exposed_ports=_sets,
    env=_lists,
    entrypoint=st.none() | _lists,
    cmd=st.none() | _lists,
    volumes=_sets,
    working_dir=_texts,
    labels=st.dictionaries(_texts, _texts, max_size=3),
    stop_signal=_texts,
    shell=_lists,
)
_images = st.builds(
    ImageConfig,
    architecture=_texts,
    os=_texts,
    created=st.none() | _texts.filter(bool),
    config=_configs,
    diff_ids=st.lists(st.binary().map(DiffID.of), max_size=3).map(tuple),
    history=st.lists(st.builds(History, created_by=_texts, empty_layer=st.booleans())).map(tuple),
    variant=_texts,
)


@given(_images)
def test_config_round_trip(image: ImageConfig) -> None:
    assert ImageConfig.from_bytes(image.to_bytes()) == image


def test_maps_are_written_sorted() -> None:
    forward = RunConfig(labels={"a": "1", "b": "2"}, volumes=("/a", "/b"))
    backward = RunConfig(labels={"b": "2", "a": "1"}, volumes=("/b", "/a"))
    to_bytes = [ImageConfig("amd64", "linux", config=c).to_bytes() for c in (forward, backward)]
    assert to_bytes[0] == to_bytes[1]


def test_docker_config_is_read_and_nothing_is_lost() -> None:
    image = ImageConfig.from_bytes(DOCKER)
    assert image.config.cmd == ("sh",)
    assert image.config.entrypoint is None
    assert image.config.exposed_ports == ("80/tcp",)
    assert image.config.volumes == ("/data",)
    assert image.config.healthcheck == {"Test": ["CMD", "true"], "Interval": 1000000000}
    assert image.history[0].empty_layer
    assert _without_nulls(json.loads(image.to_bytes())) == _without_nulls(json.loads(DOCKER))


def test_empty_and_absent_commands_differ() -> None:
    cleared = ImageConfig("amd64", "linux", config=RunConfig(entrypoint=(), cmd=None))
    assert ImageConfig.from_bytes(cleared.to_bytes()).config.entrypoint == ()
    assert ImageConfig.from_bytes(cleared.to_bytes()).config.cmd is None


def test_manifest_and_index_round_trip() -> None:
    config = Descriptor(CONFIG, Digest.of(b"config"), 6)
    layers = (Descriptor(LAYER, Digest.of(b"one"), 3), Descriptor(LAYER, Digest.of(b"two"), 3))
    manifest = Manifest(config, layers, annotations={"k": "v"})
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    data = manifest.to_bytes()
    index = Index((Descriptor(MANIFEST, Digest.of(data), len(data)),))
    assert Index.from_bytes(index.to_bytes()) == index


def test_docker_manifest_keeps_its_media_type() -> None:
    manifest = Manifest(Descriptor(CONFIG, Digest.of(b""), 0), (), DOCKER_MANIFEST)
    assert Manifest.from_bytes(manifest.to_bytes()).media_type == DOCKER_MANIFEST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rootfs": {"type": "tree", "diff_ids": []}}, "config.rootfs.type: must be"),
        ({"rootfs": {"type": "layers", "diff_ids": ["x"]}}, "config.rootfs.diff_ids[0]: not a"),
        ({"architecture": None}, "config.architecture: this member is missing"),
        ({"config": {"Env": "A=1"}}, "config.config.Env: expected JSON type array"),
        ({"config": {"Labels": {"a": 1}}}, "config.config.Labels.a: expected JSON type string"),
        ({"history": [{"empty_layer": 1}]}, "config.history[0].empty_layer: expected"),
    ],
)
def test_config_mistakes_have_an_address(change: dict[str, Any], message: str) -> None:
    members = json.loads(DOCKER) | change
    with pytest.raises(InvalidSpec) as refusal:
        ImageConfig.from_bytes(json.dumps(members).encode())
    assert refusal.value.message.startswith(message)


def test_other_schema_versions_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="manifest: only schemaVersion 2"):
        Manifest.from_bytes(b'{"schemaVersion":1,"layers":[]}')


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v not in (None, "")}
    return value
