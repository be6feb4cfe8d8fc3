"""A layer is packed the same way every time, and everybody can unpack it."""

from __future__ import annotations

import gzip
import io
import random
import subprocess

import pytest

from runtime.errors import InvalidInput
from runtime.layer.compression import decompressed
from runtime.layer.pack import BLOCK_BYTES, packed

NOISE = random.Random(5)
TARS = [
    b"",
    b"x",
    b"text " * 1000,
    NOISE.randbytes(BLOCK_BYTES),
    b"kimchi " * BLOCK_BYTES + NOISE.randbytes(BLOCK_BYTES + 1),
]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("tar", TARS, ids=len)
def test_what_is_packed_comes_out_again(tar: bytes, compression: str) -> None:
    first = b"".join(packed(io.BytesIO(tar), compression))
    assert first == b"".join(packed(io.BytesIO(tar), compression))
    assert decompressed(io.BytesIO(first)).read() == tar
    if compression == "gzip":
        assert gzip.decompress(first) == tar
        assert (
            subprocess.run(["gzip", "-dc"], input=first, capture_output=True, check=True).stdout
            == tar
        )


def test_gzip_is_one_member_and_as_small_as_others_make_it() -> None:
    tar = b"".join(f"{n} onggi jars\n".encode() for n in range(400_000))
    data = b"".join(packed(io.BytesIO(tar), "gzip"))
    assert len(data) < 1.03 * len(gzip.compress(tar, 6))


def test_no_other_compression() -> None:
    with pytest.raises(InvalidInput, match="cannot be compressed with xz"):
        packed(io.BytesIO(b""), "xz")
