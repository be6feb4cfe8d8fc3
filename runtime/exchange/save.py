"""Saving: images as one tar that every other tool reads.

    blobs/sha256/…    the content, as in our own store
    oci-layout        with index.json, an OCI image layout     podman, skopeo, umoci, containerd
    index.json
    manifest.json     the same images in docker's own words    docker load, of any version
    repositories

That is how docker itself writes them since version 25. The bytes depend on the images and their
names alone: the same images saved twice are the same file.

image-spec: image-layout.md; moby image/spec "Combined Image JSON + Filesystem Changeset Format"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.content.store import ContentStore
from runtime.exchange.names import annotations_of
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.header import END_OF_ARCHIVE, encode, padding
from runtime.oci.descriptor import Descriptor
from runtime.oci.digest import Digest
from runtime.oci.image import Index, Manifest
from runtime.oci.reference import Reference

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An image to save, and under which names; without any, it is known by its ID."""

    manifest: Digest
    names: tuple[Reference, ...] = ()


def archive(content: ContentStore, images: Sequence[Outgoing]) -> Iterator[bytes]:
    """The images as a tar, in pieces. Raises NotFound, IntegrityError for a damaged blob."""
    manifests = {each.manifest: _manifest(content, each.manifest) for each in images}
    blobs = {digest for key, each in manifests.items() for digest in _blobs(key, each)}
    algorithms = sorted({blob.algorithm for blob in blobs})
    for directory in ("blobs", *(f"blobs/{algorithm}" for algorithm in algorithms)):
        yield encode(Entry(directory.encode(), EntryKind.DIRECTORY, mode=0o755))
    for blob in sorted(blobs):
        yield from _blob(content, blob)
    pairs = [(each, manifests[each.manifest]) for each in images]
    yield from _document("index.json", _index(content, pairs).to_bytes())
    yield from _document("manifest.json", _json([_listed(*pair) for pair in pairs]))
    yield from _document("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    yield from _document("repositories", _json(_repositories(pairs)))
    yield END_OF_ARCHIVE


def _manifest(content: ContentStore, digest: Digest) -> Manifest:
    return Manifest.from_bytes(content.read(digest))


def _blobs(digest: Digest, manifest: Manifest) -> Iterator[Digest]:
    yield digest
    yield manifest.config.digest
    yield from (layer.digest for layer in manifest.layers)


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _blob(content: ContentStore, digest: Digest) -> Iterator[bytes]:
    size = content.size(digest)
    yield encode(Entry(_path(digest).encode(), EntryKind.FILE, mode=0o644, size=size))
    with content.open(digest) as blob:
        while chunk := blob.read(_CHUNK_BYTES):
            yield chunk
    yield padding(size)


def _document(name: str, data: bytes) -> Iterator[bytes]:
    yield encode(Entry(name.encode(), EntryKind.FILE, mode=0o644, size=len(data)))
    yield data
    yield padding(len(data))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _index(content: ContentStore, pairs: Sequence[tuple[Outgoing, Manifest]]) -> Index:
    """One descriptor for each name, as containerd wants it."""
    descriptors = []
    for image, manifest in pairs:
        plain = (manifest.media_type, image.manifest, content.size(image.manifest))
        descriptors += [Descriptor(*plain, annotations_of(name)) for name in image.names]
        if not image.names:
            descriptors.append(Descriptor(*plain))
    return Index(tuple(descriptors))


def _listed(image: Outgoing, manifest: Manifest) -> dict[str, Any]:
    """An entry of manifest.json."""
    return {
        "Config": _path(manifest.config.digest),
        "RepoTags": [name.familiar for name in image.names] or None,
        "Layers": [_path(layer.digest) for layer in manifest.layers],
    }


def _repositories(pairs: Sequence[tuple[Outgoing, Manifest]]) -> dict[str, dict[str, str]]:
    """Docker's oldest list: a repository's tags, and the topmost layer of each."""
    found: dict[str, dict[str, str]] = {}
    for image, manifest in pairs:
        top = manifest.layers[-1].digest.hex if manifest.layers else ""
        for name in image.names:
            found.setdefault(name.familiar_name, {})[name.tag or ""] = top
    return found
