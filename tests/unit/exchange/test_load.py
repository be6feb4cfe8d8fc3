"""What other tools write comes in; what is not whole, not true or not safe stays out."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.content.store import ContentStore
from runtime.errors import (
    IntegrityError,
    InvalidInput,
    InvalidSpec,
    NotFound,
    OnggiError,
    UnsafePath,
)
from runtime.exchange.load import Incoming, incoming_images
from runtime.exchange.staging import Staging
from runtime.oci.descriptor import (
    CONFIG,
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    INDEX,
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    MANIFEST,
    Descriptor,
    Platform,
)
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import ImageConfig, Index, Manifest

HOST = Platform("amd64", "linux")
NAME = {"io.containerd.image.name": "docker.io/library/web:1"}
Files = list[tuple[str, bytes | str | None]]
"""Members of an archive: content, the target of a link, or None for a directory."""


def tar(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


LAYERS = tar([("etc/motd", b"hello\n")]), tar([("etc/hosts", b"127.0.0.1\n")])


def blob(data: bytes) -> tuple[str, bytes]:
    return f"blobs/sha256/{Digest.of(data).hex}", data


class Layout:
    """An image as an OCI layout; what a test wants to be different, it changes before `files`."""

    def __init__(
        self,
        compress: Callable[[bytes], bytes] = bytes,
        layer_type: str = LAYER,
        docker: bool = False,
    ) -> None:
        self.config = ImageConfig(
            "amd64", "linux", diff_ids=tuple(DiffID.of(layer) for layer in LAYERS)
        )
        self.layers = [compress(layer) for layer in LAYERS]
        self.layer_type = layer_type
        self.config_type = DOCKER_CONFIG if docker else CONFIG
        self.manifest_type = DOCKER_MANIFEST if docker else MANIFEST
        self.annotations = NAME

    def manifest(self) -> bytes:
        config = self.config.to_bytes()
        return Manifest(
            Descriptor(self.config_type, Digest.of(config), len(config)),
            tuple(Descriptor(self.layer_type, Digest.of(each), len(each)) for each in self.layers),
            self.manifest_type,
        ).to_bytes()

    def descriptor(self) -> Descriptor:
        data = self.manifest()
        return Descriptor(self.manifest_type, Digest.of(data), len(data), self.annotations)

    def index(self) -> bytes:
        return Index((self.descriptor(),)).to_bytes()

    def blobs(self) -> Files:
        return [blob(each) for each in (*self.layers, self.config.to_bytes(), self.manifest())]

    def files(self) -> Files:
        return [
            *self.blobs(),
            ("index.json", self.index()),
            ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        ]


def docker_archive(**entry: Any) -> Files:
    """As docker wrote it before version 25: a layer that is there already is a link to it."""
    config = Layout().config.to_bytes()
    listed = {
        "Config": f"{Digest.of(config).hex}.json",
        "RepoTags": ["web:1", "web:latest"],
        "Layers": ["a/layer.tar", "b/layer.tar"],
        **entry,
    }
    return [
        ("a", None),
        ("a/layer.tar", LAYERS[0]),
        ("b", None),
        ("c/layer.tar", LAYERS[1]),
        ("b/layer.tar", "../c/layer.tar"),
        (f"{Digest.of(config).hex}.json", config),
        ("manifest.json", json.dumps([listed]).encode()),
    ]


@pytest.fixture
def content(tmp_path: Path) -> Iterator[ContentStore]:
    store = ContentStore(tmp_path)
    yield store
    assert list(store.ingest.iterdir()) == [], "whatever happened, nothing is left"


def load(content: ContentStore, files: Files | bytes) -> list[Incoming]:
    data = files if isinstance(files, bytes) else tar(files)
    with Staging(content) as staging:
        staging.receive(io.BytesIO(data))
        found = incoming_images(staging, HOST)
        for digest in {digest for each in found for digest in each.blobs}:
            staging.adopt(digest)
    return found


def names(image: Incoming) -> list[str]:
    return [name.familiar for name in image.names]


# ── What comes in ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "layout",
    [
        Layout(),
        Layout(gzip.compress, LAYER_GZIP),
        Layout(zstandard.compress, LAYER_ZSTD),
        Layout(gzip.compress, DOCKER_LAYER_GZIP, docker=True),
    ],
    ids=["plain", "gzip", "zstd", "docker"],
)
def test_an_oci_archive_keeps_its_digests(content: ContentStore, layout: Layout) -> None:
    [image] = load(content, layout.files())
    assert image.manifest == Digest.of(layout.manifest())
    assert image.config == Digest.of(layout.config.to_bytes())
    assert names(image) == ["web:1"]
    assert set(content.digests()) == image.blobs


def test_a_docker_archive_keeps_its_id(content: ContentStore) -> None:
    [image] = load(content, docker_archive())
    assert image.config == Digest.of(Layout().config.to_bytes())
    assert names(image) == ["web:1", "web:latest"]
    manifest = Manifest.from_bytes(content.read(image.manifest))
    assert [layer.digest for layer in manifest.layers] == [Digest.of(each) for each in LAYERS]


def test_a_docker_archive_with_compressed_layers(content: ContentStore) -> None:
    packed = [gzip.compress(LAYERS[0]), zstandard.compress(LAYERS[1])]
    files = [each for each in docker_archive() if each[0] not in ("a/layer.tar", "c/layer.tar")]
    [image] = load(content, [("a/layer.tar", packed[0]), ("c/layer.tar", packed[1]), *files])
    manifest = Manifest.from_bytes(content.read(image.manifest))
    assert [layer.media_type for layer in manifest.layers] == [LAYER_GZIP, LAYER_ZSTD]


def test_an_archive_may_be_compressed_and_begin_names_with_a_dot(content: ContentStore) -> None:
    files: Files = [(f"./{name}", data) for name, data in Layout().files()]
    assert len(load(content, gzip.compress(tar(files)))) == 1


def test_several_images_and_several_names(content: ContentStore) -> None:
    one, two = Layout(), Layout()
    two.config = replace(two.config, author="somebody else")
    other = {"org.opencontainers.image.ref.name": "registry.example/team/app:2"}
    tag_only = {"org.opencontainers.image.ref.name": "latest"}
    index = Index(
        (
            one.descriptor(),
            replace(one.descriptor(), annotations=other),
            replace(two.descriptor(), annotations=tag_only),
        )
    )
    files = [*one.files()[:-2], *two.blobs()[2:], ("index.json", index.to_bytes())]
    found = load(content, [*files, one.files()[-1]])
    assert [names(image) for image in found] == [["web:1", "registry.example/team/app:2"], []]


def test_of_several_platforms_this_host_s_is_taken(content: ContentStore) -> None:
    layout, foreign = Layout(), Descriptor(MANIFEST, Digest.of(b"not here"), 8)
    inner = Index(
        (
            replace(foreign, platform=Platform("arm64", "linux")),
            replace(foreign, platform=Platform("unknown", "unknown")),
            replace(layout.descriptor(), platform=HOST),
        )
    ).to_bytes()
    index = Index((Descriptor(INDEX, Digest.of(inner), len(inner), NAME),)).to_bytes()
    files = [*layout.files()[:-2], blob(inner), ("index.json", index), layout.files()[-1]]
    [image] = load(content, files)
    assert image.manifest == layout.descriptor().digest
    only_foreign = Index((replace(foreign, platform=Platform("arm64", "linux")),)).to_bytes()
    index = Index((Descriptor(INDEX, Digest.of(only_foreign), len(only_foreign)),)).to_bytes()
    with pytest.raises(NotFound, match="no image for linux/amd64, only for: linux/arm64"):
        load(content, [blob(only_foreign), ("index.json", index), layout.files()[-1]])


def test_a_layout_that_lies_on_the_disk(content: ContentStore, tmp_path: Path) -> None:
    for name, data in Layout().files():
        assert isinstance(data, bytes)
        (tmp_path / "layout" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "layout" / name).write_bytes(data)
    with Staging(content) as staging:
        staging.receive_layout(tmp_path / "layout")
        assert len(incoming_images(staging, HOST)) == 1
    with Staging(content) as staging, pytest.raises(NotFound, match="no OCI image layout"):
        staging.receive_layout(tmp_path)


# ── What stays out ───────────────────────────────────────────────────────────────────────────


def changed(**members: Any) -> Layout:
    layout = Layout()
    for name, value in members.items():
        setattr(layout, name, value)
    return layout


def without(name: str) -> Files:
    return [each for each in Layout().files() if not each[0].startswith(name)]


OTHER_DIFF_IDS = replace(Layout().config, diff_ids=(DiffID.of(b"x"), DiffID.of(b"y")))
ONE_DIFF_ID = replace(Layout().config, diff_ids=(DiffID.of(LAYERS[0]),))
WRONG_SIZE = Index((replace(Layout().descriptor(), size=7),)).to_bytes()

HOSTILE: dict[str, tuple[Files, type[OnggiError]]] = {
    "empty": ([], InvalidInput),
    "no image": ([("etc/passwd", b"root")], InvalidInput),
    "a name outside": ([("../evil", b"x"), *Layout().files()], UnsafePath),
    "an absolute name": ([("/etc/passwd", b"x"), *Layout().files()], UnsafePath),
    "a blob twice": ([*Layout().files(), Layout().files()[0]], InvalidInput),
    "a list twice": ([*Layout().files(), ("index.json", b"{}")], InvalidInput),
    "a blob with another digest": ([(Layout().files()[0][0], b"x")], IntegrityError),
    "a blob with no digest": ([("blobs/sha256/zz", b"x")], InvalidInput),
    "a blob of another kind": ([("blobs/md5/" + "0" * 32, b"x")], InvalidInput),
    "no layer": (without(Layout().files()[0][0]), NotFound),
    "no config": (without(Layout().files()[2][0]), NotFound),
    "no manifest": (without(Layout().files()[3][0]), NotFound),
    "no oci-layout": (without("oci-layout"), NotFound),
    "another DiffID": (changed(config=OTHER_DIFF_IDS).files(), IntegrityError),
    "too few DiffIDs": (changed(config=ONE_DIFF_ID).files(), InvalidSpec),
    "another size": (
        [*without("index.json"), ("index.json", WRONG_SIZE)],
        IntegrityError,
    ),
    "a layer that is no gzip": (
        Layout(lambda data: gzip.compress(data)[:-9], LAYER_GZIP).files(),
        InvalidInput,
    ),
    "another version": (
        [*without("oci-layout"), ("oci-layout", b'{"imageLayoutVersion":"2.0.0"}')],
        InvalidSpec,
    ),
    "a manifest bomb": (
        [("index.json", b'{"manifests":[' + b" " * (5 << 20) + b"]}"), *without("index.json")],
        InvalidInput,
    ),
    "a nest bomb": ([("manifest.json", b"[" * 100_000 + b"]" * 100_000)], InvalidSpec),
    "nonsense": ([("manifest.json", b"[1, 2]")], InvalidSpec),
    "a layer that is nowhere": (docker_archive(Layers=["a/layer.tar", "nowhere"]), NotFound),
    "a layer outside": (docker_archive(Layers=["a/layer.tar", "../../etc/shadow"]), NotFound),
    "links in a circle": (
        [*docker_archive(Layers=["l", "m"]), ("l", "m"), ("m", "l")],
        NotFound,
    ),
    "a link to the host": (
        [*docker_archive(Layers=["l", "l"]), ("l", "/etc/passwd")],
        NotFound,
    ),
    "no name": (docker_archive(RepoTags=["not a name"]), InvalidInput),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_of_a_bad_archive_comes_in(content: ContentStore, what: str) -> None:
    files, refusal = HOSTILE[what]
    with pytest.raises(refusal):
        load(content, files)
    assert list(content.digests()) == []


def test_too_many_layers(content: ContentStore) -> None:
    layout = Layout()
    layout.layers *= 65
    layout.config = replace(layout.config, diff_ids=layout.config.diff_ids * 65)
    with pytest.raises(InvalidInput, match="at most 128 layers"):
        load(content, list(dict(layout.files()).items()))


def test_too_many_files(content: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.exchange.staging._MEMBERS_LIMIT", 20)
    with pytest.raises(InvalidInput, match="more than 20 files"):
        load(content, [(f"d{number}", None) for number in range(30)])


_ARCHIVE = tar([*Layout().files(), *docker_archive()])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(_ARCHIVE) - 1), st.binary(min_size=1, max_size=6))))
def test_damage_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, patches: list[tuple[int, bytes]]
) -> None:
    """Whatever is changed: an error of ours, or an image with the digests it says it has."""
    data = bytearray(_ARCHIVE)
    for position, patch in patches:
        data[position : position + len(patch)] = patch
    content = ContentStore(tmp_path_factory.mktemp("state"))
    try:
        found = load(content, bytes(data))
    except OnggiError:
        assert list(content.digests()) == []
    else:
        for each in found:
            for digest in each.blobs:
                with content.open(digest) as stream:
                    stream.read()
