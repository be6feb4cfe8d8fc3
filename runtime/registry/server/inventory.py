"""The inventory: which repository has which blobs, manifests and tags. One SQLite file.

    repositories    name
    blobs           what was pushed to a repository, or mounted there
    manifests       the same for manifests, with what a list of referrers says of them
    links           what a manifest names: its config, layers, manifests
    tags            a name for a manifest
    uploads         which repository an upload under way is for

The bytes lie in the content store, once for all repositories, and are only served to whom asks
in the name of a repository that has a row for them.

Rule: files come and go inside a write transaction of this database. So a pusher who is just
naming a blob and a collector who is just deleting nameless ones wait for each other, in
whatever processes they are, and a kill -9 leaves at most a file that no row names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.content.store import ContentStore
from runtime.database import Database, Row
from runtime.oci.digest import Digest
from runtime.registry.server.document import Pushed

SCHEMA = """
CREATE TABLE repositories (
    name        TEXT PRIMARY KEY,
    created_ns  INTEGER NOT NULL             -- since the epoch
) WITHOUT ROWID;
CREATE TABLE blobs (
    repository  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    seen_ns     INTEGER NOT NULL,            -- pushed, or somebody was told that it is there
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX blobs_by_digest ON blobs (digest);
CREATE TABLE manifests (
    repository  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    size        INTEGER NOT NULL,
    subject     TEXT NOT NULL,               -- digest of the manifest that it is about, or ''
    artifact_type TEXT NOT NULL,
    annotations TEXT NOT NULL,               -- JSON
    pushed_ns   INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest);
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE TABLE links (
    repository  TEXT NOT NULL,
    manifest    TEXT NOT NULL,
    target      TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, target)
) WITHOUT ROWID;
CREATE INDEX links_by_target ON links (repository, target);
CREATE TABLE tags (
    repository  TEXT NOT NULL,
    tag         TEXT NOT NULL,
    manifest    TEXT NOT NULL,
    tagged_ns   INTEGER NOT NULL,
    PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_manifest ON tags (repository, manifest);
CREATE TABLE uploads (
    id          TEXT PRIMARY KEY,
    repository  TEXT NOT NULL
) WITHOUT ROWID;
"""
NAME = "registry.db"

FRESH_NS = 60 * 10**9
"""Being told that a blob is there is noted at most once in this time."""


@dataclass(frozen=True, slots=True)
class Held:
    """A manifest that a repository has."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] | None = None


class Inventory:
    """The rows, and the files that belong to them. Safe for threads and processes."""

    def __init__(self, root: Path) -> None:
        self.database = Database(root, NAME, (SCHEMA,))
        self.content = ContentStore(root)

    def has_repository(self, name: str) -> bool:
        """Whether anything was ever pushed there, and not collected since."""
        return bool(self.database.one("SELECT 1 FROM repositories WHERE name = ?", name))

    def repositories(self, after: str, limit: int) -> list[str]:
        """Names behind `after`, in the order of their bytes."""
        query = "SELECT name FROM repositories WHERE name > ? ORDER BY name LIMIT ?"
        return [row["name"] for row in self.database.all(query, after, limit)]

    def tags(self, name: str, after: str, limit: int) -> list[str]:
        """Tags behind `after`, in the order of the alphabet: a, B, c."""
        query = """SELECT tag FROM tags WHERE repository = ? AND (lower(tag), tag) > (lower(?), ?)
                   ORDER BY lower(tag), tag LIMIT ?"""
        return [row["tag"] for row in self.database.all(query, name, after, after, limit)]

    def tagged(self, name: str, tag: str) -> Digest | None:
        """The manifest that a tag means now."""
        query = "SELECT manifest FROM tags WHERE repository = ? AND tag = ?"
        row = self.database.one(query, name, tag)
        return Digest(row["manifest"]) if row else None

    def manifest(self, name: str, digest: Digest) -> Held | None:
        """One manifest's row."""
        query = "SELECT * FROM manifests WHERE repository = ? AND digest = ?"
        row = self.database.one(query, name, digest)
        return _held(row) if row else None

    def image_size(self, name: str, digest: Digest) -> int:
        """How many bytes a manifest's config and layers have."""
        query = """SELECT coalesce(sum(size), 0) AS size FROM links JOIN blobs
                   ON blobs.repository = links.repository AND blobs.digest = links.target
                   WHERE links.repository = ? AND links.manifest = ?"""
        row = self.database.one(query, name, digest)
        return int(row["size"]) if row else 0

    def referrers(self, name: str, subject: Digest, after: str) -> Iterator[Held]:
        """The manifests about `subject` whose digests lie behind `after`, in that order."""
        query = """SELECT * FROM manifests WHERE repository = ? AND subject = ? AND digest > ?
                   ORDER BY digest LIMIT 1"""
        while row := self.database.one(query, name, subject, after):
            yield _held(row)
            after = row["digest"]

    def blob_size(self, name: str, digest: Digest) -> int | None:
        """How long a blob of this repository is; None: it has no such blob.

        Whoever asks may leave out pushing it, so being told counts like having pushed it.
        """
        query = "SELECT size, seen_ns FROM blobs WHERE repository = ? AND digest = ?"
        row = self.database.one(query, name, digest)
        if row is None:
            return None
        if row["seen_ns"] < time.time_ns() - FRESH_NS and not self._note_seen(name, digest):
            return None
        size: int = row["size"]
        return size

    def add_blob(self, name: str, digest: Digest, file: Path, upload: str) -> None:
        """Name the bytes in `file`, which are `digest`'s; the upload `upload` is over then."""
        with self.database.transaction():
            size = file.stat().st_size
            self.content.take(file, digest)
            self._add_blob_row(name, digest, size)
            self.database.change("DELETE FROM uploads WHERE id = ?", upload)

    def mount_blob(self, name: str, digest: Digest, origin: str) -> bool:
        """Let a repository have what another one has; False: that one has no such blob."""
        with self.database.transaction():
            query = "SELECT size FROM blobs WHERE repository = ? AND digest = ?"
            row = self.database.one(query, origin, digest)
            if row is not None:
                self._add_blob_row(name, digest, row["size"])
            return row is not None

    def missing(self, name: str, pushed: Pushed) -> list[Digest]:
        """What the manifest names and the repository does not have."""
        blobs = [each for each in pushed.blobs if not self._has("blobs", name, each)]
        return blobs + [each for each in pushed.manifests if not self._has("manifests", name, each)]

    def add_manifest(
        self, name: str, digest: Digest, data: bytes, pushed: Pushed, tag: str
    ) -> list[Digest]:
        """Store a manifest, and let `tag` mean it unless that is "". What is missing, if anything
        is: then nothing has happened.
        """
        with self.database.transaction():
            if missing := self.missing(name, pushed):
                return missing
            with self.content.writer(digest) as blob:
                blob.write(data)
                blob.commit()
            self._add_manifest_row(name, digest, len(data), pushed)
            if tag:
                self.database.change(
                    "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)",
                    *(name, tag, digest, time.time_ns()),
                )
        return []

    def delete_manifest(self, name: str, digest: Digest) -> bool:
        """Forget a manifest and every tag that means it; its bytes go with the next collection."""
        with self.database.transaction():
            for table in ("tags", "links"):
                self.database.change(
                    f"DELETE FROM {table} WHERE repository = ? AND manifest = ?",  # noqa: S608
                    *(name, digest),
                )
            return self._delete("manifests", "digest", name, digest)

    def delete_tag(self, name: str, tag: str) -> bool:
        """Forget a tag; the manifest stays."""
        return self._delete("tags", "tag", name, tag)

    def delete_blob(self, name: str, digest: Digest) -> bool:
        """Forget that the repository has the blob."""
        return self._delete("blobs", "digest", name, digest)

    def begin_upload(self, upload: str, name: str) -> None:
        """Note for which repository an upload is."""
        self.database.change("INSERT INTO uploads VALUES (?, ?)", upload, name)

    def has_upload(self, upload: str, name: str) -> bool:
        """Whether there is this upload, for this repository."""
        query = "SELECT 1 FROM uploads WHERE id = ? AND repository = ?"
        return bool(self.database.one(query, upload, name))

    def end_upload(self, upload: str) -> None:
        """Forget an upload."""
        self.database.change("DELETE FROM uploads WHERE id = ?", upload)

    def uploads(self) -> set[str]:
        """All uploads under way."""
        return {row["id"] for row in self.database.all("SELECT id FROM uploads")}

    def _add_repository(self, name: str) -> None:
        statement = "INSERT OR IGNORE INTO repositories VALUES (?, ?)"
        self.database.change(statement, name, time.time_ns())

    def _add_blob_row(self, name: str, digest: Digest, size: int) -> None:
        self._add_repository(name)
        statement = "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)"
        self.database.change(statement, name, digest, size, time.time_ns())

    def _add_manifest_row(self, name: str, digest: Digest, size: int, pushed: Pushed) -> None:
        self._add_repository(name)
        self.database.change(
            "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(name, digest, pushed.media_type, size, pushed.subject or "", pushed.artifact_type),
            *(json.dumps(dict(pushed.annotations)), time.time_ns()),
        )
        for target in {*pushed.blobs, *pushed.manifests}:
            statement = "INSERT OR IGNORE INTO links VALUES (?, ?, ?)"
            self.database.change(statement, name, digest, target)

    def _note_seen(self, name: str, digest: Digest) -> bool:
        """False: it has just been collected."""
        statement = "UPDATE blobs SET seen_ns = ? WHERE repository = ? AND digest = ?"
        return self.database.change(statement, time.time_ns(), name, digest) > 0

    def _has(self, table: str, name: str, digest: Digest) -> bool:
        query = f"SELECT 1 FROM {table} WHERE repository = ? AND digest = ?"  # noqa: S608
        return bool(self.database.one(query, name, digest))

    def _delete(self, table: str, column: str, name: str, value: str) -> bool:
        statement = f"DELETE FROM {table} WHERE repository = ? AND {column} = ?"  # noqa: S608
        return self.database.change(statement, name, value) > 0


def _held(row: Row) -> Held:
    return Held(
        Digest(row["digest"]),
        row["media_type"],
        row["size"],
        row["artifact_type"],
        json.loads(row["annotations"]),
    )
