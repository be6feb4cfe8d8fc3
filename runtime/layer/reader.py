"""Reading a tar as a stream: one entry after the other, never looking back.

Memory stays flat whatever the archive says: content is handed out in chunks, and the few things
that must be held whole (long names, PAX headers) have a limit.

Rule: this file reads a stream and makes values; it does not know where files go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from runtime.errors import InvalidInput
from runtime.layer import header
from runtime.layer.entry import Entry
from runtime.layer.header import BLOCK_BYTES

_CHUNK_BYTES = 1 << 20
_METADATA_LIMIT_BYTES = 1 << 20


class Content:
    """The bytes that follow an entry. Iterating reads them once, in chunks of at most 1 MiB."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size
        self._padding = -size % BLOCK_BYTES

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            chunk = _exactly(self._stream, min(self._left, _CHUNK_BYTES))
            self._left -= len(chunk)
            yield chunk

    def skip(self) -> None:
        """Read past what nobody read, up to the next header."""
        for _ in self:
            pass
        # `umoci insert` forgets the padding at the very end, and Go's reader forgives it.
        if 0 < len(self._stream.read(self._padding)) < self._padding:
            raise _truncated()


def entries(stream: BinaryIO) -> Iterator[tuple[Entry, Content]]:
    """Every entry with its content, which is gone when the next entry is asked for.

    Ends at the first block of zeros or where the stream ends between two entries; what follows
    the end of the archive is left unread. Raises InvalidInput when the archive is damaged.
    """
    records: dict[str, bytes] = {}
    while (block := stream.read(BLOCK_BYTES)) and any(block):
        if len(block) < BLOCK_BYTES:
            raise _truncated()
        match header.typeflag_of(block):
            case header.PAX_HEADER:
                records |= header.parse_pax_records(_metadata(stream, block))
            case header.PAX_GLOBAL_HEADER:
                _metadata(stream, block)  # git's commit id and the like: nothing about a file
            case header.GNU_LONG_NAME:
                records["path"] = _metadata(stream, block).partition(b"\0")[0]
            case header.GNU_LONG_LINK:
                records["linkpath"] = _metadata(stream, block).partition(b"\0")[0]
            case _:
                entry = header.decode(block, records)
                content = Content(stream, entry.size)
                yield entry, content
                content.skip()
                records = {}


def _metadata(stream: BinaryIO, block: bytes) -> bytes:
    """The content of a header that describes the next entry."""
    size = header.size_of(block)
    if size > _METADATA_LIMIT_BYTES:
        raise InvalidInput("a tar's PAX header has {size} bytes: too large", size=size)
    data = _exactly(stream, size)
    _exactly(stream, -size % BLOCK_BYTES)
    return data


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise _truncated()
    return data


def _truncated() -> InvalidInput:
    return InvalidInput("the tar archive ends too early", hint="the layer is damaged: get it again")
