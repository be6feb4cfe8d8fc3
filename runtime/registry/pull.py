"""Pull: a name in a registry becomes an image in the content store.

    tag or digest ──▶ index ──choose a platform──▶ manifest ──▶ config ──▶ layers, several at a time

What comes in stays byte for byte as it was sent, so the digest of the manifest is the one that the
registry knows. Only a layer that is here already is not sent again: by its digest, or, because the
config says what is in it, by its content: then the manifest in our store names the layer that we
have, and the image's ID, the digest of its config, is the same.

Nothing is believed. A manifest has a limit, a type and the digest it was asked by; layers are as
long as promised and have their digest; only then they are kept. Whether a layer, uncompressed, has
the DiffID that the config lists is seen where it is uncompressed, before anybody runs it: when it
is unpacked. The image's own documents come last: without them nothing refers to the layers.

Rule: names are somebody else's business (engine).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from runtime.content.copy import copy_blob, in_parallel
from runtime.content.store import ContentStore, Writer
from runtime.errors import IntegrityError, InvalidInput, InvalidSpec, NotFound
from runtime.oci.descriptor import (
    CONFIG,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    INDEXES,
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    Descriptor,
    Platform,
)
from runtime.oci.digest import DiffID, Digest
from runtime.oci.document import Document
from runtime.oci.image import ImageConfig, Index, Manifest
from runtime.registry.client import Fetched, Repository
from runtime.registry.messages import MANIFEST_LIMIT_BYTES
from runtime.registry.progress import Progress, Tell

WORKERS = 4
_NESTING_LIMIT = 4
_NO_PLATFORM = "unknown"
"""What BuildKit writes for what is no image: attestations of the images beside them."""

_CONFIG_TYPES = frozenset({CONFIG, DOCKER_CONFIG})
_LAYER_TYPES = frozenset({LAYER, LAYER_GZIP, LAYER_ZSTD, DOCKER_LAYER, DOCKER_LAYER_GZIP})


@dataclass(frozen=True, slots=True)
class Pulled:
    """`digest` is what the registry calls it, `manifest` is in our store; of an image for several
    platforms the first is the index's.
    """

    digest: Digest
    manifest: Digest


def pull(
    repository: Repository,
    reference: str,
    content: ContentStore,
    platform: Platform,
    tell: Tell,
    *,
    insist: bool = False,
) -> Pulled:
    """Bring in the image of a tag or digest. An image for one other platform is taken, too, unless
    its user `insist`s.

    Raises NotFound, RegistryError, IntegrityError, InvalidSpec, InvalidInput; then no image has
    come in. Layers that were complete by then stay in the store until it is swept.
    """
    top = repository.fetch(reference)
    tell(Progress(f"Pulling from {repository.name}", reference))
    fetched = choose(repository, top, platform)
    manifest = checked_manifest(fetched)
    if content.has(manifest.config.digest):
        config_data = content.read(manifest.config.digest)
    else:
        config_data = fetch_config(repository, manifest.config)
    config = ImageConfig.from_bytes(config_data)
    if insist and not fits(config.platform, platform):
        raise _no_match(platform, [config.platform])
    ours = _bring_all(repository, content, manifest.layers_of(config), tell)
    content.add(config_data)
    if ours == manifest.layers:
        return Pulled(top.digest, _keep(content, fetched))
    return Pulled(top.digest, content.add(replace(manifest, layers=ours).to_bytes()))


def _bring_all(
    repository: Repository,
    content: ContentStore,
    layers: Sequence[tuple[Descriptor, DiffID]],
    tell: Tell,
) -> tuple[Descriptor, ...]:
    """The layers as they are in our store; those that are missing come several at a time."""
    here = [_ours(content, *layer) for layer in layers]
    missing = {}
    for (layer, _), known in zip(layers, here, strict=True):
        tell(Progress("Already exists" if known else "Pulling fs layer", layer.digest.short))
        if known is None:
            missing[layer.digest] = layer
    sink = _Store(content)
    in_parallel(
        [*missing.values()],
        lambda layer: _bring(repository, sink, layer, tell),
        WORKERS,
        repository.registry.transport.close,
    )
    return tuple(known or layer for (layer, _), known in zip(layers, here, strict=True))


def choose(repository: Repository, top: Fetched, platform: Platform) -> Fetched:
    """The manifest for `platform`, through as many indexes as anybody needs.

    Raises NotFound where there is none for it, InvalidSpec.
    """
    for _ in range(_NESTING_LIMIT):
        if top.media_type not in INDEXES:
            return top
        manifests = checked_index(top).manifests
        said = [each for each in manifests if each.platform and each.platform.os != _NO_PLATFORM]
        found = [each for each in said if each.platform and fits(each.platform, platform)]
        # Only then those that do not say for what they are: beside images these may be anything.
        found += [each for each in manifests if not each.platform]
        if not found:
            raise _no_match(platform, [each.platform for each in said if each.platform])
        descriptor = found[0]
        top = repository.fetch(descriptor.digest, descriptor)
    raise InvalidSpec("{where}: indexes within indexes within indexes", where="index")


def fits(offered: Platform, wanted: Platform) -> bool:
    """Whether an image for the one is what was asked for by the other."""
    return (offered.os, offered.architecture) == (wanted.os, wanted.architecture) and (
        not wanted.variant or not offered.variant or offered.variant == wanted.variant
    )


def checked_index(fetched: Fetched) -> Index:
    """Raises InvalidSpec for what is no index, or says to be something else."""
    _refuse_two_meanings(fetched)
    return Index.from_bytes(fetched.data)


def checked_manifest(fetched: Fetched) -> Manifest:
    """Raises InvalidSpec for what is no manifest of an image, InvalidInput for too many layers."""
    _refuse_two_meanings(fetched)
    manifest = Manifest.from_bytes(fetched.data)
    if manifest.config.media_type not in _CONFIG_TYPES:
        raise InvalidSpec(
            "{where}: {media_type!r} is not what an image consists of",
            where="manifest.config",
            media_type=manifest.config.media_type[:100],
        )
    manifest.refuse_too_many_layers()
    for number, layer in enumerate(manifest.layers):
        if layer.media_type not in _LAYER_TYPES:
            raise InvalidSpec(
                "{where}: {media_type!r} is not what an image consists of",
                where=f"manifest.layers[{number}]",
                media_type=layer.media_type[:100],
            )
    return manifest


def _refuse_two_meanings(fetched: Fetched) -> None:
    """A document that is a manifest to one reader and an index to the other (CVE-2021-41190)."""
    document = Document.parse(fetched.data, "manifest")
    said = document.text("mediaType", fetched.media_type)
    both = document.has("manifests") and (document.has("layers") or document.has("config"))
    if said != fetched.media_type or both:
        raise InvalidSpec(
            "{where}: it was sent as {media_type} and says that it is something else",
            where="manifest",
            media_type=fetched.media_type,
        )


def fetch_config(repository: Repository, config: Descriptor) -> bytes:
    """An image's configuration, verified. Raises InvalidInput for one that is too large."""
    if config.size > MANIFEST_LIMIT_BYTES:
        raise InvalidInput(
            "{digest} has {size} bytes: too large for a document",
            digest=config.digest,
            size=config.size,
        )
    intake = _InMemory()
    copy_blob(repository, intake, config, repository.registry.patience())
    data = bytes(intake.data)
    if Digest.of_kind(config.digest.algorithm, data) != config.digest or len(data) != config.size:
        raise IntegrityError(
            "the bytes received are not those of {expected}: they are {actual}",
            expected=config.digest,
            actual=Digest.of_kind(config.digest.algorithm, data),
        )
    return data


