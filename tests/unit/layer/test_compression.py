"""Whatever a tar is packed with, the same bytes come out, piece by piece; damage is named."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tracemalloc
from collections.abc import Callable
from typing import BinaryIO, cast

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runtime.errors import InvalidInput
from runtime.layer.compression import compression_of, decompressed
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.header import encode
from runtime.layer.limits import Limits

Compress = Callable[[bytes], bytes]

FORMATS: dict[str, Compress] = {
    "": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
SKIPPABLE = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
each_format = pytest.mark.parametrize("name", FORMATS)
each_compression = pytest.mark.parametrize("name", [name for name in FORMATS if name])


class Dripping(io.RawIOBase):
    """A pipe that hands out a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 7) if size >= 0 else 7)


@each_format
@given(data=st.binary(max_size=2000))
@settings(max_examples=30, deadline=None)
def test_what_went_in_comes_out(name: str, data: bytes) -> None:
    assume(name or not compression_of(data))  # plain bytes that look packed are taken for packed
    assert decompressed(io.BytesIO(FORMATS[name](data))).read() == data


@each_format
def test_a_pipe_that_drips(name: str) -> None:
    data = os.urandom(5000)
    assert decompressed(cast(BinaryIO, Dripping(FORMATS[name](data)))).read() == data


@each_compression
def test_several_members_are_one_stream(name: str) -> None:
    members = FORMATS[name](b"one"), FORMATS[name](b""), FORMATS[name](b"two" * 100_000)
    assert decompressed(io.BytesIO(b"".join(members))).read() == b"one" + b"two" * 100_000


def test_zeros_behind_gzip_are_padding_and_anything_else_is_damage() -> None:
    data = gzip.compress(b"data")
    assert decompressed(io.BytesIO(data + bytes(100_000))).read() == b"data"
    with pytest.raises(InvalidInput, match="gzip data is damaged"):
        decompressed(io.BytesIO(data + b"more")).read()


def test_zstd_frames_that_only_annotate() -> None:
    data = zstandard.compress(b"data")
    assert decompressed(io.BytesIO(SKIPPABLE + data + SKIPPABLE + data)).read() == b"datadata"


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_what_was_cut_off_is_damaged(name: str) -> None:
    data = FORMATS[name](os.urandom(100_000))
    for cut in (len(data) // 2, len(data) - 1):
        with pytest.raises(InvalidInput, match=f"{name} data is damaged"):
            decompressed(io.BytesIO(data[:cut])).read()


@each_compression
@given(position=st.integers(0, 300), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_gives_an_error_of_ours_or_nothing(
    name: str, position: int, bit: int
) -> None:
    data = bytearray(FORMATS[name](b"some text " * 50 + bytes(range(256))))
    data[position % len(data)] ^= 1 << bit
    with contextlib.suppress(InvalidInput):
        decompressed(io.BytesIO(bytes(data))).read()


def test_a_tar_is_a_tar_whatever_its_first_file_is_called() -> None:
    header = encode(Entry(b"BZh", EntryKind.FILE))
    assert compression_of(header) == ""
    assert decompressed(io.BytesIO(header)).read() == header


@each_compression
def test_memory_stays_flat_and_a_bomb_ends(name: str) -> None:
    bomb = FORMATS[name](bytes(40 << 20))
    stream = decompressed(io.BytesIO(bomb), Limits(modest_bytes=16 << 20, ratio=100))
    given = 0
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="looks like a bomb"):
            while data := stream.read(1 << 16):
                given += len(data)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert given <= 20 << 20


def test_a_frame_that_wants_too_much_memory() -> None:
    window = (28 - 10) << 3  # RFC 8878, "Window Descriptor": 256 MiB
    empty_last_block = b"\x01\x00\x00"
    frame = b"\x28\xb5\x2f\xfd" + bytes([0, window]) + empty_last_block
    with pytest.raises(InvalidInput, match="zstd data is damaged"):
        decompressed(io.BytesIO(frame)).read()
