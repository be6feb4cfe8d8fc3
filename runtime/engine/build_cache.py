"""The build cache's rows: which layer a step made, by the step's key.

The builder decides what a key is; this file only remembers. A remembered layer keeps its blob
from being collected, until `forget_unused`.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from runtime.build.cache import CacheHit
from runtime.database import Database
from runtime.oci.digest import DiffID, Digest

FRESH_NS = 60 * 60 * 10**9
"""How exactly it is remembered when a layer was used last."""


class SqliteCache:
    """Implements the builder's cache protocol on the state directory's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> CacheHit | None:
        """The layer that a step with this key made before."""
        row = self._database.one("SELECT * FROM build_cache WHERE key = ?", key)
        if row is None:
            return None
        if time.time_ns() - row["used_ns"] > FRESH_NS:  # a commit for every step would be slow
            self._database.change(
                "UPDATE build_cache SET used_ns = ? WHERE key = ?", time.time_ns(), key
            )
        return CacheHit(Digest(row["digest"]), DiffID(row["diff_id"]), row["size"], row["created"])

    def put(self, key: str, hit: CacheHit) -> None:
        """Remember it; the last build wins."""
        self._database.change(
            "INSERT OR REPLACE INTO build_cache VALUES (?, ?, ?, ?, ?, ?)",
            key,
            hit.digest,
            hit.diff_id,
            hit.size,
            hit.created,
            time.time_ns(),
        )

    def digests(self) -> set[Digest]:
        """Every layer that is remembered."""
        return {Digest(row["digest"]) for row in self._database.all("SELECT * FROM build_cache")}

    def unused_since(self, moment_ns: int) -> set[Digest]:
        """The layers that no build has used since then, in nanoseconds since 1970."""
        query = "SELECT digest FROM build_cache GROUP BY digest HAVING max(used_ns) < ?"
        return {Digest(row["digest"]) for row in self._database.all(query, moment_ns)}

    def forget(self, digests: Collection[Digest]) -> None:
        """Forget the steps that made these layers."""
        with self._database.transaction():
            for digest in digests:
                self._database.change("DELETE FROM build_cache WHERE digest = ?", digest)
