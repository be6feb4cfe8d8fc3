"""Commands about the whole: info, version, system df, system prune."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runtime.cli import console, table, units
from runtime.cli.command import command
from runtime.cli.connection import address, open_engine, own_engine
from runtime.cli.flags import SWITCH, WORD, Flag, Given
from runtime.cli.images import lines_of
from runtime.cli.listing import FORMAT, PRUNE_FILTER, Row, filters_of, show
from runtime.cli.messages import translate

DOCUMENT_FORMAT = Flag("format", "f", WORD, "Format output: 'json' or a Go template")
DF_HEADERS: Row = {
    "Type": "TYPE",
    "TotalCount": "TOTAL",
    "Active": "ACTIVE",
    "Size": "SIZE",
    "Reclaimable": "RECLAIMABLE",
}
INFO_LINES = (
    ("Server Version", "ServerVersion"),
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Storage Driver", "Driver"),
    ("Cgroup Version", "CgroupVersion"),
    ("Kernel Version", "KernelVersion"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
    ("Root Dir", "DockerRootDir"),
)
VERSION_LINES = (
    ("Version", "Version"),
    ("Python version", "PythonVersion"),
    ("Kernel version", "KernelVersion"),
    ("OS", "Os"),
    ("Arch", "Arch"),
)


@command("[OPTIONS]", DOCUMENT_FORMAT, most=0)
def info(given: Given) -> int:
    """Counts first, then one line for everything that the host permits or does not."""
    engine = open_engine()
    facts = engine.info()
    if given.format:
        show_document(facts, given.format)
        return 0
    for label, key in INFO_LINES:
        if key in facts:
            console.say(f"{label}: {facts[key]}")
    if address() is not None:  # what its host permits only that host can try
        for warning in facts.get("Warnings") or ():
            console.warn(warning)
        return 0
    console.say()
    console.say(translate("What this host permits, and how we know:"))
    show_capabilities()
    for each in own_engine("info").obstacles():
        console.say("  ! " + translate(each.template).format(**each.facts))
        console.say("    → " + translate(each.hint).format(**each.facts))
    return 0


def show_capabilities() -> None:
    """One line per capability: yes or no, its name, what was tried and what came back."""
    from runtime.linux import probe

    marks = {True: translate("yes"), False: translate("no")}
    found = probe.capabilities()
    mark_width = max(map(table.width, marks.values())) + 2
    name_width = max(table.width(translate(each.name)) for each in found) + 2
    for each in found:
        mark = table.pad(marks[each.available], mark_width)
        name = table.pad(translate(each.name), name_width)
        console.say(f"  {mark}{name}{console.harmless(each.evidence, keep='')}")
        if each.advice:
            console.say(" " * (2 + mark_width) + "→ " + translate(each.advice))


@command("[OPTIONS]", DOCUMENT_FORMAT, most=0)
def version(given: Given) -> int:
    """Of the engine, of Python and of the kernel."""
    engine = open_engine()
    facts = engine.version()
    if given.format:
        show_document(facts, given.format)
        return 0
    console.say(f"{engine_name(facts)}:")
    for label, key in VERSION_LINES:
        if key in facts:
            console.say(f" {label + ':':<18}{facts[key]}")
    return 0


def engine_name(facts: Mapping[str, Any]) -> str:
    """Whose version it is."""
    if isinstance(platform := facts.get("Platform"), dict) and platform.get("Name"):
        return str(platform["Name"])
    return "Onggi" if "PythonVersion" in facts else "Engine"


def show_document(document: dict[str, Any], form: str) -> None:
    """As JSON on one line, or by a template. Raises TemplateError."""
    if form == "json":
        console.say(json.dumps(document, ensure_ascii=False))
    else:
        from runtime.cli.template import Template

        console.say(Template(form).render(document))


@command(
    "[OPTIONS]",
    FORMAT,
    Flag("verbose", "v", SWITCH, "Show detailed information on space usage"),
    most=0,
)
def df(given: Given) -> int:
    """What the state directory holds, and how much of it a prune would free."""
    engine = open_engine()
    usage = engine.df()
    if given.verbose:
        from runtime.cli.disk_usage import show_everything

        show_everything(usage)
        return 0
    rows = df_rows(usage, engine.reclaimable_bytes(usage))
    show(rows, DF_HEADERS, tuple(DF_HEADERS), given.format)
    return 0


def df_rows(usage: dict[str, Any], reclaimable_bytes: int) -> list[Row]:
    """Docker's rows, from its SystemDataUsage; `reclaimable_bytes` is that of the images."""
    images, containers, cache = usage["Images"], usage["Containers"], usage["BuildCache"]
    in_use = [image for image in images if image["Containers"]]
    stopped = [container for container in containers if container["State"] != "running"]
    alone = [record for record in cache if not record["Shared"]]
    unused_bytes = sum(record["Size"] for record in alone if not record["InUse"])
    return [
        _df_row("Images", len(images), len(in_use), usage["LayersSize"], reclaimable_bytes),
        _df_row(
            "Containers",
            len(containers),
            len(containers) - len(stopped),
            sum(container.get("SizeRw", 0) for container in containers),
            sum(container.get("SizeRw", 0) for container in stopped),
        ),
        _volumes_row(usage["Volumes"]),
        {
            **_df_row(
                "Build Cache",
                len(cache),
                sum(record["InUse"] for record in cache),
                sum(record["Size"] for record in alone),
                unused_bytes,
            ),
            "Reclaimable": units.human_size(unused_bytes),  # docker gives no share of this one
        },
    ]


