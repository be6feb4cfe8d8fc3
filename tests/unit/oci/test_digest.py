"""Digests check themselves when they are made."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidInput
from runtime.oci.digest import DiffID, Digest

# RFC 6234's test vector for "abc".
ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_known_bytes() -> None:
    digest = Digest.of(b"abc")
    assert digest == ABC
    assert (digest.algorithm, digest.hex, digest.short) == ("sha256", ABC[7:], ABC[7:19])


@given(st.binary())
def test_digest_is_what_hashlib_says(data: bytes) -> None:
    assert Digest.of(data).hex == hashlib.sha256(data).hexdigest()


def test_sha512_is_understood() -> None:
    text = "sha512:" + hashlib.sha512(b"abc").hexdigest()
    assert Digest.parse(text).algorithm == "sha512"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "sha256:",
        "sha256:abc",
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 63,
        "sha512:" + "a" * 64,
        "md5:" + "a" * 32,
        "sha256:" + "a" * 64 + "\n",
        "../../etc/passwd",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a digest"):
        Digest.parse(text)


def test_kinds_keep_their_type() -> None:
    assert isinstance(DiffID.of(b""), DiffID)
    assert repr(DiffID(ABC)) == f"DiffID('{ABC}')"
    assert f"{Digest(ABC)}" == ABC
