"""Limits: how much a layer may be before it is taken for a bomb.

A few kilobytes can promise terabytes, millions of files or a name that nests for ever. What no
real image comes near is refused with a clear error, before it has filled a disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Limits:
    """`bytes` and `entries` of a layer's tar; `depth` counts the parts of a name.

    `ratio`: how many times larger than its compressed form a layer may be, once it is larger
    than `modest_bytes`. Gzip reaches 1000 with nothing but zeros, zstd a hundred times that.
    """

    bytes: int = 64 << 30
    entries: int = 4_000_000
    depth: int = 256
    ratio: int = 250
    modest_bytes: int = 4 << 30


DEFAULT = Limits()


def too_large(what: str, limit: int) -> InvalidInput:
    """What is said of a bomb; `what` are "bytes" or "entries"."""
    return InvalidInput(
        "the layer has more than {limit} {what}: this looks like a bomb", limit=limit, what=what
    )
