"""`system df -v`: what each image, container and piece of build cache takes, in docker's tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from runtime.cli import console, units
from runtime.cli.images import short
from runtime.cli.listing import show_table
from runtime.cli.messages import translate
from runtime.cli.ps import local_volumes, quoted
from runtime.cli.table import cut

COMMAND_WIDTH = 20

IMAGES = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE")
CONTAINERS = (
    *("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES"),
    *("SIZE", "CREATED", "STATUS", "NAMES"),
)
VOLUMES = ("VOLUME NAME", "LINKS", "SIZE")
BUILD_CACHE = ("CACHE ID", "CACHE TYPE", "SIZE", "IN USE", "DESCRIPTION")


def show_everything(usage: Mapping[str, Any]) -> None:
    """Print docker's SystemDataUsage, entry by entry."""
    cache = usage["BuildCache"]
    cached = units.human_size(sum(entry["Size"] for entry in cache))
    _section("Images space usage:", (*IMAGES, "CONTAINERS"), usage["Images"], _image)
    _section("Containers space usage:", CONTAINERS, usage["Containers"], _container)
    _section("Local Volumes space usage:", VOLUMES, usage["Volumes"], _volume)
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
    console.say()


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
    return [
        container["Id"][:12],
        container["Image"],
        quoted(cut(container["Command"], COMMAND_WIDTH)),
        local_volumes(container),
        units.human_size(container["SizeRw"], digits=3),
        _ago(container["Created"]),
        container["Status"],
        ", ".join(name.removeprefix("/") for name in container["Names"]),
    ]


def _volume(volume: Mapping[str, Any]) -> list[str]:
    data = volume["UsageData"]
    return [volume["Name"], str(data["RefCount"]), units.human_size(data["Size"])]


def _cached(entry: Mapping[str, Any]) -> list[str]:
    name = entry["ID"].removeprefix("sha256:")[:12]
    in_use = "true" if entry["InUse"] else "false"
    size = units.human_size(entry["Size"])
    return [name, entry["Type"], size, in_use, entry.get("Description", "")]


def _ago(seconds: float) -> str:
    from datetime import UTC, datetime

    now = datetime.fromtimestamp(time.time(), UTC)
    return units.human_ago(datetime.fromtimestamp(seconds, UTC), now)
