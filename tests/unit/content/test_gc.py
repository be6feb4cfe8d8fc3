"""Garbage collection keeps exactly what an image needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.content.gc import clear_ingest, reachable, sweep, unreachable
from runtime.content.store import ContentStore
from runtime.errors import IntegrityError, NotFound
from runtime.oci.descriptor import CONFIG, LAYER, MANIFEST, Descriptor
from runtime.oci.digest import Digest
from runtime.oci.image import Index, Manifest


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


def put(store: ContentStore, media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, store.add(data), len(data))


def image(store: ContentStore, name: str, *layers: bytes) -> Descriptor:
    config = put(store, CONFIG, b'{"name":"%s"}' % name.encode())
    parts = tuple(put(store, LAYER, layer) for layer in layers)
    return put(store, MANIFEST, Manifest(config, parts).to_bytes())


def test_an_image_keeps_its_parts(store: ContentStore) -> None:
    kept = image(store, "kept", b"shared layer", b"own layer")
    gone = image(store, "gone", b"shared layer", b"other layer")
    assert {d for d, _ in sweep(store, [kept.digest])} == {
        gone.digest,
        Digest.of(b'{"name":"gone"}'),
        Digest.of(b"other layer"),
    }
    assert set(store.digests()) == reachable(store, [kept.digest])
    assert store.has(Digest.of(b"shared layer"))
    assert sweep(store, [kept.digest]) == []


def test_an_index_keeps_its_manifests_and_absent_platforms_are_fine(store: ContentStore) -> None:
    here = image(store, "here", b"layer")
    elsewhere = Descriptor(MANIFEST, Digest.of(b"another platform"), 16)
    index = store.add(Index((here, elsewhere)).to_bytes())
    assert sweep(store, [index]) == []


def test_a_layer_can_be_a_root(store: ContentStore) -> None:
    layer = store.add(b"cached layer")
    loose = store.add(b"loose")
    assert unreachable(store, [layer]) == [(loose, 5)]
    assert store.has(loose)


def test_without_roots_everything_goes(store: ContentStore) -> None:
    image(store, "a", b"layer")
    assert len(sweep(store, [])) == 3
    assert list(store.digests()) == []


def test_nothing_is_deleted_when_a_root_is_missing_or_damaged(store: ContentStore) -> None:
    root = image(store, "a", b"layer")
    before = set(store.digests())
    with pytest.raises(NotFound):
        sweep(store, [Digest.of(b"missing")])
    store.path(root.digest).unlink()
    store.path(root.digest).write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        sweep(store, [root.digest])
    assert set(store.digests()) == before


@pytest.mark.parametrize("data", [b'{"layers":1}', b'{"manifests":[{}]}', b"[" * 9999, b"\0" * 512])
def test_what_cannot_be_understood_refers_to_nothing(store: ContentStore, data: bytes) -> None:
    assert sweep(store, [store.add(data)]) == []


def test_interrupted_writers_leave_nothing(store: ContentStore) -> None:
    assert clear_ingest(store) == 0
    digest = store.add(b"done")
    (store.ingest / "tmp1").write_bytes(b"half")
    assert clear_ingest(store) == 4
    assert list(store.ingest.iterdir()) == []
    assert store.has(digest)
