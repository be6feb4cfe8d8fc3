"""Import: a root file system that somebody packed becomes an image of one layer.

    tar, compressed or not ──▶ layer ──▶ config ──▶ manifest

The layer is the tar as it came, without its compression: its digest can be compared with what
`sha256sum` says of the file. `docker import`
"""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from runtime.build.commit import Note, changed_config
from runtime.build.image import Draft
from runtime.build.perform import timestamp
from runtime.build.store import BuiltImage, store_image
from runtime.content.store import ContentStore, Writer
from runtime.errors import InvalidInput
from runtime.layer.compression import BUFFER_BYTES, decompressed
from runtime.layer.limits import DEFAULT, too_large
from runtime.layer.reader import entries
from runtime.oci.descriptor import LAYER, Descriptor, Platform
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import History, ImageConfig, RunConfig


def import_tar(
    content: ContentStore, stream: BinaryIO, platform: Platform, changes: str, note: Note
) -> BuiltImage:
    """Store an image whose only layer is `stream`, with Dockerfile instructions as its config.

    Raises InvalidInput for what is no tar, DockerfileError.
    """
    config = changed_config(RunConfig(), changes)
    digest, size = _store(content, stream)
    created = timestamp(note.seconds)
    image = ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        created=created,
        config=config,
        diff_ids=(DiffID(digest),),
        history=(History(created, note.created_by, comment=note.message),),
    )
    return store_image(content, Draft(image, (Descriptor(LAYER, digest, size),)))


def _store(content: ContentStore, stream: BinaryIO) -> tuple[Digest, int]:
    """The tar as a blob; that it is one is found out on the way."""
    with content.writer() as blob:
        copy = io.BufferedReader(_Copied(decompressed(stream), blob), BUFFER_BYTES)
        if not copy.peek(1):
            raise InvalidInput("the archive is empty", hint="give a tar of a root file system")
        for files, _ in enumerate(entries(cast(BinaryIO, copy)), start=1):
            if files > DEFAULT.entries:
                raise too_large("entries", DEFAULT.entries)
        while copy.read(BUFFER_BYTES):
            pass  # what follows the end of the archive belongs to the digest
        return blob.commit()


class _Copied(io.RawIOBase):
    """A stream of which everything that is read goes to a blob, too."""

    def __init__(self, stream: BinaryIO, blob: Writer) -> None:
        self._stream = stream
        self._blob = blob

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._blob.write(data)
        buffer[: len(data)] = data
        return len(data)
