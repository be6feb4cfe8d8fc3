"""The build cache's rows: which layer a step made, by the step's key.

The builder decides what a key is; this file only remembers. A remembered layer keeps its blob
from being collected, until it is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from runtime.build.cache import CacheHit
from runtime.build.uses import Uses
from runtime.database import Database, Row
from runtime.oci.digest import ChainID, DiffID, Digest


@dataclass(frozen=True, slots=True)
class Remembered:
    """A layer, and what builds had of it."""

    hit: CacheHit
    uses: Uses


class SqliteCache:
    """Implements the builder's cache protocol on the state directory's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> CacheHit | None:
        """The layer that a step with this key made before: one more use of it."""
        row = self._database.one("SELECT * FROM build_cache WHERE key = ?", key)
        if row is None:
            return None
        with self._database.transaction(lasting=False):  # no step should wait for the disk
            self._database.change(
                "UPDATE build_cache SET used_ns = ?, uses = uses + 1 WHERE key = ?",
                time.time_ns(),
                key,
            )
        return _hit(row)

    def put(self, key: str, hit: CacheHit) -> None:
        """Remember it; the last build wins."""
        now_ns = time.time_ns()
        self._database.change(
            "INSERT OR REPLACE INTO build_cache"
            " (key, digest, diff_id, size, created, parent, made_by, made_ns, used_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(key, hit.digest, hit.diff_id, hit.size, hit.created),
            *(hit.parent or "", hit.made_by, now_ns, now_ns),
        )

    def all(self) -> list[Remembered]:
        """Every layer that is remembered, once for each key, the oldest first."""
        return [
            Remembered(_hit(row), Uses(row["made_ns"], row["used_ns"], row["uses"]))
            for row in self._database.all("SELECT * FROM build_cache ORDER BY made_ns, key")
        ]

    def digests(self) -> set[Digest]:
        """Every layer that is remembered."""
        return {Digest(row["digest"]) for row in self._database.all("SELECT * FROM build_cache")}

    def unused_since(self, moment_ns: int) -> set[Digest]:
        """The layers that no build has used since then, in nanoseconds since 1970."""
        query = "SELECT digest FROM build_cache GROUP BY digest HAVING max(used_ns) < ?"
        return {Digest(row["digest"]) for row in self._database.all(query, moment_ns)}

    def forget(self, digests: Collection[Digest]) -> list[CacheHit]:
        """Forget the steps that made these layers; returns what they had made."""
        with self._database.transaction():
            doomed = [each.hit for each in self.all() if each.hit.digest in digests]
            for hit in doomed:
                self._database.change("DELETE FROM build_cache WHERE digest = ?", hit.digest)
        return doomed


def _hit(row: Row) -> CacheHit:
    return CacheHit(
        Digest(row["digest"]),
        DiffID(row["diff_id"]),
        row["size"],
        row["created"],
        ChainID(row["parent"]) if row["parent"] else None,
        row["made_by"],
    )
