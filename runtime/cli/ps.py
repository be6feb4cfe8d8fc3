"""`ps`: containers at a glance.

The command that people type most. It asks for a list, and never loads the engine that could start
a container (see connection.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.cli import console, table, units
from runtime.cli.command import command
from runtime.cli.connection import list_containers
from runtime.cli.flags import SWITCH, WHOLE, Flag, Given
from runtime.cli.listing import FILTER, FORMAT, NO_TRUNC, Row, filters_of, show
from runtime.cli.port_column import in_words

HEADERS: Row = {
    "ID": "CONTAINER ID",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED",
    "State": "STATE",
    "Status": "STATUS",
    "Ports": "PORTS",
    "Names": "NAMES",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
    "Platform": "PLATFORM",
    "Label": lambda name: name.rpartition(".")[2].upper(),
}
COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
COMMAND_WIDTH = 20
MOUNT_WIDTH = 15


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Show all containers (default shows just running)"),
    FILTER,
    FORMAT,
    Flag("last", "n", WHOLE, "Show n last created containers (includes all states)", -1),
    Flag("latest", "l", SWITCH, "Show the latest created container (includes all states)"),
    NO_TRUNC,
    Flag("quiet", "q", SWITCH, "Only display container IDs"),
    Flag("size", "s", SWITCH, "Display total file sizes"),
    most=0,
)
def ps(given: Given) -> int:
    """The newest container comes first."""
    sized = given.size or ".Size" in (given.format or "")
    chosen = list_containers(
        all=given.all,
        filters=filters_of(given.filter),
        limit=1 if given.latest else given.last,
        size=sized,
    )
    if given.quiet and not given.format:
        for each in chosen:
            console.say(each["Id"] if given.no_trunc else each["Id"][:12])
        return 0
    now_s = int(time.time())
    rows = [row_of(each, now_s, whole=given.no_trunc) for each in chosen]
    form = given.format or ("{{.ID}}" if given.quiet else None)
    show(rows, HEADERS, (*COLUMNS, "Size") if given.size else COLUMNS, form)
    return 0


def row_of(summary: Mapping[str, Any], now_s: int, *, whole: bool) -> Row:
    """A container as `ps` shows it; `whole`: with nothing cut off."""
    labels = summary.get("Labels") or {}
    line = summary["Command"]
    mounts = [each.get("Name") or each["Source"] for each in summary.get("Mounts") or ()]
    created = datetime.fromtimestamp(summary["Created"], UTC)
    return {
        "ID": summary["Id"] if whole else summary["Id"][:12],
        "Image": image_of(summary, whole=whole),
        "Command": quoted(line if whole else table.cut(line, COMMAND_WIDTH)),
        "CreatedAt": units.local_time(created),
        "RunningFor": units.human_ago(created, datetime.fromtimestamp(now_s, UTC)),
        "State": summary["State"],
        "Status": summary["Status"],
        "Ports": in_words(summary.get("Ports") or ()),
        "Names": ",".join(names_of(summary, whole=whole)),
        "Size": size_of(summary),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "Mounts": ",".join(mounts if whole else (table.cut(each, MOUNT_WIDTH) for each in mounts)),
        "LocalVolumes": local_volumes(summary),
        "Networks": ",".join(sorted((summary.get("NetworkSettings") or {}).get("Networks") or ())),
        "Platform": None,  # known from version 1.48 of the API on
        "Label": lambda name: labels.get(name, ""),
    }


def local_volumes(summary: Mapping[str, Any]) -> str:
    """How many of its mounts are volumes of this host."""
    return str(sum(each.get("Driver") == "local" for each in summary.get("Mounts") or ()))


def names_of(summary: Mapping[str, Any], *, whole: bool) -> list[str]:
    """Its names; those by which others are linked to it, OTHER/ALIAS, only with `whole`."""
    names = [str(name).removeprefix("/") for name in summary["Names"]]
    return [name for name in names if whole or "/" not in name]


def image_of(summary: Mapping[str, Any], *, whole: bool) -> str:
    """The image's name, or its short id when that name means another image by now."""
    image = str(summary["Image"])
    return image if whole or image != summary["ImageID"] else image.removeprefix("sha256:")[:12]


def size_of(summary: Mapping[str, Any]) -> str:
    """ "5B (virtual 8.7MB)": what it wrote, and with its image's layers."""
    written = units.human_size(summary.get("SizeRw", 0), digits=3)
    if not summary.get("SizeRootFs"):
        return written
    return f"{written} (virtual {units.human_size(summary['SizeRootFs'], digits=3)})"


def quoted(text: str) -> str:
    """In double quotes, what has no sign of its own written as an escape."""
    return json.dumps(text, ensure_ascii=False)
