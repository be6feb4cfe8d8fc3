"""The build cache as `system df -v` lists it: docker's BuildCache records.

    regular           what a step made: a layer, as blob and as directory
                      blobs and directories that nothing needs, until the next prune
                      what ADD has downloaded
    exec.cachemount   what `RUN --mount=type=cache` shows

Of a layer that images need, too, the record is `Shared` and its bytes are counted with theirs:
clients leave it out of the sum. Of others `Size` is what the cache alone keeps.
Docker Engine API 1.47, "BuildCache"; BuildKit: client/diskusage.go
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.build.uses import Uses
from runtime.container.log import timestamp
from runtime.content import gc
from runtime.engine.build_cache import Remembered
from runtime.engine.images import Images
from runtime.oci.digest import ChainID, Digest

Record = dict[str, Any]


def cache_records(images: Images) -> list[Record]:
    """All of them: the layers of steps, the oldest first, then what is left over, then the rest."""
    return [*_layers(images), *_cache_directories(images), *_downloads(images)]


def _layers(images: Images) -> Iterator[Record]:
    """Bytes that no image needs are counted once, with the first record that has them."""
    content, snapshots = images.content, images.snapshots
    needed = gc.reachable(content, images.manifests())
    blobs = {each: content.size(each) for each in set(content.digests()) - needed}
    unpacked = set(snapshots.chain_ids())
    chains = {each: snapshots.usage(each) for each in unpacked - images.chains_in_use()}
    known, building = _known(images), snapshots.below_builds()
    for chain_id, found in known.items():
        hit = found[0].hit
        alone = blobs.pop(hit.digest, 0) + chains.pop(chain_id, 0)
        size = alone or hit.size + (snapshots.usage(chain_id) if chain_id in unpacked else 0)
        yield _record(chain_id, hit.made_by, size, _uses_of(found)) | {
            "Parents": [hit.parent] if hit.parent in known else None,
            "InUse": chain_id in building,
            "Shared": not alone,
        }
    for blob, size in sorted(blobs.items()):
        yield from _left_over(blob, content.path(blob), size)
    for chain_id, size in sorted(chains.items()):
        yield from _left_over(chain_id, snapshots.files(chain_id), size)


def _left_over(name: Digest, place: Path, size_bytes: int) -> Iterator[Record]:
    """What nothing needs, if it has not just been pruned."""
    with contextlib.suppress(FileNotFoundError):
        made_ns = place.stat().st_mtime_ns
        yield _record(name, "left over, until the next prune", size_bytes, Uses(made_ns, 0, 0))


def _known(images: Images) -> dict[ChainID, list[Remembered]]:
    """The layers that the cache remembers and has; several keys may have led to one."""
    known: dict[ChainID, list[Remembered]] = {}
    for each in images.cache.all():
        if images.content.has(each.hit.digest):
            known.setdefault(each.hit.chain_id, []).append(each)
    return known


def _uses_of(found: list[Remembered]) -> Uses:
    """Of a layer, by whatever key."""
    every = [each.uses for each in found]
    return Uses(
        min(each.made_ns for each in every),
        max(each.last_ns for each in every),
        sum(each.count for each in every),
    )


def _cache_directories(images: Images) -> Iterator[Record]:
    """What `RUN --mount=type=cache` shows."""
    for each in images.caches.all():
        yield _record(each.name, f"cached mount {each.id}", each.size_bytes, each.uses) | {
            "Type": "exec.cachemount",
            "InUse": each.in_use,
        }


def _downloads(images: Images) -> Iterator[Record]:
    """What ADD has downloaded."""
    for name, (kept, uses) in images.downloads().all().items():
        yield _record(name, f"http url {kept.address}", kept.size_bytes, uses)


def _record(name: str, what: str, size_bytes: int, uses: Uses) -> Record:
    """One that stands alone and that no build has in hand."""
    return {
        "ID": str(name),
        "Parents": None,
        "Type": "regular",
        "Description": what,
        "InUse": False,
        "Shared": False,
        "Size": size_bytes,
        "CreatedAt": timestamp(uses.made_ns),
        "LastUsedAt": timestamp(uses.last_ns) if uses.count else None,
        "UsageCount": uses.count,
    }