def _ours(content: ContentStore, layer: Descriptor, diff_id: DiffID) -> Descriptor | None:
    """The same layer in our store, as it was sent or without compression; None if it is new."""
    if content.has(layer.digest):
        return layer
    if content.has(diff_id):
        return Descriptor(LAYER, Digest(diff_id), content.size(diff_id))
    return None


def _bring(repository: Repository, sink: _Store, layer: Descriptor, tell: Tell) -> None:
    name = layer.digest.short
    total = layer.size

    def told(received: int) -> None:
        tell(Progress("Downloading", name, received, total))

    copy_blob(repository, sink, layer, repository.registry.patience(), told)
    tell(Progress("Pull complete", name))


class _InMemory:
    """A small blob, as an `Intake` of `content.copy` that keeps what the registry has promised."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._limit = 0

    @contextlib.contextmanager
    def intake(self, blob: Descriptor) -> Iterator[_InMemory]:
        self._limit = blob.size
        yield self

    def received(self) -> int:
        return len(self.data)

    def take(self, pieces: Iterable[bytes], offset: int) -> None:
        del offset  # the source has been told where to begin
        for piece in pieces:
            self.data += piece
            if len(self.data) > self._limit:
                raise IntegrityError(
                    "expected {expected} bytes, received {actual}",
                    expected=str(self._limit),
                    actual=str(len(self.data)),
                )

    def commit(self) -> None:
        pass


class _Store:
    """The content store as a `Sink` of `content.copy`."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content

    @contextlib.contextmanager
    def intake(self, blob: Descriptor) -> Iterator[_Written]:
        with self._content.writer(blob.digest, blob.size) as writer:
            yield _Written(writer)


class _Written:
    """A blob being written: it is kept when it is what was promised."""

    def __init__(self, blob: Writer) -> None:
        self._blob = blob

    def received(self) -> int:
        return self._blob.size

    def take(self, pieces: Iterable[bytes], offset: int) -> None:
        del offset  # the source has been told where to begin
        for piece in pieces:
            self._blob.write(piece)

    def commit(self) -> None:
        self._blob.commit()


def _keep(content: ContentStore, fetched: Fetched) -> Digest:
    with content.writer(fetched.digest, len(fetched.data)) as blob:
        blob.write(fetched.data)
        return blob.commit()[0]


def _no_match(platform: Platform, known: list[Platform]) -> NotFound:
    return NotFound(
        "no matching manifest for {platform}; there are: {others}",
        platform=platform,
        others=", ".join(sorted({str(each) for each in known}))[:300] or "-",
    )
