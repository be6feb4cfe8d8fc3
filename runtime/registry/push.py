"""Push: an image of the content store becomes known to a registry.

    layers, several at a time ──▶ config ──▶ manifest, by its tag

Our own layers are stored without compression and travel with one: each is compressed once, always
to the same bytes, and what came of it is remembered (`Memory`), so that the next push sees that
the registry has it and sends nothing. Layers that came compressed go as they came. When no layer
had to be compressed the manifest goes byte for byte, too.

Before a layer is sent the registry is asked whether it has it, and whether it can take it from
another repository of its own where we have seen it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from runtime.content.copy import Source, copy_blob, in_parallel
from runtime.content.store import ContentStore, Writer
from runtime.errors import RegistryError
from runtime.layer.pack import packed
from runtime.oci.descriptor import DOCKER_LAYER, LAYER, LAYER_GZIP, LAYER_ZSTD, Descriptor
from runtime.oci.digest import Digest
from runtime.oci.image import Manifest
from runtime.registry.client import Repository, Upload
from runtime.registry.progress import Progress, Tell

WORKERS = 4
_MOUNTS_LIMIT = 3
_PIECE_BYTES = 1 << 18
_PLAIN = frozenset({LAYER, DOCKER_LAYER})
_PACKED = {"gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}


class Memory(Protocol):
    """What is remembered from one push to the next."""

    def packed_layer(self, layer: Digest, compression: str) -> tuple[Digest, int] | None:
        """Digest and size of what a layer was compressed to."""
        ...

    def keep_packed_layer(
        self, layer: Digest, compression: str, digest: Digest, size: int
    ) -> None: ...

    def homes(self, host: str, blob: Digest) -> Sequence[str]:
        """Repositories of a registry that have a blob, as far as we know."""
        ...

    def keep_home(self, host: str, blob: Digest, repository: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Pushed:
    """The manifest as the registry has it now."""

    digest: Digest
    size: int


def push(
    repository: Repository,
    tag: str,
    content: ContentStore,
    image: Digest,
    memory: Memory,
    tell: Tell,
    compression: str = "gzip",
) -> Pushed:
    """Send the image with the manifest `image`, so that `tag` means it.

    Raises RegistryError, IntegrityError, InvalidInput (the compression); the tag then means what
    it meant before.
    """
    data = content.read(image)
    manifest = Manifest.from_bytes(data)
    layers = [*{layer.digest: layer for layer in manifest.layers}.values()]
    for layer in layers:
        tell(Progress("Preparing", layer.digest.short))
    sent: dict[Digest, Descriptor] = {}

    def send(layer: Descriptor) -> None:
        one = _Layer(repository, content, memory, tell, layer, compression)
        sent[layer.digest] = one.send()

    in_parallel(layers, send, WORKERS, repository.registry.transport.close)
    if not repository.has(manifest.config.digest):
        patience = repository.registry.patience()
        copy_blob(Stored(content), repository, manifest.config, patience)
    there = tuple(sent[layer.digest] for layer in manifest.layers)
    if there != manifest.layers:
        data = replace(manifest, layers=there).to_bytes()
    repository.put(tag, manifest.media_type, data)
    pushed = Pushed(Digest.of(data), len(data))
    tell(Progress(f"{tag}: digest: {pushed.digest} size: {pushed.size}"))
    aux = {"Tag": tag, "Digest": str(pushed.digest), "Size": pushed.size}
    tell(Progress("", aux=aux))
    return pushed


class Stored:
    """The content store as a `Source`."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content

    def pieces(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """See `content.copy.Source`. Read from the beginning, it verifies itself."""
        with self._content.open(blob.digest, offset) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


class _Written:
    """What a writer has written so far as a `Source`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def pieces(self, _blob: Descriptor, offset: int) -> Iterator[bytes]:
        with self._writer.reread() as file:
            file.seek(offset)
            while piece := file.read(_PIECE_BYTES):
                yield piece


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer on its way."""

    repository: Repository
    content: ContentStore
    memory: Memory
    tell: Tell
    layer: Descriptor
    compression: str

    def send(self) -> Descriptor:
        """See to it that the registry has the layer; how it is called there."""
        known = self._known()
        if known is not None:
            if self.repository.has(known.digest):
                return self._done("Layer already exists", known)
            if home := self._mounted(known):
                return self._done(f"Mounted from {home}", known)
        with self._source() as (source, blob):
            # What it was compressed to may turn out to be there, under a name we did not know.
            if blob != known and self.repository.has(blob.digest):
                return self._done("Layer already exists", blob)
            patience = self.repository.registry.patience()
            copy_blob(source, self.repository, blob, patience, self._told)
        return self._done("Pushed", blob)

    def _known(self) -> Descriptor | None:
        """How the layer is called over there; None if it was never compressed."""
        if self.layer.media_type not in _PLAIN:
            return self.layer
        found = self.memory.packed_layer(self.layer.digest, self.compression)
        return Descriptor(_PACKED[self.compression], *found) if found else None

    def _mounted(self, blob: Descriptor) -> str:
        """The repository from which the registry has taken it; "" if it could not."""
        host = self.repository.registry.host
        for home in self.memory.homes(host, blob.digest)[:_MOUNTS_LIMIT]:
            if home != self.repository.name:
                with contextlib.suppress(RegistryError):
                    upload: Upload | None = self.repository.mount(blob, home)
                    if upload is None:
                        return home
                    with upload:  # which ends it: it is begun anew when the layer is ready
                        pass
        return ""

    @contextlib.contextmanager
    def _source(self) -> Iterator[tuple[Source, Descriptor]]:
        """Where to read from what is sent; a layer of ours is compressed first."""
        if self.layer.media_type not in _PLAIN:
            yield Stored(self.content), self.layer
            return
        name = self.layer.digest.short
        with self.content.writer() as writer, self.content.open(self.layer.digest) as tar:
            for piece in packed(tar, self.compression):
                self.repository.registry.transport.refuse_closed()
                writer.write(piece)
                self.tell(Progress("Compressing", name, writer.size, self.layer.size))
            digest, size = writer.digest, writer.size
            self.memory.keep_packed_layer(self.layer.digest, self.compression, digest, size)
            yield _Written(writer), Descriptor(_PACKED[self.compression], digest, size)

    def _told(self, sent: int) -> None:
        self.tell(Progress("Pushing", self.layer.digest.short, sent, self.layer.size))

    def _done(self, status: str, blob: Descriptor) -> Descriptor:
        self.memory.keep_home(self.repository.registry.host, blob.digest, self.repository.name)
        self.tell(Progress(status, self.layer.digest.short))
        return blob
