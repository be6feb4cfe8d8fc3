"""All containers: what Docker's Python SDK calls `client.containers`.

This file makes containers of what the user wrote (see `options`), and finds them again.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime import journal
from runtime.container import names
from runtime.container.bundle import Request, command_line
from runtime.container.lifecycle import Lifecycle
from runtime.container.notice import HostWarning
from runtime.container.points import Point
from runtime.container.state import IDLE
from runtime.container.worlds import DEFAULT_NETWORK, HOST_NETWORK, NO_NETWORK, OTHER
from runtime.database import Database
from runtime.engine import glance
from runtime.engine.arguments import Command, as_arguments
from runtime.engine.container import Container
from runtime.engine.directory import require_root, writing
from runtime.engine.filters import Filters, prune_test
from runtime.engine.glance import Facts, Glance, choose
from runtime.engine.image import Image
from runtime.engine.images import Images
from runtime.engine.mount_points import plan_points
from runtime.engine.options import read_options, refuse_conflicts
from runtime.errors import Conflict, ContainerFailed, NotFound

if TYPE_CHECKING:
    from runtime.registry.progress import Tell

ContainerList = list[Container]
GlanceList = list[Glance]
PointList = list[Point]
Summaries = list[dict[str, Any]]
"""Inside a class with a method `list`, the word means that method."""


class Containers:
    """`engine.containers`."""

    def __init__(self, lifecycle: Lifecycle, images: Images) -> None:
        self.lifecycle = lifecycle
        self.images = images
        self._told: set[str] = set()

    def create(
        self,
        image: str | Image,
        command: Command = None,
        *,
        name: str | None = None,
        platform: str | None = None,
        pull: str | None = None,
        progress: Tell | None = None,
        lasting: bool = True,
        **options: Any,
    ) -> Container:
        """A container that does not run yet. `options` are the keywords of docker's SDK:
        `environment`, `mem_limit`, `user`… (all of them: options.py); `pull` and `progress` are
        those of `images.obtain`: an image that is missing is pulled. `lasting`: see `Lifecycle`.

        Raises NotFound (the image), Conflict (the name), InvalidInput.
        """
        fields = read_options(options)
        require_root()
        wanted = image.id if isinstance(image, Image) else image
        found = (
            image
            if isinstance(image, Image)
            else self.images.obtain(image, pull, platform, progress)
        )
        if platform:
            found.refuse_other_platform(platform)
        arguments = None if command is None else as_arguments(command)
        fields = self._with_networks(self._with_neighbours(fields))
        fields = self._with_links(fields)
        if fields.get("publish_all_ports"):
            from runtime.network.ports import exposed

            fields["exposed_ports"] = tuple(exposed(found.config.config.exposed_ports, fields))
        request = Request(image=wanted, command=arguments, **fields)
        refuse_conflicts(request)
        volumes = self.lifecycle.records.volumes
        points = plan_points(request, found.config.config, volumes, self._points_of)
        with writing(self.lifecycle.root):
            chain_id = self.images.unpack(found)
            container_id = self.lifecycle.create(
                names.checked(name) if name else names.invented(),
                request,
                found.manifest_digest,
                found.config.config,
                chain_id,
                points,
                lasting=lasting,
            )
        return Container(self.lifecycle, self.images, self.lifecycle.records.row(container_id))

    def surroundings(self, options: Mapping[str, Any]) -> Request:
        """What surrounds a command that is no container's, a build's RUN: its network, its limits.

        Raises NotFound, InvalidInput.
        """
        fields = self._with_networks(self._with_neighbours(read_options(options)))
        request = Request(image="", **fields)
        refuse_conflicts(request)
        return request

    def _points_of(self, name: str) -> PointList:
        """For --volumes-from. Raises NotFound."""
        return self.get(name).points

    def _with_neighbours(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`container:NAME` as `container:ID`: a name may mean another one tomorrow.

        Raises NotFound, Conflict for an IPC namespace that its owner does not share.
        """
        for field in ("pid_mode", "ipc_mode", "uts_mode", "network"):
            mode = fields.get(field, "")
            if not mode.startswith(OTHER) or mode == OTHER:
                continue
            other = self.get(mode.removeprefix(OTHER))
            if field == "ipc_mode" and other.request.ipc_mode not in ("shareable", "host"):
                raise Conflict(
                    "container {name} does not share its IPC namespace",
                    hint="start that one with --ipc shareable",
                    name=other.name,
                )
            fields = {**fields, field: OTHER + other.id}
        return fields

    def _with_networks(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The networks to be plugged into, by their ids: a name may mean another one tomorrow.

        Raises NotFound, InvalidInput.
        """
        mode, configs = fields.get("network", DEFAULT_NETWORK), fields.get("networks", {})
        mac = fields.get("mac_address", "")
        if not configs and not mac:  # as nearly always: addresses take a while to import
            if mode in (HOST_NETWORK, NO_NETWORK) or mode.startswith(OTHER):
                return fields
            query = "SELECT id FROM networks WHERE name = ? AND driver = 'bridge'"
            row = self.lifecycle.records.database.one(query, mode)
            if row is not None:
                return {**fields, "networks": {row["id"]: {}}}
        from runtime.engine.networks import places_of
        from runtime.network.records import NetworkRecords

        records = NetworkRecords(self.lifecycle.records.database)
        return {**fields, "networks": places_of(records, mode, configs, mac)}

    def _with_links(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The containers of --link by their ids, as part of what is wanted in the first network.

        Raises NotFound.
        """
        networks = fields.get("networks", {})
        if not fields.get("links") or not networks:
            return fields
        links = tuple((self.get(name).id, alias) for name, alias in fields["links"])
        first, place = next(iter(networks.items()))
        known = dict(place.get("links", {})) | {alias: whose for whose, alias in links}
        return {
            **fields,
            "links": links,
            "networks": {**networks, first: {**place, "links": known}},
        }

    def run(
        self,
        image: str | Image,
        command: Command = None,
        *,
        stdout: bool = True,
        stderr: bool = False,
        remove: bool = False,
        detach: bool = False,
        stream: bool = False,
        auto_remove: bool = False,
        **options: Any,
    ) -> Any:
        """Create and start. With `detach` the Container at once; else wait, and return what it
        wrote as bytes; with `stream` as an iterator over pieces of it. `options` are those of
        `create`. What this host keeps otherwise than one might think is told as a HostWarning,
        each once.

        Raises ContainerFailed when it ends with another exit code than 0, CommandNotStarted
        when its command is missing (127) or cannot be executed (126).
        """
        if detach:
            options.setdefault("attach", [])
        options["auto_remove"] = remove or auto_remove
        container = self.create(image, command, lasting=False, **options)
        for notice in container.notices:
            if str(notice) not in self._told:
                self._told.add(str(notice))
                warnings.warn(HostWarning(notice), stacklevel=2)
        if detach:
            container.start()
            return container
        attachment = container.start_attached()
        written: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        entries: list[bytes] = []
        for entry in attachment.output():
            written[entry.stream].append(entry.data)
            if (entry.stream == "stdout" and stdout) or (entry.stream == "stderr" and stderr):
                entries.append(entry.data)
        code = attachment.exit.code
        if code:
            raise ContainerFailed(
                "the command in container {name} ended with exit code {exit_status}",
                exit_status=code,
                stderr=b"".join(written["stderr"]),
                container=container,
                command=command_line(container.request, container.image.config.config),
                image=container.request.image,
                hint="its last words: {last}" if written["stderr"] else "",
                name=container.name,
                last=b"".join(written["stderr"]).decode(errors="replace").strip()[-300:],
            )
        return iter(entries) if stream else b"".join(entries)

    def get(self, name: str) -> Container:
        """The container of a name or an id (whole, or its beginning). Raises NotFound, Conflict
        when several ids begin like this.
        """
        database = self.lifecycle.records.database
        row = None
        if name.isascii():  # no other has a row, and not every other could be asked for
            row = database.one("SELECT id FROM containers WHERE name = ? OR id = ?", name, name)
        if row is None and name and set(name) <= set("0123456789abcdef"):
            rows = database.all("SELECT id FROM containers WHERE id GLOB ?", name + "*")
            if len(rows) > 1:
                raise Conflict(
                    "several containers have an id that begins with {text}",
                    hint="write more of its digits",
                    text=name,
                )
            row = rows[0] if rows else None
        if row is None:
            raise NotFound(
                "no such container: {name}",
                hint="`onggi ps -a` lists all containers",
                name=name,
            )
        return Container(self.lifecycle, self.images, self.lifecycle.records.row(row["id"]))

    def list(
        self,
        all: bool = False,
        before: str | None = None,
        filters: Filters = None,
        limit: int | None = None,
        since: str | None = None,
    ) -> ContainerList:
        """Running containers, or with `all` every one, the newest first; at most `limit`.

        `filters`: name, id, status, label, ancestor, exited, health… (filters.py has all); each a
        text or a list of texts. `before` and `since` are filters, too: a container's name or id.
        """
        wanted = dict(filters or {})
        wanted |= {"before": before} if before else {}
        wanted |= {"since": since} if since else {}
        chosen = choose(self.glances(), all, wanted, limit, self.images.layers_of)
        return [Container(self.lifecycle, self.images, each.row) for each in chosen]

    def summaries(
        self,
        *,
        all: bool = False,
        filters: Filters = None,
        limit: int | None = None,
        size: bool = False,
    ) -> Summaries:
        """The same list as docker's JSON, ContainerSummary; with `size`, what each takes of the
        disk.
        """
        return glance.summaries(
            self.lifecycle.root,
            self.lifecycle.records.database,
            all=all,
            filters=filters,
            limit=limit,
            size=size,
            find_image=self.images.layers_of,
        )

    def glances(self) -> GlanceList:
        """Every container at a glance, the newest first."""
        facts = Facts(self.lifecycle.root, self.lifecycle.records.database)
        return [Glance(row, facts) for row in self.lifecycle.records.rows()]

    def prune(self, filters: Filters = None) -> dict[str, Any]:
        """Remove all containers that do not run, and pass the `filters`: until, label, label!.

        Docker's answer: ContainersDeleted (ids), SpaceReclaimed (bytes on the disk).
        """
        goes = prune_test(filters)
        deleted, freed = [], 0
        for container in self.list(all=True):
            if container.status in IDLE and goes(container.labels, container.row["created_ns"]):
                size = self.lifecycle.records.snapshots.usage(container.id)
                with contextlib.suppress(Conflict, NotFound):  # started, or removed, meanwhile
                    container.remove()
                    deleted.append(container.id)
                    freed += size
        journal.note_prune(self.lifecycle.records.database, "container", freed)
        return {"ContainersDeleted": deleted, "SpaceReclaimed": freed}


def left_in_the_kernel(database: Database) -> bool:
    """Whether something of a network's may be in the kernel, in this world or another one."""
    query = "SELECT 1 FROM networks WHERE raised <> '' UNION ALL SELECT 1 FROM plugs LIMIT 1"
    return database.one(query) is not None
