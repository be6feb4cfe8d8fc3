"""Garbage: which blobs are reachable from the images there are, and which may go.

Blobs refer to each other by the digests inside them: an index to manifests, a manifest to its
config and layers. Whatever cannot be reached from a root (a tagged manifest, a cached layer) is
garbage. Nothing is counted, so nothing can be miscounted.

Rule: the caller holds the writers' lock exclusively (ARCHITECTURE.md), or else a build's fresh
blobs, which nobody names yet, look like garbage.
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.content.store import ContentStore
from runtime.errors import InvalidSpec
from runtime.linux import tree
from runtime.oci.digest import Digest
from runtime.oci.document import Document
from runtime.oci.image import Index, Manifest

_MANIFEST_LIMIT_BYTES = 4 << 20  # distribution-spec: what a registry must accept


def reachable(store: ContentStore, roots: Iterable[Digest]) -> set[Digest]:
    """Every digest that can be reached from `roots`, the roots included.

    A manifest that an index names may be absent (an image for another platform): it is passed
    over. Raises NotFound for an absent root and IntegrityError for a damaged document: guessing
    what it referred to would delete somebody's layers.
    """
    found = set(roots)
    waiting = list(found)
    for root in waiting:
        store.size(root)
    while waiting:
        fresh = {d for d in _references(store, waiting.pop()) if store.has(d)} - found
        found |= fresh
        waiting += fresh
    return found


def unreachable(store: ContentStore, roots: Iterable[Digest]) -> list[tuple[Digest, int]]:
    """Every blob that `roots` do not reach, with its size in bytes. Raises like `reachable`."""
    kept = reachable(store, roots)
    return [(digest, store.size(digest)) for digest in store.digests() if digest not in kept]


def sweep(store: ContentStore, roots: Iterable[Digest]) -> list[tuple[Digest, int]]:
    """Delete what is unreachable; return what that was. Raises before it deletes anything."""
    garbage = unreachable(store, roots)
    for digest, _ in garbage:
        store.delete(digest)
    return garbage


def clear_ingest(store: ContentStore) -> int:
    """Remove what interrupted writers left behind; return its size in bytes."""
    if not store.ingest.is_dir():
        return 0
    freed = 0
    for leftover in store.ingest.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():  # an archive that was being read
            freed += sum(file.lstat().st_size for file in leftover.rglob("*") if file.is_file())
            tree.delete(leftover)
        else:
            freed += leftover.lstat().st_size
            leftover.unlink(missing_ok=True)
    return freed


def _references(store: ContentStore, digest: Digest) -> list[Digest]:
    """What the blob itself names. Layers and configs name no blob.

    A document says what it is by its members: `mediaType` was optional for long. One that cannot
    be understood refers to nothing, for nobody could use it either.
    """
    if store.size(digest) > _MANIFEST_LIMIT_BYTES:
        return []
    data = store.read(digest)
    try:
        members = Document.parse(data, "blob").members
        if "manifests" in members:
            return [manifest.digest for manifest in Index.from_bytes(data).manifests]
        if "layers" in members:
            manifest = Manifest.from_bytes(data)
            return [manifest.config.digest, *(layer.digest for layer in manifest.layers)]
    except InvalidSpec:
        pass
    return []
