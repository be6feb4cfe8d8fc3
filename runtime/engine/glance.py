"""Containers at a glance: what lists show, as docker's ContainerSummary.

`onggi ps` must not wait for what starting a container needs. So this file reads rows of the
database and, of each image once, its configuration as plain JSON, and imports nothing else; what
somebody does with a container afterwards is `Container`'s business.

Docker Engine API 1.47, ContainerList
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.container.command import argv
from runtime.container.points import Point, as_docker, points_of_all
from runtime.database import Database, Row
from runtime.engine.durations import human_duration
from runtime.engine.filters import Filters, Find, keep_containers
from runtime.linux.alive import is_alive

RUNNING = ("running", "paused", "restarting")
"""Docker's State.Running: what a list shows without being asked for everything. (state.BUSY)"""

RESTING = ("created", "exited", "dead")
"""No process belongs to it. (state.IDLE)"""


def true_rows(root: Path, database: Database) -> list[Row]:
    """All containers' rows, the newest first. When one could be no longer true, because its
    monitor has gone, those who can correct that are asked (container/records.py).
    """
    rows = database.all("SELECT * FROM containers ORDER BY created_ns DESC")
    if all(_is_true(row) for row in rows):
        return rows
    from runtime.container.records import Records

    return Records(root).rows()


def _is_true(row: Row) -> bool:
    if row["status"] in RESTING:
        return True
    watched = is_alive(row["monitor_pid"], row["monitor_start"])
    return watched and row["status"] in ("running", "restarting")


class Facts:
    """What the images of a state directory say, each read once."""

    def __init__(self, root: Path, database: Database) -> None:
        self._blobs = root / "blobs" / "sha256"
        self._database = database
        self._documents: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] | None = None
        self._networks: dict[str, str] | None = None
        self._points: dict[str, list[Point]] | None = None

    def image_id(self, manifest: str) -> str:
        """The image's id: the digest of its configuration."""
        return str(self._document(manifest)["config"]["digest"])

    def config(self, manifest: str) -> dict[str, Any]:
        """Its configuration: `config`, `rootfs`, …"""
        return self._document(self.image_id(manifest))

    def size(self, manifest: str) -> int:
        """Bytes of all its layers' tars."""
        return sum(layer["size"] for layer in self._document(manifest)["layers"])

    def mounts(self, container_id: str) -> list[dict[str, Any]]:
        """A container's Mounts. All containers' are read at once, when the first is asked for."""
        if self._points is None:
            self._points = points_of_all(self._database)
        return [as_docker(point) for point in self._points.get(container_id, ())]

    def means(self, name: str) -> str:
        """The manifest that an image's name means now, or ""."""
        if self._names is None:
            rows = self._database.all("SELECT name, manifest FROM images")
            self._names = {
                short: row["manifest"] for row in rows for short in _written(row["name"])
            }
        return self._names.get(name, "")

    def published(self, container: str) -> list[Any]:
        """The host's ports that lead to a container: network.ports.Published."""
        from runtime.network.ports import Published

        query = "SELECT * FROM ports WHERE container = ? ORDER BY rowid"
        return [Published(*row) for row in self._database.all(query, container)]

    def network_names(self) -> dict[str, str]:
        """Networks' names, by their ids."""
        if self._networks is None:
            rows = self._database.all("SELECT id, name FROM networks")
            self._networks = {row["id"]: row["name"] for row in rows}
        return self._networks

    def _document(self, digest: str) -> dict[str, Any]:
        """A blob as JSON. Not verified: a list only shows it, and whoever runs it will."""
        if digest not in self._documents:
            data = (self._blobs / digest.removeprefix("sha256:")).read_bytes()
            self._documents[digest] = json.loads(data)
        return self._documents[digest]


