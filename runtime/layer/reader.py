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
_DESCRIBING = frozenset(
    {header.PAX_HEADER, header.PAX_GLOBAL_HEADER, header.GNU_LONG_NAME, header.GNU_LONG_LINK}
)


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
    room = _METADATA_LIMIT_BYTES  # for all that describes one entry: many headers are a long one
    while (block := stream.read(BLOCK_BYTES)) and any(block):
        if len(block) < BLOCK_BYTES:
            raise _truncated()
        flag = header.typeflag_of(block)
        if flag in _DESCRIBING:
            data = _metadata(stream, block, room)
            room -= BLOCK_BYTES + len(data)
            records |= _described(flag, data)
        else:
            entry = header.decode(block, records)
            content = Content(stream, entry.size)
            yield entry, content
            content.skip()
            records, room = {}, _METADATA_LIMIT_BYTES


def _described(flag: bytes, data: bytes) -> dict[str, bytes]:
    """What a header that is no file's own says about the next file."""
    match flag:
        case header.PAX_HEADER:
            return header.parse_pax_records(data)
        case header.GNU_LONG_NAME:
            return {"path": data.partition(b"\0")[0]}
        case header.GNU_LONG_LINK:
            return {"linkpath": data.partition(b"\0")[0]}
    return {}  # a global header: git's commit id and the like, nothing about a file


def _metadata(stream: BinaryIO, block: bytes, room: int) -> bytes:
    """The content of a header that describes the next entry."""
    size = header.size_of(block)
    if size > room:
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
