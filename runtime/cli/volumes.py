"""Commands about volumes: create, ls, inspect, rm, prune."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given, Kind
from runtime.cli.inspection import FORMAT as DOCUMENT_FORMAT
from runtime.cli.inspection import look_at_volume, show_documents
from runtime.cli.listing import FILTER, FORMAT, PRUNE_FILTER, Row, filters_of, show, show_removed
from runtime.errors import NotFound

HEADERS: Row = {
    "Driver": "DRIVER",
    "Name": "VOLUME NAME",
    "Scope": "SCOPE",
    "Mountpoint": "MOUNTPOINT",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Size": "SIZE",
    "Group": "GROUP",
    "Availability": "AVAILABILITY",
    "Status": "STATUS",
    "Label": lambda name: name.rpartition(".")[2].upper(),
}
COLUMNS = ("Driver", "Name")
NOT_COUNTED = "N/A"
"""As docker's list of volumes, which does not count these (`system df -v` does)."""
NOT_OF_A_CLUSTER = "N/A"
"""What only a volume of a cluster has."""


@command(
    "[OPTIONS] [VOLUME]",
    Flag("driver", "d", WORD, "Specify volume driver name", "local"),
    Flag("label", "", LIST, "Set metadata for a volume"),
    Flag("opt", "o", Kind("map", repeats=True), "Set driver specific options"),
    most=1,
)
def create(given: Given) -> int:
    """Print the name: without one it is made up."""
    from runtime.engine.notation import as_pairs

    name = given.words[0] if given.words else None
    options = as_pairs(given.opt)
    volume = open_engine().volumes.create(name, given.driver, options, given.label)
    console.say(volume.id)
    return 0


@command(
    "[OPTIONS]",
    FILTER,
    FORMAT,
    Flag("quiet", "q", SWITCH, "Only display volume names"),
    most=0,
)
def ls(given: Given) -> int:
    """By name."""
    volumes = open_engine().volumes.list(filters_of(given.filter))
    if given.quiet and not given.format:
        for each in volumes:
            console.say(each.id)
        return 0
    show([row_of(each.attrs) for each in volumes], HEADERS, COLUMNS, given.format)
    return 0


def row_of(attrs: Mapping[str, Any]) -> Row:
    """A volume as `volume ls` shows it."""
    labels = attrs.get("Labels") or {}
    return {
        "Driver": attrs["Driver"],
        "Name": attrs["Name"],
        "Scope": attrs["Scope"],
        "Mountpoint": attrs["Mountpoint"],
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "Links": NOT_COUNTED,
        "Size": NOT_COUNTED,
        **dict.fromkeys(("Group", "Availability", "Status"), NOT_OF_A_CLUSTER),
        "Label": lambda name: labels.get(name, ""),
    }


@command("[OPTIONS] VOLUME [VOLUME...]", DOCUMENT_FORMAT, least=1)
def inspect(given: Given) -> int:
    """One JSON array, or a text for each."""
    return show_documents(given.words, look_at_volume, given.format)


@command(
    "[OPTIONS] VOLUME [VOLUME...]",
    Flag("force", "f", SWITCH, "Force the removal of one or more volumes"),
    least=1,
)
def rm(given: Given) -> int:
    """With everything in them; one that a container has stays."""
    engine = open_engine()

    def remove(name: str) -> None:
        with contextlib.suppress(*([NotFound] if given.force else [])):
            engine.volumes.get(name).remove(force=given.force)

    return console.each(given.words, remove)


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Remove all unused volumes, not just anonymous ones"),
    PRUNE_FILTER,
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove volumes that no container has."""
    question = (
        "This removes all volumes that no container uses. Continue?"
        if given.all
        else "This removes all anonymous volumes that no container uses. Continue?"
    )
    if not given.force and not console.agrees(question):
        return 1
    filters: dict[str, Any] = filters_of(given.filter)
    if given.all:
        filters["all"] = "true"
    removed = open_engine().volumes.prune(filters)
    show_removed("Volumes", removed["VolumesDeleted"], removed["SpaceReclaimed"])
    return 0
