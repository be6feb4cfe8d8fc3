"""Compression: a tar's bytes, whatever they were packed with.

    gzip zstd      what layers travel in (image-spec: layer.md, "gzip", "zstd")
    bzip2 xz       what people's archives are in, besides: ADD and import take them

Not a name and not a media type decides but the first bytes: registries hold compressed layers
under plain names, and the other way round. Several members one after the other are one stream,
as every tool writes and reads them. What comes out is handed on piece by piece, so memory stays
flat whatever a few hostile bytes unfold to; that it unfolds to too much ends it (see `limits`).

A zstd stream that was cut off between two blocks looks like one that has ended. Whoever knows
the tar's digest, or reads it to the end of its archive, notices.

Rule: this file is the door for zstandard, which is loaded when a layer needs it.
RFC 1952 (gzip); RFC 8878 (zstd)
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from runtime.errors import InvalidInput
from runtime.layer.header import BLOCK_BYTES, typeflag_of
from runtime.layer.limits import DEFAULT, Limits, too_large
from runtime.oci.digest import DiffID

BUFFER_BYTES = 1 << 20
_INPUT_BYTES = 1 << 16
_WINDOW_BYTES = 128 << 20  # zstd may ask for gigabytes to remember; its own tools stop here
_GZIP_WRAPPER = 16 + zlib.MAX_WBITS


class Member(Protocol):
    """The decompressor of one member: gzip's, bzip2's and xz's have these in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def decompressed(stream: BinaryIO, limits: Limits = DEFAULT) -> BinaryIO:
    """What `stream` holds, without its compression if it has one.

    Reading to the end reads `stream` to its end, so a verifying stream verifies. Reading raises
    InvalidInput where the data is damaged, and where it is larger than `limits` by its ratio.
    """
    beginning = _read_fully(stream, BLOCK_BYTES)
    source = _buffered(_Continued(beginning, stream))
    if (name := compression_of(beginning)) == "zstd":
        return _buffered(_Unzstd(source, limits))
    for _, each, member in _FORMATS:
        if each == name:
            return _buffered(_Inflated(source, name, member, limits))
    return source


def zstd_packed(tar: BinaryIO) -> Iterator[bytes]:
    """`tar` in pieces as one zstd frame, the same for the same tar; see `pack`."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    yield from compressor.read_to_iter(tar, read_size=BUFFER_BYTES, write_size=BUFFER_BYTES)


def diff_id_of(stream: BinaryIO) -> DiffID:
    """The digest of a layer's tar, however it is compressed. Raises InvalidInput for a bomb."""
    digest = hashlib.sha256()
    tar = decompressed(stream)
    while chunk := tar.read(BUFFER_BYTES):
        digest.update(chunk)
    return DiffID("sha256:" + digest.hexdigest())


def compression_of(beginning: bytes) -> str:
    """How a file is compressed that begins like this (512 bytes are enough); "" if it is not."""
    if _is_tar(beginning):  # whatever its first file's name looks like
        return ""
    if beginning.startswith(_ZSTD) or _is_skippable(beginning):
        return "zstd"
    return next((name for magic, name, _ in _FORMATS if beginning.startswith(magic)), "")


def _is_tar(beginning: bytes) -> bool:
    try:
        return len(beginning) >= BLOCK_BYTES and bool(typeflag_of(beginning[:BLOCK_BYTES]))
    except InvalidInput:
        return False


def _read_fully(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or all there are: a pipe may hand out less at a time."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


class _Continued(io.RawIOBase):
    """A stream with nothing but `read`, and the `beginning` that was taken from it already."""

    def __init__(self, beginning: bytes, stream: BinaryIO) -> None:
        self._beginning = beginning
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._beginning or self._stream.read(len(buffer))
        self._beginning = data[len(buffer) :] if self._beginning else b""
        data = data[: len(buffer)]
        buffer[: len(data)] = data
        return len(data)


class _Metered(io.RawIOBase):
    """A compressed stream that knows how much went in and how much came out."""

    def __init__(self, source: BinaryIO, name: str, limits: Limits) -> None:
        self._source = source
        self._name = name
        self._limits = limits
        self._taken = 0
        self._given = 0

    def readable(self) -> bool:
        return True

    def read_source(self, size: int = _INPUT_BYTES) -> bytes:
        """The next compressed bytes."""
        data = self._source.read(min(size, _INPUT_BYTES))
        self._taken += len(data)
        return data

    def count(self, size: int) -> int:
        """`size` bytes came out. Raises InvalidInput when that is out of all proportion."""
        self._given += size
        if self._given > max(self._limits.modest_bytes, self._limits.ratio * self._taken):
            raise InvalidInput(
                "{taken} compressed bytes unfold to more than {given}: this looks like a bomb",
                taken=self._taken,
                given=self._given,
            )
        if self._given > self._limits.bytes:
            raise too_large("bytes", self._limits.bytes)
        return size

    def damaged(self, cause: Exception) -> InvalidInput:
        return InvalidInput("the {format} data is damaged: {cause}", format=self._name, cause=cause)


class _Inflated(_Metered):
    """One member after the other, until the source ends. Zeros behind the last are padding."""

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        new_member: Callable[[], Member],
        limits: Limits,
    ) -> None:
        super().__init__(source, name, limits)
        self._new_member = new_member
        self._member = new_member()
        self._waiting = b""  # taken from the source, and not yet given to the member

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            while not (data := self._some(len(buffer))):
                if self._member.eof and not self._begin_next_member():
                    return 0
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as cause:
            raise self.damaged(cause) from cause
        buffer[: len(data)] = data
        return self.count(len(data))

    def _some(self, size: int) -> bytes:
        if self._member.eof:
            return b""
        if self._member.needs_input and not self._waiting:
            self._waiting = self.read_source()
            if not self._waiting:
                raise EOFError("it ends too early")
        data, self._waiting = self._waiting, b""
        return self._member.decompress(data, size)

    def _begin_next_member(self) -> bool:
        self._waiting = self._member.unused_data.lstrip(b"\0")
        while not self._waiting and (data := self.read_source()):
            self._waiting = data.lstrip(b"\0")
        if self._waiting:
            self._member = self._new_member()
        return bool(self._waiting)


class _GzipMember:
    """zlib's decompressor with the manners of the others: it keeps what it has not used yet."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_WRAPPER)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Unzstd(_Metered):
    """The frames of a zstd stream; those that only annotate (zstd:chunked) say nothing."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        import zstandard

        super().__init__(source, "zstd", limits)
        self._damage = zstandard.ZstdError
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        self._reader = decompressor.stream_reader(
            cast(BinaryIO, _Source(self.read_source)),
            read_size=_INPUT_BYTES,
            read_across_frames=True,
        )

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            return self.count(self._reader.readinto(buffer))
        except self._damage as cause:
            raise self.damaged(cause) from cause


class _Source:
    """What zstandard reads from: anything with a `read`."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


def _buffered(stream: io.RawIOBase) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(stream, BUFFER_BYTES))


def _is_skippable(magic: bytes) -> bool:
    """A zstd frame without content, which may stand first. RFC 8878, "Skippable Frames"."""
    return magic[1:4] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50


_ZSTD = b"\x28\xb5\x2f\xfd"
_FORMATS: tuple[tuple[bytes, str, Callable[[], Member]], ...] = (
    (b"\x1f\x8b", "gzip", _GzipMember),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", "xz", lzma.LZMADecompressor),
)
