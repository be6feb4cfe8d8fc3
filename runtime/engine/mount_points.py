"""The mount points of a new container: what was asked for, what its image says, whose volumes it
takes over.

    --volumes-from  ◀  -v  ◀  --mount        at one place the one to the right counts
                             VOLUME of the image: where nothing else is

Two of -v and --mount, or one of them and a --tmpfs, at the same place contradict each other.
What is at the host's paths is looked at here, when a container is created; it is opened when it
starts (`init.open_bind`). moby: daemon/volumes.go, registerMountPoints
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from runtime.container.bundle import Request
from runtime.container.points import BIND, VOLUME, Point
from runtime.container.volumes import Volumes as Store
from runtime.engine import mount_notation as notation
from runtime.engine.volume import ANONYMOUS, device_of
from runtime.errors import Conflict, InvalidInput
from runtime.linux import mounts_of_host
from runtime.oci.image import RunConfig

Find = Callable[[str], list[Point]]
"""The points of the container that a name means. Raises NotFound."""


def plan_points(request: Request, image: RunConfig, store: Store, find: Find) -> tuple[Point, ...]:
    """All of them, each volume with a name and a place.

    Raises InvalidInput, NotFound (a container, a driver), Conflict for two at one place, HostLacks.
    """
    points = {each.destination: each for each in _taken_over(request, find)}
    asked = [*_asked(request)]
    _refuse_doubled(asked, request)
    points |= {each.destination: each for each in asked}
    for path in (*image.volumes, *request.volumes):
        place = notation.destination(path)
        if place not in points and place not in map(notation.destination, request.tmpfs):
            notation.refuse_driver(request.volume_driver)
            points[place] = Point(VOLUME, place, anonymous=True, copies=True)
    return tuple(_settled(each, store) for each in points.values())


def _taken_over(request: Request, find: Find) -> Iterator[Point]:
    """Another container's, without initial contents: those it has had."""
    for text in request.volumes_from:
        name, read_only = notation.from_containers(text)
        for point in find(name):
            taken = point._replace(mode="", copies=False)
            yield taken._replace(read_only=True) if read_only else taken


def _asked(request: Request) -> Iterator[Point]:
    for text in request.binds:
        yield notation.parse_volume(text, request.volume_driver)
    for mount in request.mounts:
        yield notation.point_of(mount)


def _refuse_doubled(points: Iterable[Point], request: Request) -> None:
    seen = set(map(notation.destination, request.tmpfs))
    for point in points:
        if point.destination in seen:
            raise Conflict("Duplicate mount point: {path}", path=point.destination)
        seen.add(point.destination)


def _settled(point: Point, store: Store) -> Point:
    """With a name and a place, after a look at the host."""
    if point.type == BIND:
        _refuse_source(point)
        mounts_of_host.refuse_propagation(Path(point.source), point.propagation)
    if point.type != VOLUME or point.source:
        return point
    labels = {ANONYMOUS: "", **point.labels} if point.anonymous else point.labels
    name = point.name or secrets.token_hex(32)
    device, read_only = device_of(store, name, point.options)
    return point._replace(
        name=name,
        labels=labels,
        source=device or str(store.place(name)),
        read_only=point.read_only or read_only,
        copies=point.copies and not device,
    )


def _refuse_source(point: Point) -> None:
    """Raises InvalidInput for what is not there. -v makes it: when the container starts."""
    if not point.makes_source and not os.path.lexists(point.source):
        raise InvalidInput(
            "invalid mount config for type 'bind': bind source path does not exist: {path}",
            hint="make it first; or use -v, which makes an empty directory",
            path=point.source,
        )
