"""Commands about the whole: info, version, system df, system prune."""

from __future__ import annotations

import json
from typing import Any

from runtime.cli import console, table
from runtime.cli.command import command
from runtime.cli.flags import WORD, Flag, Given
from runtime.cli.listing import FORMAT, Row, show
from runtime.cli.messages import translate
from runtime.engine import Engine

DF_HEADERS: Row = {
    "Type": "TYPE",
    "TotalCount": "TOTAL",
    "Active": "ACTIVE",
    "Size": "SIZE",
    "Reclaimable": "RECLAIMABLE",
}


@command("[OPTIONS]", Flag("format", "f", WORD, "Format output: 'json' or a Go template"), most=0)
def info(given: Given) -> int:
    """Counts first, then one line for everything that the host permits or does not."""
    facts = Engine().info()
    if given.format:
        _show_document(facts, given.format)
        return 0
    for label, key in (
        ("Containers", "Containers"),
        (" Running", "ContainersRunning"),
        (" Stopped", "ContainersStopped"),
        ("Images", "Images"),
        ("Root Dir", "DockerRootDir"),
        ("Storage Driver", "Driver"),
        ("Cgroup Version", "CgroupVersion"),
        ("Kernel Version", "KernelVersion"),
        ("Architecture", "Architecture"),
        ("CPUs", "NCPU"),
    ):
        console.say(f"{label}: {facts[key]}")
    console.say(translate("This host:"))
    show_capabilities()
    return 0


def show_capabilities() -> None:
    """One line per capability: yes or no, its name, what was tried and what came back."""
    from runtime.linux import probe

    yes, no = translate("yes"), translate("no")
    for found in probe.capabilities():
        name = console.harmless(found.name, keep="")
        mark = table.pad(yes if found.available else no, 6)
        console.say(f" {mark}{table.pad(name, 22)}{found.evidence}")
        if found.advice:
            console.say(f"       → {translate(found.advice)}")


@command("[OPTIONS]", Flag("format", "f", WORD, "Format output: 'json' or a Go template"), most=0)
def version(given: Given) -> int:
    """Of the engine, of Python and of the kernel."""
    facts = Engine().version()
    if given.format:
        _show_document(facts, given.format)
        return 0
    for label, key in (
        ("Version", "Version"),
        ("API version", "ApiVersion"),
        ("Python version", "PythonVersion"),
        ("OS/Arch", "Os"),
    ):
        console.say(f" {label + ':':<18}{facts[key]}")
    return 0


def _show_document(document: dict[str, Any], form: str) -> None:
    if form == "json":
        console.say(json.dumps(document, ensure_ascii=False))
    else:
        from runtime.cli.template import Template

        console.say(Template(form).render(document))


@command("[OPTIONS]", FORMAT, most=0)
def df(given: Given) -> int:
    """What the state directory holds, and how much of it a prune would free."""
    show(df_rows(Engine().df()), DF_HEADERS, tuple(DF_HEADERS), given.format)
    return 0
