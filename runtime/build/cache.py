"""The build cache: which layer a step made the last time.

The key says all that a step depends on (`plan.cache_key`), so a hit is the very layer that
running it again would make, up to times. Who remembers it, and for how long, is the engine's
business; this is what it must be able to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runtime.oci.descriptor import LAYER, Descriptor
from runtime.oci.digest import ChainID, DiffID, Digest
from runtime.oci.identity import next_chain_id


@dataclass(frozen=True, slots=True)
class CacheHit:
    """A layer as it is stored, and when it was made: a rebuilt image has the same ID. `parent` are
    the layers below it, `made_by` is the step in the words of the history.
    """

    digest: Digest
    diff_id: DiffID
    size: int
    created: str
    parent: ChainID | None = None
    made_by: str = ""

    @property
    def chain_id(self) -> ChainID:
        """The layer with all that is below it."""
        return next_chain_id(self.parent, self.diff_id)

    @property
    def descriptor(self) -> Descriptor:
        """As a manifest lists it: layers are stored as plain tar, not compressed."""
        return Descriptor(LAYER, self.digest, self.size)


class Cache(Protocol):
    """Remembers layers by key. A hit whose blob is gone is no hit; the builder looks."""

    def get(self, key: str) -> CacheHit | None: ...

    def put(self, key: str, hit: CacheHit) -> None: ...
