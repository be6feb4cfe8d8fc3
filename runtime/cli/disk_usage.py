"""`system df -v`: what each image, container and piece of build cache takes, in docker's tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.cli import console, units
from runtime.cli.images import short
from runtime.cli.listing import show_table
from runtime.cli.messages import translate
from runtime.cli.ps import row_of

ID_LENGTH = 12

IMAGES = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE")
CONTAINERS = (
    *("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES"),
    *("SIZE", "CREATED", "STATUS", "NAMES"),
)
VOLUMES = ("VOLUME NAME", "LINKS", "SIZE")
BUILD_CACHE = (
    *("CACHE ID", "CACHE TYPE", "SIZE"),
    *("CREATED", "LAST USED", "USAGE", "SHARED"),
)


def show_everything(usage: Mapping[str, Any]) -> None:
    """Print docker's SystemDataUsage, entry by entry."""
    cache = sorted(usage["BuildCache"], key=_last_used)
    cached = units.human_size(sum(entry["Size"] for entry in cache if not entry["Shared"]))
    _section("Images space usage:", (*IMAGES, "CONTAINERS"), usage["Images"], _image)
    console.say()
    _section("Containers space usage:", CONTAINERS, usage["Containers"], _container)
    console.say()
    _section("Local Volumes space usage:", VOLUMES, usage["Volumes"], _volume)
    console.say()
    _section("Build cache usage: {size}", BUILD_CACHE, cache, _cached, size=cached)


def _section(
    title: str,
    head: tuple[str, ...],
    entries: list[Mapping[str, Any]],
    row: Callable[[Mapping[str, Any]], list[str]],
    **facts: object,
) -> None:
    console.say(translate(title).format(**facts) + "\n")
    show_table([head, *map(row, entries)])


def _image(image: Mapping[str, Any]) -> list[str]:
    name, _, tag = (image["RepoTags"] or ["<none>:<none>"])[0].rpartition(":")
    sizes = (image["SharedSize"], image["Size"] - image["SharedSize"])
    return [
        *(name, tag, short(image["Id"]), _ago(image["Created"])),
        units.human_size(image["Size"], digits=3),
        *map(units.human_size, sizes),
        str(image["Containers"]),
    ]


def _container(container: Mapping[str, Any]) -> list[str]:
    """As `ps` has it; its image's bytes are counted elsewhere."""
    row = row_of({**container, "SizeRootFs": 0}, int(time.time()), whole=False)
    columns = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    return [row[name] for name in columns]


def _volume(volume: Mapping[str, Any]) -> list[str]:
    data = volume["UsageData"]
    return [volume["Name"], str(data["RefCount"]), units.human_size(data["Size"])]


def _cached(entry: Mapping[str, Any]) -> list[str]:
    mark = "*" if entry["InUse"] else ""
    now, used = datetime.now(UTC), units.parse_time(entry.get("LastUsedAt"))
    return [
        entry["ID"].rpartition(":")[2][:ID_LENGTH] + mark,
        entry["Type"],
        units.human_size(entry["Size"], digits=3),
        units.human_ago(units.parse_time(entry["CreatedAt"]), now),
        units.human_ago(used, now) if used else "",
        str(entry["UsageCount"]),
        "true" if entry["Shared"] else "false",
    ]


def _last_used(entry: Mapping[str, Any]) -> tuple[float, str]:
    """Docker's order: what was used last comes last, what never was comes first."""
    used = units.parse_time(entry.get("LastUsedAt"))
    return used.timestamp() if used else 0.0, entry["ID"]


def _ago(seconds: float) -> str:
    return units.human_ago(datetime.fromtimestamp(seconds, UTC), datetime.now(UTC))
