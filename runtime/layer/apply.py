"""Applying layers: a tar in, a directory for overlayfs out.

    blob ──▶ open_layer ──▶ entries ──▶ Target ──▶ layer directory
             (decompress)   (reader)    (path-safe)

The directory belongs to one layer alone: deletions are marked in it, not carried out. While the
tar is read its digest is computed, so the caller learns which layer it has really applied.

image-spec: layer.md "Applying Changesets"
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from runtime.errors import InvalidInput
from runtime.layer.reader import entries
from runtime.layer.target import Target
from runtime.oci.descriptor import DOCKER_LAYER_GZIP, LAYER_GZIP, LAYER_ZSTD
from runtime.oci.digest import DiffID

_BUFFER_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a layer may unpack to before it is taken for a bomb.

    `depth` counts the parts of a name.
    """

    bytes: int = 64 << 30
    entries: int = 4_000_000
    depth: int = 256


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied: the digest and length of the uncompressed tar, and its entries."""

    diff_id: DiffID
    bytes: int
    files: int


def open_layer(stream: BinaryIO, media_type: str | None = None) -> BinaryIO:
    """A layer's tar, whatever compression it was stored or sent with.

    The media type decides; the first bytes do when it says nothing of compression, because
    registries hold compressed layers under plain names. Reading to the end reads `stream` to
    its end, so a verifying stream verifies. Raises InvalidInput for compressions not supported.
    """
    buffered = io.BufferedReader(_Unseekable(stream), _BUFFER_BYTES)
    magic = buffered.peek(4)[:4]
    plain = cast(BinaryIO, buffered)
    if media_type == LAYER_ZSTD or magic == _ZSTD_MAGIC:
        raise InvalidInput(
            "layers compressed with zstd are not supported yet",
            hint="copy the image with gzip layers: skopeo copy --dest-compress-format gzip",
        )
    if media_type in (LAYER_GZIP, DOCKER_LAYER_GZIP) or magic.startswith(_GZIP_MAGIC):
        return cast(BinaryIO, io.BufferedReader(_Gunzip(plain), _BUFFER_BYTES))
    return plain


def apply_layer(stream: BinaryIO, target: Path, limits: Limits | None = None) -> Applied:
    """Unpack the uncompressed tar `stream` into `target`, an empty or partly filled directory.

    Writes nowhere but inside `target`, and uses memory that does not grow with the layer's
    content. `stream` is read to its end. Directories that the tar does not mention are made 0755.

    Raises UnsafePath when the layer tries to leave `target`, InvalidInput when it is damaged or
    larger than `limits`, KernelError. The target is then half filled: the caller throws it away.
    """
    limits = limits or Limits()
    measured = _Measured(stream, limits.bytes)
    reader = cast(BinaryIO, io.BufferedReader(measured, _BUFFER_BYTES))
    files = 0
    with Target(target, limits.depth) as tree:
        for entry, content in entries(reader):
            files += 1
            if files > limits.entries:
                raise _too_large("entries", limits.entries)
            tree.place(entry, content)
    while reader.read(_BUFFER_BYTES):
        pass  # padding after the end of the archive belongs to the digest
    return Applied(measured.diff_id(), measured.count, files)


class _Measured(io.RawIOBase):
    """A stream that counts and hashes what passes, and ends a bomb early."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._hash = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._hash.update(data)
        self.count += len(data)
        if self.count > self._limit:
            raise _too_large("bytes", self._limit)
        buffer[: len(data)] = data
        return len(data)

    def diff_id(self) -> DiffID:
        """The digest of all that was read."""
        return DiffID("sha256:" + self._hash.hexdigest())


class _Unseekable(io.RawIOBase):
    """A stream with nothing but `read`, for `io.BufferedReader` to look ahead in."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Gunzip(io.RawIOBase):
    """Decompresses while it is read; damage is an error of ours."""

    def __init__(self, stream: BinaryIO) -> None:
        self._gzip = gzip.GzipFile(fileobj=stream)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            return self._gzip.readinto(buffer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as cause:
            raise InvalidInput("the layer's gzip data is damaged: {cause}", cause=cause) from cause


def _too_large(what: str, limit: int) -> InvalidInput:
    return InvalidInput(
        "the layer has more than {limit} {what}: this looks like a bomb", limit=limit, what=what
    )