def _volumes_row(volumes: list[dict[str, Any]]) -> Row:
    """Of a volume all can be freed, or nothing: as long as a container has it."""
    data = [volume.get("UsageData") or {"RefCount": 0, "Size": 0} for volume in volumes]
    return _df_row(
        "Local Volumes",
        len(data),
        sum(each["RefCount"] > 0 for each in data),
        sum(each["Size"] for each in data),
        sum(each["Size"] for each in data if not each["RefCount"]),
    )


def _df_row(kind: str, total: int, active: int, size_bytes: int, reclaimable_bytes: int) -> Row:
    share = f" ({100 * reclaimable_bytes // size_bytes}%)" if size_bytes else ""
    return {
        "Type": kind,
        "TotalCount": str(total),
        "Active": str(active),
        "Size": units.human_size(size_bytes),
        "Reclaimable": units.human_size(reclaimable_bytes) + share,
    }


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Remove all unused images, not just those without a name"),
    PRUNE_FILTER,
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    Flag("volumes", "", SWITCH, "Prune anonymous volumes"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove what nobody needs: stopped containers, images, layers of old builds."""
    if given.volumes:
        console.say(translate("Anonymous volumes that no container uses are removed, too."))
    question = (
        "This removes all stopped containers, images without a container and old build layers. "
        "Continue?"
        if given.all
        else "This removes all stopped containers, images without a name and old build layers. "
        "Continue?"
    )
    if not given.force and not console.agrees(question):
        return 1
    filters = filters_of(given.filter)
    engine = open_engine()
    removed = engine.prune(all=given.all, filters=filters, volumes=given.volumes)
    networks = engine.networks.prune(filters)["NetworksDeleted"]
    if removed["ContainersDeleted"]:
        console.say("\n".join(["Deleted Containers:", *removed["ContainersDeleted"], ""]))
    if networks:
        console.say("\n".join(["Deleted Networks:", *networks, ""]))
    if removed.get("VolumesDeleted"):
        console.say("\n".join(["Deleted Volumes:", *removed["VolumesDeleted"], ""]))
    if removed["ImagesDeleted"]:
        console.say("\n".join(["Deleted Images:", *lines_of(removed["ImagesDeleted"]), ""]))
    console.say(f"Total reclaimed space: {units.human_size(removed['SpaceReclaimed'])}")
    return 0
