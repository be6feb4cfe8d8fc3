"""All volumes: what Docker's Python SDK calls `client.volumes`."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from typing import Any

from runtime.container.volumes import Volumes as Store
from runtime.engine.arguments import as_labels
from runtime.engine.directory import require_root, writing
from runtime.engine.filters import Filters, has_labels, is_true, prune_test, read_filters
from runtime.engine.mount_notation import refuse_driver, volume_name
from runtime.engine.volume import ANONYMOUS, Volume, refuse_options
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.snapshot.overlay import content_bytes

VOLUME_FILTERS = ("dangling", "driver", "label", "name")

VolumeList = list[Volume]
Usage = list[dict[str, Any]]
"""Inside a class with a method `list`, the word means that method."""


class Volumes:
    """`engine.volumes`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(
        self,
        name: str | None = None,
        driver: str | None = None,
        driver_opts: Mapping[str, str] | None = None,
        labels: Any = None,
    ) -> Volume:
        """A new volume, or the one that has this name already, as it is. Without a name one is
        made up. Raises InvalidInput, NotFound (the driver), HostLacks (its options).
        """
        require_root()
        refuse_driver(driver or "")
        options = {str(key): str(value) for key, value in (driver_opts or {}).items()}
        refuse_options(options)
        marks = as_labels(labels)
        if not name:
            name, marks = secrets.token_hex(32), {ANONYMOUS: "", **marks}
        with writing(self.store.directory.parent):
            self.store.create(volume_name(name), marks, options)
        return self.get(name)

    def get(self, volume_id: str) -> Volume:
        """The volume of that name. Raises NotFound."""
        return Volume(self.store, self.store.row(volume_id))

    def list(self, filters: Filters = None) -> VolumeList:
        """All of them, by name. `filters`: dangling (no container has it), driver, label, name."""
        wanted = read_filters(filters, VOLUME_FILTERS)
        users = self.store.users()
        dangling = is_true("dangling", wanted["dangling"]) if "dangling" in wanted else None
        return [
            each
            for each in (Volume(self.store, row) for row in self.store.rows())
            if (dangling is None or (each.id not in users) == dangling)
            and ("driver" not in wanted or "local" in wanted["driver"])
            and has_labels(each.labels, wanted.get("label", ()))
            and ("name" not in wanted or any(text in each.id for text in wanted["name"]))
        ]

    def prune(self, filters: Filters = None) -> dict[str, Any]:
        """Remove those without a name of their own that no container has; with the filter `all`,
        those with a name, too. `filters`: all, label, label!. Docker's answer: VolumesDeleted,
        SpaceReclaimed (bytes on the disk).
        """
        wanted = dict(filters or {})
        if "until" in wanted:
            raise InvalidInput("there is no filter {name}", name="until")
        chosen = read_filters({"all": wanted.pop("all", "false")}, ("all",))
        everything = is_true("all", chosen["all"])
        goes = prune_test(wanted)
        deleted, freed = [], 0
        for each in self.list({"dangling": "true"}):
            if (everything or each.is_anonymous) and goes(each.labels, each.created_ns):
                size = self.size_bytes(each)
                with contextlib.suppress(Conflict, NotFound):  # used, or removed, meanwhile
                    each.remove()
                    deleted.append(each.id)
                    freed += size
        self.store.note_prune(freed)
        return {"VolumesDeleted": deleted, "SpaceReclaimed": freed}

    def size_bytes(self, volume: Volume) -> int:
        """What its files hold; a directory of the host's own is not counted."""
        return content_bytes(self.store.place(volume.id))

    def usage(self) -> Usage:
        """Each with its UsageData, as docker's disk usage shows it."""
        users = self.store.users()
        return [
            {
                **each.attrs,
                "UsageData": {
                    "RefCount": len(users.get(each.id, ())),
                    "Size": self.size_bytes(each),
                },
            }
            for each in self.list()
        ]
