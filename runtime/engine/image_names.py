"""Names of images: rows that point to manifests.

Several names may point to one manifest. One of them may be `repository@sha256:…`, the digest by
which a registry knows the image, docker's RepoDigests. When a name goes to a newer build, the
manifest that it leaves without any name keeps a row of its own, so that it stays (docker shows it
as <none>) until it is pruned.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from runtime import journal
from runtime.database import Database
from runtime.oci.digest import Digest
from runtime.oci.reference import Reference

NAMELESS = "<none>@"
"""How the row of a manifest without a name begins; its digest follows."""


class ImageNames:
    """The names of one state directory."""

    def __init__(self, database: Database, image_id: Callable[[Digest], str] = str) -> None:
        """`image_id` says the id of the image that a manifest describes, for the journal."""
        self._database = database
        self._image_id = image_id

    def point(self, reference: Reference, manifest: Digest, *, quietly: bool = False) -> None:
        """Let a name mean this manifest from now on. `quietly`: the journal hears of it in other
        words.
        """
        with self._database.transaction():
            before = self.find(reference)
            self._put(str(reference), manifest)
            self.forget(NAMELESS + manifest)
            if before is not None:
                self.keep_nameless(before)
            if not quietly:
                facts = {"name": reference.familiar}
                journal.note(self._database, "image", "tag", self._image_id(manifest), facts)

    def keep_nameless(self, manifest: Digest) -> None:
        """Keep a manifest that has no name; one that has a name needs nothing."""
        query = "SELECT 1 FROM images WHERE manifest = ?"
        if self._database.one(query, manifest) is None:
            self._put(NAMELESS + manifest, manifest)

    def find(self, reference: Reference) -> Digest | None:
        """The manifest that the name means. Of tag and digest the digest counts."""
        if reference.digest:
            reference = reference.with_digest(reference.digest)
        query = "SELECT manifest FROM images WHERE name = ?"
        row = self._database.one(query, str(reference))
        return Digest(row["manifest"]) if row else None

    def of(self, manifest: Digest) -> list[str]:
        """The full references with a tag that mean this manifest, the oldest first."""
        return [name for name in self._every(manifest) if "@" not in name]

    def digests_of(self, manifest: Digest) -> list[str]:
        """The full references with a digest that mean this manifest, the oldest first."""
        names = self._every(manifest)
        return [name for name in names if "@" in name and not name.startswith(NAMELESS)]

    def _every(self, manifest: Digest) -> list[str]:
        query = "SELECT name FROM images WHERE manifest = ? ORDER BY named_ns"
        return [row["name"] for row in self._database.all(query, manifest)]

    def named_ns(self, manifest: Digest) -> int:
        """When it was given a name last, or 0."""
        query = "SELECT max(named_ns) AS last FROM images WHERE manifest = ?"
        row = self._database.one(query, manifest)
        return (row and row["last"]) or 0

    def all(self) -> Iterator[tuple[str, Digest]]:
        """Every name (or `NAMELESS` row) with its manifest, the newest first."""
        for row in self._database.all("SELECT * FROM images ORDER BY named_ns DESC"):
            yield row["name"], Digest(row["manifest"])

    def forget(self, name: str) -> None:
        """Take a full reference, or a nameless row, away."""
        self._database.change("DELETE FROM images WHERE name = ?", name)

    def _put(self, name: str, manifest: Digest) -> None:
        statement = "INSERT OR REPLACE INTO images VALUES (?, ?, ?)"
        self._database.change(statement, name, manifest, time.time_ns())
