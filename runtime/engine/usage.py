"""How much of the disk everything takes, and how much of it could be freed.

An image's size is that of its layers' tars; on the disk a layer is there twice, as the blob
that can be sent and as the directory that can be mounted, and shared layers are there once.
`LayersSize` is what the disk really holds, so it agrees with `du`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from runtime.engine.containers import Containers
from runtime.engine.images import Images


def disk_usage(images: Images, containers: Containers) -> dict[str, Any]:
    """Docker's SystemDataUsage: LayersSize, Images, Containers, Volumes, BuildCache; bytes."""
    every = images.list(all=True)
    shares = Counter(digest for image in every for digest in {each.digest for each in image.layers})
    users = Counter(container.image.id for container in containers.list(all=True))
    return {
        "LayersSize": layers_bytes(images),
        "Images": [
            {
                "Id": image.id,
                "RepoTags": image.tags,
                "Created": image.config.created or "",
                "Size": image.size,
                "SharedSize": sum(each.size for each in image.layers if shares[each.digest] > 1),
                "Containers": users[image.id],
            }
            for image in every
        ],
        "Containers": [
            {
                "Id": container.id,
                "Names": ["/" + container.name],
                "Image": container.request.image,
                "State": container.status,
                "SizeRw": images.snapshots.usage(container.id),
            }
            for container in containers.list(all=True)
        ],
        "Volumes": [],
        "BuildCache": _build_cache(images),
    }


def layers_bytes(images: Images) -> int:
    """Bytes on the disk of all blobs and all unpacked layers."""
    blobs = sum(images.content.size(digest) for digest in images.content.digests())
    return blobs + sum(images.snapshots.usage(chain) for chain in images.snapshots.chain_ids())


def _build_cache(images: Images) -> list[dict[str, Any]]:
    """Layers that only the build cache keeps."""
    in_use = images.layers_in_use()
    return [
        {"ID": str(digest), "Type": "regular", "InUse": False, "Size": images.content.size(digest)}
        for digest in sorted(images.cache.digests())
        if digest not in in_use and images.content.has(digest)
    ]
