"""One volume, with the members of Docker's Python SDK (`docker.models.volumes`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.container.points import DRIVER
from runtime.container.volumes import Volumes as Store
from runtime.database import Row
from runtime.errors import HostLacks, InvalidInput, NotFound

ANONYMOUS = "com.docker.volume.anonymous"
"""The label of a volume whose name was made up."""

OPTIONS = ("type", "o", "device", "size")


class Volume:
    """One volume. `attrs` are as of the last `reload`."""

    def __init__(self, store: Store, row: Row) -> None:
        self._store = store
        self._row = row

    @property
    def id(self) -> str:
        """Its name: a volume has no other."""
        return str(self._row["name"])

    @property
    def name(self) -> str:
        """Its name."""
        return self.id

    @property
    def short_id(self) -> str:
        """As much of it as docker shows."""
        return self.id[:12]

    @property
    def labels(self) -> dict[str, str]:
        """What it was labelled with."""
        return dict(json.loads(self._row["labels"]))

    @property
    def options(self) -> dict[str, str]:
        """What its driver was told."""
        return dict(json.loads(self._row["options"]))

    @property
    def created_ns(self) -> int:
        """Since 1970."""
        return int(self._row["created_ns"])

    @property
    def is_anonymous(self) -> bool:
        """Whether its name was made up."""
        return ANONYMOUS in self.labels

    @property
    def mountpoint(self) -> str:
        """The directory of the host that containers show."""
        return self.options.get("device") or str(self._store.place(self.id))

    @property
    def attrs(self) -> dict[str, Any]:
        """What `docker volume inspect` shows."""
        created = datetime.fromtimestamp(self.created_ns // 10**9, UTC)
        return {
            "CreatedAt": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Driver": DRIVER,
            "Labels": self.labels or None,
            "Mountpoint": self.mountpoint,
            "Name": self.id,
            "Options": self.options or None,
            "Scope": "local",
        }

    def reload(self) -> None:
        """Look again. Raises NotFound."""
        self._row = self._store.row(self.id)

    def remove(self, force: bool = False) -> None:
        """Delete it with its contents. Raises Conflict while a container has it, running or not,
        and NotFound, except with `force`, when it is gone already.
        """
        try:
            self._store.remove(self.id)
        except NotFound:
            if not force:
                raise

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Volume) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Volume: {self.short_id}>"


def device_of(store: Store, name: str, options: Mapping[str, str]) -> tuple[str, bool]:
    """The directory of the host that the volume `name` stands for, "" where it is its own, and
    whether it is read-only. `options` count only where there is no such volume yet. Raises as
    `refuse_options`.
    """
    row = store.find(name)
    told = dict(options) if row is None else json.loads(row["options"])
    refuse_options(told)
    return told.get("device", ""), "ro" in told.get("o", "").split(",")


def refuse_options(options: Mapping[str, str]) -> None:
    """Raises InvalidInput for options that docker's local driver does not have, or not so, and
    HostLacks for what this one does not do: it mounts no other file systems than the host's.
    """
    for option in options:
        if option not in OPTIONS:
            raise InvalidInput(
                "invalid option: {option!r}",
                hint="the options are: {known}",
                option=option,
                known=", ".join(OPTIONS),
            )
    if options and "size" not in options:
        for option in ("type", "device"):
            if not options.get(option):
                raise InvalidInput("missing required option: {option!r}", option=option)
    kind, said = options.get("type", ""), {*options.get("o", "").split(",")}
    if options and ("size" in options or not said & {"bind", "rbind"}):
        raise HostLacks(
            "a volume cannot be made of this: {feature}",
            feature=f"type={kind}" if "size" not in options else "size",
            evidence=", ".join(f"{name}={value}" for name, value in options.items()),
            hint="only directories of the host: type=none, o=bind, device=/path; for memory there "
            "is --mount type=tmpfs",
        )
    if unknown := said - {"", "bind", "rbind", "ro", "rw"}:
        raise InvalidInput("invalid option: {option!r}", option=",".join(sorted(unknown)))
    if options and not options["device"].startswith("/"):
        raise InvalidInput(
            "invalid mount path: '{path}' mount path must be absolute",
            hint="begin it with /",
            path=options["device"],
        )
