"""Loading: an archive or layout of another tool becomes images of ours.

    tar or directory ──▶ Staging ──▶ index.json    ─┐
                                     manifest.json ─┴▶ Incoming: verified ──▶ content store

Both lists may be there: docker writes one file for everybody since version 25. The OCI's index
is read first, because with it an image keeps its manifest and so the digest that a registry knows
it by. What comes in stays byte for byte as it was sent, compressed layers too; only an archive
that has docker's list alone gets a manifest of ours. The image's ID, the digest of its config, is
the same in any case.

Nothing is believed: every blob has the digest and size that its descriptor says, and every layer,
uncompressed, the DiffID that the config lists.

image-spec: image-layout.md; moby image/spec "Combined Image JSON + Filesystem Changeset Format"
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runtime.errors import IntegrityError, InvalidInput, InvalidSpec, NotFound
from runtime.exchange.names import reference_of
from runtime.exchange.staging import Staging
from runtime.layer.compression import compression_of, diff_id_of
from runtime.oci.descriptor import (
    CONFIG,
    INDEXES,
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    MANIFEST,
    MANIFESTS,
    Descriptor,
    Platform,
)
from runtime.oci.digest import DiffID, Digest
from runtime.oci.document import Document
from runtime.oci.image import ImageConfig, Index, Manifest
from runtime.oci.reference import Reference

_NESTING_LIMIT = 4
_LAYER_TYPES = {"": LAYER, "gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}


@dataclass(frozen=True, slots=True)
class Incoming:
    """An image that came in, whole and verified: `blobs` are all it consists of."""

    manifest: Digest
    config: Digest
    names: tuple[Reference, ...]
    blobs: frozenset[Digest]


def incoming_images(staging: Staging, platform: Platform) -> list[Incoming]:
    """The images of an archive; of one for several platforms, that for `platform`.

    Raises InvalidInput, InvalidSpec, NotFound (it is not complete), IntegrityError.
    """
    return _Archive(staging, platform).images()


class _Archive:
    def __init__(self, staging: Staging, platform: Platform) -> None:
        self._staging = staging
        self._platform = platform
        self._diff_ids: dict[Digest, DiffID] = {}

    def images(self) -> list[Incoming]:
        """One for each manifest, with all the names it is listed under."""
        listed = self._listed_by_docker()
        named: dict[Digest, list[Reference]] = {}
        for manifest, reference in self._manifests(listed):
            names = named.setdefault(manifest, [])
            if reference is not None and reference not in names:
                names.append(reference)
        if not named:
            raise _no_image()
        return [self._verified(manifest, names, listed) for manifest, names in named.items()]

    def _manifests(self, listed: list[_Listed]) -> Iterator[tuple[Digest, Reference | None]]:
        if self._staging.has("index.json"):
            self._check_layout()
            index = Index.from_bytes(self._staging.document(self._staging.file("index.json")))
            for descriptor in index.manifests:
                if found := self._chosen(descriptor, 0):
                    yield found, reference_of(descriptor.annotations)
        elif listed:
            yield from ((self._manifest_for(each), None) for each in listed)
        else:
            raise _no_image()

    def _check_layout(self) -> None:
        layout = Document.parse(
            self._staging.document(self._staging.file("oci-layout")), "oci-layout"
        )
        if (version := layout.text("imageLayoutVersion")) != "1.0.0":
            raise InvalidSpec(
                "{where}: version {version} is not supported", where="oci-layout", version=version
            )

    def _chosen(self, descriptor: Descriptor, depth: int) -> Digest | None:
        """The manifest that a descriptor means; None for what is no image."""
        if descriptor.media_type in MANIFESTS:
            self._staging.check(descriptor)
            return descriptor.digest
        if descriptor.media_type not in INDEXES or depth == _NESTING_LIMIT:
            return None
        self._staging.check(descriptor)
        index = Index.from_bytes(self._staging.document(descriptor.digest))
        platforms = [each.platform for each in index.manifests]
        for each in index.manifests:
            if each.platform is None or _fits(each.platform, self._platform):
                return self._chosen(each, depth + 1)
        raise NotFound(
            "the archive has no image for {platform}, only for: {others}",
            platform=self._platform,
            others=", ".join(str(each) for each in platforms),
        )

    def _verified(
        self, manifest: Digest, names: list[Reference], listed: list[_Listed]
    ) -> Incoming:
        document = Manifest.from_bytes(self._staging.document(manifest))
        document.refuse_too_many_layers()
        self._staging.check(document.config)
        config = ImageConfig.from_bytes(self._staging.document(document.config.digest))
        for layer, diff_id in document.layers_of(config):
            self._staging.check(layer)
            if (actual := self._diff_id(layer.digest)) != diff_id:
                raise IntegrityError(
                    "a layer is not the one that its image lists: {expected} holds {actual}",
                    expected=diff_id,
                    actual=actual,
                )
        more = [
            name for each in listed if each.config == document.config.digest for name in each.names
        ]
        blobs = {manifest, document.config.digest, *(layer.digest for layer in document.layers)}
        return Incoming(
            manifest,
            document.config.digest,
            tuple(dict.fromkeys([*names, *more])),
            frozenset(blobs),
        )

    def _diff_id(self, layer: Digest) -> DiffID:
        """The digest of a layer without its compression; computed once a blob."""
        if layer not in self._diff_ids:
            with self._staging.store.open(layer) as blob:
                self._diff_ids[layer] = diff_id_of(blob)
        return self._diff_ids[layer]

    # ── Docker's own list ────────────────────────────────────────────────────────────────────

    def _listed_by_docker(self) -> list[_Listed]:
        if not self._staging.has("manifest.json"):
            return []
        data = self._staging.document(self._staging.file("manifest.json"))
        return [self._listed(each) for each in _array(data)]

    def _listed(self, document: Document) -> _Listed:
        return _Listed(
            self._staging.file(document.text("Config")),
            tuple(map(Reference.parse, document.texts("RepoTags") or ())),
            tuple(map(self._staging.file, document.texts("Layers") or ())),
        )

    def _manifest_for(self, listed: _Listed) -> Digest:
        """A manifest of ours for an image that comes without one."""
        size = self._staging.store.size
        config = Descriptor(CONFIG, listed.config, size(listed.config))
        layers = (Descriptor(self._layer_type(each), each, size(each)) for each in listed.layers)
        return self._staging.store.add(Manifest(config, tuple(layers), MANIFEST).to_bytes())

    def _layer_type(self, layer: Digest) -> str:
        with self._staging.store.open(layer) as blob:
            compression = compression_of(blob.read(512))
        if compression not in _LAYER_TYPES:
            raise InvalidInput(
                "a layer cannot be compressed with {compression}",
                hint="gzip, zstd and no compression are what the OCI knows",
                compression=compression,
            )
        return _LAYER_TYPES[compression]


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry of manifest.json."""

    config: Digest
    names: tuple[Reference, ...]
    layers: tuple[Digest, ...]


def _array(data: bytes) -> Iterator[Document]:
    """manifest.json is an array, which no OCI document is."""
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError) as cause:
        raise InvalidSpec(
            "{where}: not JSON: {cause}", where="manifest.json", cause=cause
        ) from cause
    if not isinstance(value, list):
        value = [value]
    return iter(Document({"manifests": value}, "manifest.json").children("manifests"))


def _fits(offered: Platform, wanted: Platform) -> bool:
    return (offered.os, offered.architecture) == (wanted.os, wanted.architecture)


def _no_image() -> InvalidInput:
    return InvalidInput(
        "the archive holds no image",
        hint="a root file system becomes an image with `onggi import`",
    )
