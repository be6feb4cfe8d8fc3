"""Packing: a layer's tar, compressed for the way. The other direction of `compression`.

The same tar packed twice is the same bytes: a registry that has the layer is not sent it again.
So gzip's header has no time and no name, and the blocks that several threads compress at once are
always cut at the same places; each takes the end of the one before it as its dictionary, and all
of them are one gzip member, which every tool reads.

RFC 1951 (deflate), RFC 1952 (gzip), RFC 8878 (zstd)
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from runtime.errors import InvalidInput
from runtime.layer.compression import zstd_packed

GZIP_LEVEL = 6
BLOCK_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 15
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no flags, no time, unknown system
_LAST_BLOCK = b"\x03\x00"  # an empty one with the mark that it is the last


def packed(tar: BinaryIO, compression: str) -> Iterator[bytes]:
    """`tar` in pieces, compressed with "gzip" or "zstd". Raises InvalidInput for another."""
    if compression == "gzip":
        return _gzip(tar)
    if compression == "zstd":
        return zstd_packed(tar)
    raise InvalidInput(
        "a layer cannot be compressed with {compression}",
        hint="gzip, zstd and no compression are what the OCI knows",
        compression=compression,
    )


def _gzip(tar: BinaryIO) -> Iterator[bytes]:
    """One member whose blocks are compressed by as many threads as there are processors."""
    yield _HEADER
    checksum, size, before = 0, 0, b""
    workers = len(os.sched_getaffinity(0))
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="gzip") as pool:
        while block := tar.read(BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
            size += len(block)
            waiting.append(pool.submit(_deflate, block, before))
            before = block[-_WINDOW_BYTES:]
            if len(waiting) > 2 * workers:  # memory stays flat
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    yield _LAST_BLOCK + checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def _deflate(block: bytes, before: bytes) -> bytes:
    """One block, ended at a byte so that the next can follow."""
    deflater = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, 8, 0, before)
    return deflater.compress(block) + deflater.flush(zlib.Z_SYNC_FLUSH)
