"""Images as files: save, load and import, between the store and a stream.

Everything passes through in pieces, whatever its size. What comes in becomes an image in one
moment, at the very end: a load that is refused or killed leaves nothing.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, BinaryIO, cast

from runtime.build.builder import host_platform
from runtime.build.commit import Note
from runtime.build.download import LARGEST_BYTES
from runtime.build.imported import import_tar
from runtime.content.store import ContentStore
from runtime.engine.directory import require_root, writing
from runtime.engine.image import Image
from runtime.errors import InvalidReference, NotFound, OnggiError
from runtime.exchange import save
from runtime.exchange.load import incoming_images
from runtime.exchange.save import Outgoing
from runtime.exchange.staging import Staging
from runtime.layer.stream import stream_of
from runtime.oci.digest import Digest
from runtime.oci.reference import Reference

if TYPE_CHECKING:
    from runtime.engine.images import Images

Data = bytes | BinaryIO | Iterable[bytes] | Path
"""Where an archive comes from: bytes, a file, pieces as `save` gives them, or a path."""


def save_images(images: Images, names: Iterable[str]) -> Iterator[bytes]:
    """See `Images.save`; what is missing is said before the first piece."""
    chosen: dict[Digest, list[Reference]] = {}
    for name in names:
        for image, reference in _chosen(images, name):
            known = chosen.setdefault(image.manifest_digest, [])
            if reference is not None and reference not in known:
                known.append(reference)
    for manifest in chosen:
        image_id = Image(images.shelf, manifest).id
        images.note("save", image_id, image_id)
    outgoing = [Outgoing(manifest, tuple(names)) for manifest, names in chosen.items()]
    return save.archive(images.content, outgoing)


def _chosen(images: Images, name: str) -> Iterator[tuple[Image, Reference | None]]:
    """A name with a tag means itself, one without all of its tags, an ID no name at all."""
    image = images.get(name) if not _is_repository(name) else None
    if image is None:
        repository = Reference.parse(name).name
        found = [
            (Image(images.shelf, manifest), Reference.parse(full))
            for full, manifest in images.names.all()
            if full.startswith(repository + ":") and "@" not in full
        ]
        if found:
            yield from reversed(found)
            return
        image = images.get(name)
    yield image, _reference(images, name)


def _is_repository(name: str) -> bool:
    """Whether it is a name without tag and digest. Any ID looks like one, too."""
    if ":" in name.rpartition("/")[2] or "@" in name:
        return False
    try:
        Reference.parse(name)
    except InvalidReference:
        return False
    return True


def _reference(images: Images, name: str) -> Reference | None:
    try:
        reference = Reference.parse(name)
    except InvalidReference:
        return None
    if reference.digest:  # in an archive a name is a tag
        return None
    return reference if images.names.find(reference) is not None else None


def load_images(
    images: Images, data: Data, progress: Callable[[Image, list[str]], None]
) -> list[Image]:
    """See `Images.load`."""
    require_root()
    with writing(images.root), Staging(images.content) as staging:
        if isinstance(data, Path) and data.is_dir():
            staging.receive_layout(data)
        else:
            with opened(data) as stream:
                staging.receive(stream)
        incoming = incoming_images(staging, host_platform())
        for blob in {blob for each in incoming for blob in each.blobs}:
            staging.adopt(blob)
        with images.database.transaction():
            for each in incoming:
                for reference in each.names:
                    images.names.point(reference, each.manifest)
                images.names.keep_nameless(each.manifest)
                images.note("load", str(each.config), str(each.config))
    loaded = [Image(images.shelf, each.manifest) for each in incoming]
    for image, each in zip(loaded, incoming, strict=True):
        progress(image, [name.familiar for name in each.names])
    return loaded


def import_image(
    images: Images,
    data: Data | str,
    name: str,
    changes: str,
    message: str,
    platform: str | None,
) -> Image:
    """See `Images.import_image`."""
    require_root()
    reference = Reference.parse(name) if name else None
    made_for = host_platform()
    if platform:
        from runtime.engine.registries import parse_platform  # slow to import

        made_for = parse_platform(platform)
    note = Note("", int(time()), message)
    with contextlib.ExitStack() as until_done:
        until_done.enter_context(writing(images.root))
        if isinstance(data, str):
            data = until_done.enter_context(downloaded(images.content, data))
        stream = until_done.enter_context(opened(data))
        made = import_tar(images.content, stream, made_for, changes, note)
        image = Image(images.shelf, made.manifest.digest)
        if reference:
            images.names.point(reference, made.manifest.digest)
        else:
            images.names.keep_nameless(made.manifest.digest)
        images.note("import", image.id, reference.familiar if reference else image.id)
    return image


@contextlib.contextmanager
def downloaded(content: ContentStore, address: str) -> Iterator[BinaryIO]:
    """What is at an address, as a file without a name, which goes with the block.

    Raises NotFound when it cannot be had.
    """
    from runtime.build import web  # slow to import

    content.ingest.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=content.ingest) as file:
        try:
            with web.ask(address) as answer:
                answer.receive(file, LARGEST_BYTES)
        except OnggiError as cause:
            raise NotFound(
                "{address} cannot be downloaded: {reason}", address=address, reason=cause.message
            ) from cause
        file.seek(0)
        yield cast(BinaryIO, file)


def opened(data: Data) -> BinaryIO:
    """Anything as a stream that may be closed. Raises NotFound for a path with nothing there."""
    if isinstance(data, bytes):
        return io.BytesIO(data)
    if isinstance(data, Path):
        try:
            return data.open("rb")
        except FileNotFoundError as cause:
            raise NotFound("no such file: {path}", path=data) from cause
    if hasattr(data, "read"):
        return cast(BinaryIO, _Borrowed(cast(BinaryIO, data)))
    return stream_of(data)


class _Borrowed(io.RawIOBase):
    """Somebody else's stream, which stays open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)