class Glance:
    """One container's row, with what its image says."""

    def __init__(self, row: Row, facts: Facts) -> None:
        self.row = row
        self._facts = facts
        self.request: dict[str, Any] = json.loads(row["request"])

    @property
    def id(self) -> str:
        """64 hex digits."""
        return str(self.row["id"])

    @property
    def name(self) -> str:
        """Without docker's slash."""
        return str(self.row["name"])

    @property
    def status(self) -> str:
        """created, running…"""
        return str(self.row["status"])

    @property
    def exit_code(self) -> int | None:
        """How it ended; None if it has not, or if nobody saw it."""
        code: int | None = self.row["exit_code"]
        return code

    @property
    def created_ns(self) -> int:
        """Since 1970."""
        return int(self.row["created_ns"])

    @property
    def health(self) -> str:
        """starting, healthy, unhealthy, or none."""
        document = self.row["health"] if "health" in self.row.keys() else ""  # noqa: SIM118
        return str(json.loads(document)["Status"]) if document else "none"

    @property
    def image_config(self) -> dict[str, Any]:
        """Its image's configuration, whole."""
        return self._facts.config(self.row["manifest"])

    @property
    def labels(self) -> dict[str, str]:
        """The image's and its own."""
        config = self.image_config.get("config") or {}
        return {**(config.get("Labels") or {}), **self.request["labels"]}

    @property
    def diff_ids(self) -> list[str]:
        """Of its image's layers, the lowest first."""
        return list(self.image_config["rootfs"]["diff_ids"])

    @property
    def image(self) -> str:
        """The name it was made from, as long as that means the same image; else the id."""
        name, manifest = str(self.request["image"]), self.row["manifest"]
        return name if self._facts.means(name) == manifest else self._facts.image_id(manifest)

    @property
    def command(self) -> str:
        """Program and arguments on one line; an argument with blanks stands in quotes."""
        image, request = self.image_config.get("config") or {}, self.request
        asked = (request["entrypoint"], request["command"])
        program, *arguments = argv(*asked, image.get("Entrypoint"), image.get("Cmd"))
        return " ".join((program, *(f"'{word}'" if " " in word else word for word in arguments)))

    @property
    def image_size(self) -> int:
        """Bytes of its image's layers."""
        return self._facts.size(self.row["manifest"])

    @property
    def exposed_ports(self) -> list[str]:
        """ "80/tcp", as its image says."""
        return [*((self.image_config.get("config") or {}).get("ExposedPorts") or {})]

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """Docker's Mounts: volumes, binds, tmpfs."""
        return self._facts.mounts(self.id)

    @property
    def ports(self) -> list[dict[str, Any]]:
        """Docker's Port of each that it says it listens at, or that leads to it, while it runs."""
        request = self.request
        said = self.exposed_ports or request.get("exposed_ports") or request.get("ports")
        if not said or self.status not in RUNNING:
            return []
        from runtime.network.ports import exposed, summary

        return summary(exposed(self.exposed_ports, request), self._facts.published(self.id))

    @property
    def network(self) -> str:
        """How it was plugged in: its NetworkMode."""
        return str(self.request.get("network", "none"))

    @property
    def networks(self) -> list[str]:
        """The names of the networks that it is in."""
        names = self._facts.network_names()
        found = [names[each] for each in self.network_ids if each in names]
        return sorted(found) or [self.network]

    @property
    def network_ids(self) -> list[str]:
        """Their ids."""
        return [*json.loads(self.row["networks"])]

    def spoken_status(self, now_ns: int) -> str:
        """ "Up 3 minutes (healthy)", "Up 2 hours (Paused)", "Exited (0) 2 minutes ago"…"""
        row, status = self.row, self.status
        up = human_duration((now_ns - row["started_ns"]) / 10**9)
        ended = human_duration((now_ns - row["finished_ns"]) / 10**9)
        code = 255 if self.exit_code is None else self.exit_code
        if status == "running":
            health = {"none": "", "starting": " (health: starting)"}.get(self.health)
            return f"Up {up}" + (f" ({self.health})" if health is None else health)
        words = {
            "paused": f"Up {up} (Paused)",
            "restarting": f"Restarting ({code}) {ended} ago",
            "exited": f"Exited ({code}) {ended} ago",
            "removing": "Removal In Progress",
        }
        return words.get(status, status.capitalize())

    def summary(self, now_ns: int) -> dict[str, Any]:
        """Docker's ContainerSummary."""
        return {
            "Id": self.id,
            "Names": ["/" + self.name],
            "Image": self.image,
            "ImageID": self._facts.image_id(self.row["manifest"]),
            "Command": self.command,
            "Created": self.created_ns // 10**9,
            "Ports": self.ports,
            "Labels": self.labels,
            "State": self.status,
            "Status": self.spoken_status(now_ns),
            "HostConfig": {"NetworkMode": self.network},
            "NetworkSettings": {"Networks": {name: {} for name in self.networks}},
            "Mounts": self.mounts,
        }


def summaries(
    root: Path,
    database: Database,
    *,
    all: bool = False,
    filters: Filters = None,
    limit: int | None = None,
    size: bool = False,
    find_image: Find = lambda text: None,
) -> list[dict[str, Any]]:
    """Docker's list of containers: see `choose`; with `size`, how much of the disk each takes."""
    facts = Facts(root, database)
    every = [Glance(row, facts) for row in true_rows(root, database)]
    now_ns = time.time_ns()
    return [
        each.summary(now_ns) | (_sizes(each, root) if size else {})
        for each in choose(every, all, filters, limit, find_image)
    ]


def _sizes(each: Glance, root: Path) -> dict[str, int]:
    """Bytes that it wrote, and bytes of its whole root file system."""
    from runtime.snapshot.overlay import Snapshots

    written = Snapshots(root).usage(each.id)
    return {"SizeRw": written, "SizeRootFs": written + each.image_size}


def choose(
    every: Sequence[Glance],
    all: bool = False,
    filters: Filters = None,
    limit: int | None = None,
    find_image: Find = lambda text: None,
) -> list[Glance]:
    """Those that a list shows, of all there are, the newest first: what runs, or with `all`, a
    `limit` or a filter for the status every one; the first `limit` of those that pass the filters.
    """
    limited = limit is not None and limit > 0
    everything = all or limited or "status" in (filters or {})
    kept = keep_containers(every, filters, find_image)
    found = [each for each in kept if everything or each.status in RUNNING]
    return found[:limit] if limited else found


def _written(reference: str) -> list[str]:
    """The ways to write a full reference: with and without docker.io, library and latest."""
    names = [reference]
    for beginning in ("docker.io/", "docker.io/library/"):
        if reference.startswith(beginning):
            names.append(reference.removeprefix(beginning))
    return names + [name.removesuffix(":latest") for name in names if name.endswith(":latest")]
