"""Digests: the names that content gives itself.

A digest is `algorithm:hex`. Whoever holds bytes can compute it, so nobody needs to be trusted
to hand out the right bytes. The same spelling names three different things, and mixing them up
is the classic mistake with images; so each has its own type:

    Digest    these exact bytes, as stored or sent (a compressed layer, a manifest)
    DiffID    a layer's *uncompressed* tar: what the image's config lists
    ChainID   a layer on top of all below it: what a snapshot is (see `identity`)

image-spec: descriptor.md "Digests", config.md "Layer DiffID"
"""

from __future__ import annotations

import hashlib
import re
from typing import Self

from runtime.errors import InvalidInput

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_SHAPE = re.compile(r"([a-z0-9]+):([0-9a-f]+)", re.ASCII)


class Digest(str):
    """`algorithm:hex`, checked when it is made; it is a str, so it compares and prints as one.

    Raises InvalidInput unless the algorithm is sha256 or sha512 and the hex part is lowercase
    and exactly as long as that algorithm's result.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        shape = _SHAPE.fullmatch(text)
        if shape is None or _HEX_LENGTH.get(shape[1]) != len(shape[2]):
            raise InvalidInput(
                "not a digest: {text!r}",
                hint="a digest looks like sha256: and 64 characters from 0-9 a-f",
                text=text[:200],
            )
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The digest that `text` spells. Raises InvalidInput."""
        return cls(text)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The sha256 digest of `data`."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @classmethod
    def of_kind(cls, algorithm: str, data: bytes) -> Self:
        """The digest of `data` by another algorithm: one that `algorithm` of a digest names."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """`sha256` or `sha512`: also the name `hashlib` knows it by."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """What follows the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hex digits: what tables show, as docker does."""
        return self.hex[:12]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class DiffID(Digest):
    """The digest of a layer's uncompressed tar. config.md "Layer DiffID"."""

    __slots__ = ()


class ChainID(Digest):
    """The identity of a layer applied on all those below it. config.md "Layer ChainID"."""

    __slots__ = ()
