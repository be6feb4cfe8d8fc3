"""Garbage: what nobody can pull any more, removed while others push.

    mark     rows: manifests without a tag (if asked for), then blobs that no manifest names
    sweep    files that no row names

Whoever pushes an image pushes its blobs first and the manifest that names them last. In between
they look like garbage. So a blob is spared for a while after it was pushed, or after somebody was
told that it is there and need not be pushed (`grace_s`). Both steps are write transactions, and so
is naming a blob or a manifest: a manifest finds all its blobs or is refused, never half of them.

The server may run, or not. Killed at any moment this leaves files without rows, which the
next run finds; never rows without files.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from runtime.content.gc import clear_ingest
from runtime.oci.digest import Digest
from runtime.registry.server.inventory import Inventory

GRACE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Collected:
    """What is gone: manifests, and files with their size."""

    manifests: int
    blobs: tuple[Digest, ...]
    freed_bytes: int


_UNTAGGED = """
DELETE FROM manifests WHERE pushed_ns < ?1
  AND NOT EXISTS (SELECT 1 FROM tags t
                  WHERE t.repository = manifests.repository AND t.manifest = manifests.digest)
  AND NOT EXISTS (SELECT 1 FROM links l
                  WHERE l.repository = manifests.repository AND l.target = manifests.digest)
  AND NOT EXISTS (SELECT 1 FROM manifests s
                  WHERE s.repository = manifests.repository AND s.digest = manifests.subject)
"""
"""Neither tagged, nor named by an index, nor about a manifest that is there (a signature)."""

_LINKS_OF_NOBODY = """
DELETE FROM links WHERE NOT EXISTS (SELECT 1 FROM manifests m
                  WHERE m.repository = links.repository AND m.digest = links.manifest)
"""
_UNNAMED_BLOBS = """
DELETE FROM blobs WHERE seen_ns < ?1
  AND NOT EXISTS (SELECT 1 FROM links l
                  WHERE l.repository = blobs.repository AND l.target = blobs.digest)
"""
_EMPTY_REPOSITORIES = """
DELETE FROM repositories WHERE created_ns < ?1
  AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.repository = name)
  AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository = name)
"""


def collect(root: Path, *, grace_s: float = GRACE_S, untagged: bool = False) -> Collected:
    """Remove garbage; with `untagged`, also manifests that have no tag (any more)."""
    inventory = Inventory(root)
    before_ns = time.time_ns() - int(grace_s * 1e9)
    manifests = _mark(inventory, before_ns, untagged=untagged)
    return _sweep(inventory, manifests)


def _mark(inventory: Inventory, before_ns: int, *, untagged: bool) -> int:
    """Forget rows; how many manifests were among them."""
    database = inventory.database
    gone = 0
    with database.transaction():
        # What an index or an image was holding may be free when that one is gone.
        while untagged and (count := database.change(_UNTAGGED, before_ns)):
            gone += count
            database.change(_LINKS_OF_NOBODY)
        database.change(_UNNAMED_BLOBS, before_ns)
        database.change(_EMPTY_REPOSITORIES, before_ns)
    return gone


def _sweep(inventory: Inventory, manifests: int) -> Collected:
    """Delete the files that no row names. Nobody can name one meanwhile."""
    content, database = inventory.content, inventory.database
    gone: list[Digest] = []
    freed = 0
    with database.transaction():
        named = {
            row["digest"]
            for table in ("blobs", "manifests")
            for row in database.all(f"SELECT DISTINCT digest FROM {table}")  # noqa: S608
        }
        for digest in content.digests():
            if digest not in named:
                freed += content.size(digest)
                content.delete(digest)
                gone.append(digest)
        freed += clear_ingest(content)
    return Collected(manifests, tuple(gone), freed)
