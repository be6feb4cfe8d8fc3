"""How much of the disk everything takes, and how much of it could be freed.

An image's size is that of its layers' tars; on the disk a layer is there twice, as the blob
that can be sent and as the directory that can be mounted, and shared layers are there once.
`LayersSize` is what images really take, `BuildCache` what only the build cache keeps (and, as
`Shared`, what it has together with images), `SizeRw` what a container wrote: together they are the
disk, and agree with `du`. A volume's `Size` is what its files hold.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from runtime.content import gc
from runtime.engine.cache_records import cache_records
from runtime.engine.containers import Containers
from runtime.engine.images import Images
from runtime.engine.volumes import Volumes


def disk_usage(images: Images, containers: Containers, volumes: Volumes) -> dict[str, Any]:
    """Docker's SystemDataUsage: LayersSize, Images, Containers, Volumes, BuildCache; bytes."""
    every = images.list(all=True)
    shares = Counter(digest for image in every for digest in {each.digest for each in image.layers})
    users = Counter(container.image.id for container in containers.list(all=True))
    now_ns = time.time_ns()
    return {
        "LayersSize": layers_bytes(images),
        "Images": [
            image.summary(
                image.tags,
                shared=sum(each.size for each in image.layers if shares[each.digest] > 1),
                users=users[image.id],
            )
            for image in every
        ],
        "Containers": [
            each.summary(now_ns) | {"SizeRw": images.snapshots.usage(each.id)}
            for each in containers.glances()
        ],
        "Volumes": volumes.usage(),
        "BuildCache": cache_records(images),
    }


def layers_bytes(images: Images) -> int:
    """Bytes on the disk of the images' blobs and unpacked layers."""
    blobs = gc.reachable(images.content, images.manifests())
    return sum(map(images.content.size, blobs)) + sum(
        images.snapshots.usage(chain_id) for chain_id in images.chains_in_use()
    )
