"""Commands about images that exist: images, rmi, history, tag, prune."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runtime.cli import console, table, units
from runtime.cli.command import command
from runtime.cli.connection import address, open_engine
from runtime.cli.flags import SIZE, SWITCH, Flag, Given, elsewhere
from runtime.cli.listing import (
    FILTER,
    FORMAT,
    NO_TRUNC,
    PRUNE_FILTER,
    Row,
    filters_of,
    show,
    show_removed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEADERS: Row = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
    "Containers": "CONTAINERS",
}
COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size")
HISTORY_HEADERS: Row = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
HISTORY_COLUMNS = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
CREATED_BY_WIDTH = 45
NOTHING = "<none>"
NOT_COUNTED = "N/A"
"""As docker's list of images, which does not count these either (`system df` does)."""


@command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    Flag("all", "a", SWITCH, "Show all images, those without a name too"),
    Flag("digests", "", SWITCH, "Show digests"),
    FILTER,
    FORMAT,
    NO_TRUNC,
    Flag("quiet", "q", SWITCH, "Only show image IDs"),
    most=1,
)
def images(given: Given) -> int:
    """One line per name, the newest image first."""
    wanted = given.words[0] if given.words else None
    now = datetime.now(UTC)
    rows = [
        row
        for each in open_engine().images.summaries(wanted, given.all, filters_of(given.filter))
        for row in rows_of(each, now, whole=given.no_trunc)
    ]
    if given.quiet and not given.format:
        for row in rows:  # as docker: an id for each of its names
            console.say(row["ID"])
        return 0
    columns = (*COLUMNS[:2], "Digest", *COLUMNS[2:]) if given.digests else COLUMNS
    show(rows, HEADERS, columns, given.format)
    return 0


def rows_of(summary: Mapping[str, Any], now: datetime, *, whole: bool) -> Iterator[Row]:
    """An image as `images` shows it, once for each of its names."""
    created = moment(summary["Created"])
    size = units.human_size(summary["Size"], digits=3)
    digests = dict(known.split("@") for known in summary.get("RepoDigests") or ())
    names = [name for name in summary.get("RepoTags") or () if name != f"{NOTHING}:{NOTHING}"]
    for name in names or [f"{known}:{NOTHING}" for known in digests or (NOTHING,)]:
        repository, _, tag = name.rpartition(":")
        yield {
            "Repository": repository,
            "Tag": tag,
            "Digest": digests.get(repository, NOTHING),
            "ID": summary["Id"] if whole else short(summary["Id"]),
            "CreatedSince": units.human_ago(created, now),
            "CreatedAt": units.local_time(created) if created else "",
            "Size": size,
            "VirtualSize": units.human_size(summary["Size"]),
            "SharedSize": NOT_COUNTED,
            "UniqueSize": NOT_COUNTED,
            "Containers": NOT_COUNTED,
        }


def moment(seconds: int) -> datetime | None:
    """Seconds since 1970 as a time; None for 0, which nobody recorded."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def short(digest: str) -> str:
    """Docker's short form of "sha256:…": the first 12 hex digits."""
    return digest.partition(":")[2][:12]


@command(
    "[OPTIONS] IMAGE",
    FORMAT,
    Flag("human", "H", SWITCH, "Print sizes and dates in human readable format", True),
    NO_TRUNC,
    Flag("quiet", "q", SWITCH, "Only show image IDs"),
    least=1,
    most=1,
)
def history(given: Given) -> int:
    """The last instruction first; an instruction without an image of its own is "<missing>"."""
    now = datetime.now(UTC)
    rows = [
        history_row(entry, now, whole=given.no_trunc)
        for entry in open_engine().images.get(given.words[0]).history()
    ]
    if given.quiet:
        for row in rows:
            console.say(row["ID"])
    else:
        show(rows, HISTORY_HEADERS, HISTORY_COLUMNS, given.format)
    return 0


def history_row(entry: dict[str, Any], now: datetime, *, whole: bool) -> Row:
    """One instruction as `history` shows it."""
    created = moment(entry["Created"])
    created_by, image_id = entry["CreatedBy"], entry["Id"]
    return {
        "ID": image_id if whole or not image_id.startswith("sha256:") else short(image_id),
        "CreatedSince": units.human_ago(created, now),
        "CreatedAt": created.isoformat() if created else "",
        "CreatedBy": created_by if whole else table.cut(created_by, CREATED_BY_WIDTH),
        "Size": units.human_size(entry["Size"], digits=3),
        "Comment": entry["Comment"],
    }


@command(
    "[OPTIONS] IMAGE [IMAGE...]",
    Flag("force", "f", SWITCH, "Force removal of the image"),
    Flag("no-prune", "", SWITCH, "Do not delete untagged parents"),
    least=1,
)
def rmi(given: Given) -> int:
    """Take the name away; with the last one the image goes, and the layers that only it used."""
    engine = open_engine()
    options: dict[str, bool] = {"force": given.force}
    if given.no_prune and address() is not None:  # here images have no untagged parents
        options["noprune"] = True

    def remove(name: str) -> str:
        return "\n".join(lines_of(engine.images.remove(name, **options)))

    return console.each(given.words, remove, may_be_missing=given.force)


def lines_of(removed: list[dict[str, str]]) -> Iterator[str]:
    """What was removed, as docker says it: "Untagged: …", "Deleted: …"."""
    for step in removed:
        for done, what in step.items():
            yield f"{done}: {what}"


@command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", least=2, most=2)
def tag(given: Given) -> int:
    """Give an image one more name; a name that another image has moves over."""
    source, target = given.words
    open_engine().images.get(source).tag(target)
    return 0


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Remove all unused images, not just those without a name"),
    PRUNE_FILTER,
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove images that nobody needs."""
    question = (
        "This removes all images without a container. Continue?"
        if given.all
        else "This removes all images without a name. Continue?"
    )
    if not given.force and not console.agrees(question):
        return 1
    removed = open_engine().images.prune(all=given.all, filters=filters_of(given.filter))
    show_removed("Images", [*lines_of(removed["ImagesDeleted"])], removed["SpaceReclaimed"])
    return 0


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Remove all build cache, not just what no image uses"),
    PRUNE_FILTER,
    Flag("keep-storage", "", elsewhere(SIZE), "Amount of disk space to keep for cache"),
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune_builds(given: Given) -> int:
    """Forget what builds left behind for the next ones."""
    question = (
        "This removes all build cache. Continue?"
        if given.all
        else "This removes all build cache that no image uses. Continue?"
    )
    if not given.force and not console.agrees(question):
        return 1
    options: dict[str, Any] = {"all": given.all}
    if given.filter:
        options["filters"] = filters_of(given.filter)
    if given.keep_storage:
        options["keep_bytes"] = given.keep_storage
    removed = open_engine().images.prune_builds(**options)
    show_removed("build cache objects", removed["CachesDeleted"], removed["SpaceReclaimed"])
    return 0
