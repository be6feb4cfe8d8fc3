"""Mount points: what a container shows besides its own layers, and where.

    volume   a directory that the engine keeps under a name     …/volumes/<name>/_data
    bind     a file or directory of the host's, by its path
    tmpfs    memory, which ends with the container

What a point is, is decided once, when the container is created (engine/mount_points.py), and
written down in the table `mounts`. So whoever lists containers, removes a volume or tells the
journal reads rows, and a volume is in use as long as there is a row that names it.

Rule: values and rows; this file opens no file and mounts nothing.
Docker Engine API 1.47, MountPoint
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from runtime import journal
from runtime.database import Database
from runtime.oci.mounts import Mount

VOLUME, BIND, TMPFS = "volume", "bind", "tmpfs"
DRIVER = "local"

SUBDIRECTORY = "X-mount.subdir="
"""An option for us and not for the kernel: of the source, only the directory below it with this
path is shown. The word is that of man 8 mount."""

MADE_IF_MISSING = "X-onggi.make-source"
"""The same: the source is made, an empty directory, if it is not there."""


class Point(NamedTuple):
    """One mount point. `source` is a path of the host's: where a volume's contents lie, too.

    `mode` is the text behind the last colon of -v. `anonymous`: the volume's name is made up, and
    it goes with its last container, if that is removed with its volumes. `copies`: an empty
    volume is given what the image has at its place. `subpath` is of the volume. `recursive`: what
    is mounted below the source is shown, too; `spares_below`: it stays writable there in a
    read-only bind. `makes_source`: a missing one is made. `data` are a tmpfs's options. A volume
    that is not there yet is made with `labels` and `options`.
    """

    type: str
    destination: str
    name: str = ""
    source: str = ""
    read_only: bool = False
    mode: str = ""
    propagation: str = ""
    anonymous: bool = False
    copies: bool = False
    subpath: str = ""
    recursive: bool = True
    spares_below: bool = False
    makes_source: bool = False
    data: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    options: Mapping[str, str] = {}

    def to_json(self) -> str:
        """As it stands in its row."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Point:
        """What `to_json` wrote."""
        members = json.loads(text)
        return cls(**{**members, "data": tuple(members["data"])})


def mount_of(point: Point, *, permits_nodes: bool) -> Mount:
    """The point as the runtime-spec has it. In a volume the container's root can make nodes of
    devices: unless its device rules `permit` that, none of them can be opened there.
    """
    if point.type == TMPFS:
        options = (*point.data, *(["ro"] if point.read_only else []))
        return Mount(point.destination, "tmpfs", "tmpfs", options)
    options = (
        "rbind" if point.recursive else "bind",
        point.propagation or "rprivate",
        *(["ro" if point.spares_below else "rro"] if point.read_only else []),
        *(["nodev"] if point.type == VOLUME and not permits_nodes else []),
        *([SUBDIRECTORY + point.subpath] if point.subpath else []),
        *([MADE_IF_MISSING] if point.makes_source else []),
    )
    return Mount(point.destination, "bind", point.source, options)


def as_docker(point: Point) -> dict[str, Any]:
    """A member of docker's Mounts."""
    named = {"Name": point.name} if point.type == VOLUME else {}
    driven = {"Driver": DRIVER} if point.type == VOLUME else {}
    return {
        "Type": point.type,
        **named,
        "Source": point.source,
        "Destination": point.destination,
        **driven,
        "Mode": point.mode,
        "RW": not point.read_only,
        "Propagation": point.propagation or ("rprivate" if point.type == BIND else ""),
    }


def points_of(database: Database, container_id: str) -> list[Point]:
    """A container's, in the order of their paths."""
    query = "SELECT point FROM mounts WHERE container = ? ORDER BY destination"
    return [Point.from_json(row["point"]) for row in database.all(query, container_id)]


def points_of_all(database: Database) -> dict[str, list[Point]]:
    """Every container's that has any, by its id."""
    found: dict[str, list[Point]] = {}
    for row in database.all("SELECT container, point FROM mounts ORDER BY destination"):
        found.setdefault(row["container"], []).append(Point.from_json(row["point"]))
    return found


def note_volumes(database: Database, container_id: str, event: str) -> None:
    """Tell the journal that the volumes of a container are shown in it (`start`), or no more
    (`die`).
    """
    if event not in ("start", "die"):
        return
    for point in volumes_among(points_of(database, container_id)):
        facts = {"container": container_id, "driver": DRIVER}
        if event == "start":
            facts |= {
                "destination": point.destination,
                "propagation": point.propagation,
                "read/write": str(not point.read_only).lower(),
            }
        action = "mount" if event == "start" else "unmount"
        journal.note(database, "volume", action, point.name, facts)


def volumes_among(points: Iterable[Point]) -> list[Point]:
    """Those that show a volume."""
    return [point for point in points if point.type == VOLUME]
