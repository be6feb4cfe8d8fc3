"""What is remembered of images that have travelled, in the state directory's database.

    packed_layers   what a layer of ours was compressed to when it was pushed
    homes           which repositories of a registry have a blob: from there it can be mounted

Both only save work. Who looks here asks the registry whether it is still true.
"""

from __future__ import annotations

import time

from runtime.database import Database
from runtime.oci.digest import Digest

KEPT_HOMES = 10_000


class Travels:
    """Implements the memory of `registry.push`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def packed_layer(self, layer: Digest, compression: str) -> tuple[Digest, int] | None:
        """Digest and size of what a layer was compressed to."""
        query = "SELECT digest, size FROM packed_layers WHERE layer = ? AND compression = ?"
        row = self._database.one(query, layer, compression)
        return (Digest(row["digest"]), row["size"]) if row else None

    def keep_packed_layer(self, layer: Digest, compression: str, digest: Digest, size: int) -> None:
        """Remember it."""
        statement = "INSERT OR REPLACE INTO packed_layers VALUES (?, ?, ?, ?)"
        self._database.change(statement, layer, compression, digest, size)

    def homes(self, host: str, blob: Digest) -> list[str]:
        """The repositories of a registry in which a blob was seen, the latest first."""
        query = "SELECT repository FROM homes WHERE host = ? AND digest = ? ORDER BY seen_ns DESC"
        return [row["repository"] for row in self._database.all(query, host, blob)]

    def keep_home(self, host: str, blob: Digest, repository: str) -> None:
        """Remember that it was seen there."""
        with self._database.transaction():
            statement = "INSERT OR REPLACE INTO homes VALUES (?, ?, ?, ?)"
            self._database.change(statement, host, blob, repository, time.time_ns())
            self._database.change(
                "DELETE FROM homes WHERE seen_ns <= (SELECT seen_ns FROM homes "
                "ORDER BY seen_ns DESC LIMIT 1 OFFSET ?)",
                KEPT_HOMES,
            )
