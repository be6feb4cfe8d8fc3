"""Commands that change a container's life: restart, pause, unpause, rename; and events, which tells
of every change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.containers import PATIENCE, PATIENCE_OF_OLD
from runtime.cli.flags import WORD, Flag, Given
from runtime.cli.listing import FILTER, filters_of


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("signal", "s", WORD, "Signal to send to the container"),
    PATIENCE,
    PATIENCE_OF_OLD,
    least=1,
)
def restart(given: Given) -> int:
    """Stop, if it runs, and start."""
    engine = open_engine()
    timeout_s = given.timeout if given.time is None else given.time

    def restart_one(name: str) -> None:
        engine.containers.get(name).restart(timeout=timeout_s, signal=given.signal)

    return console.each(given.words, restart_one)


@command("CONTAINER [CONTAINER...]", least=1)
def pause(given: Given) -> int:
    """Hold all processes still."""
    engine = open_engine()
    return console.each(given.words, lambda name: engine.containers.get(name).pause())


@command("CONTAINER [CONTAINER...]", least=1)
def unpause(given: Given) -> int:
    """Let them go on."""
    engine = open_engine()
    return console.each(given.words, lambda name: engine.containers.get(name).unpause())


@command("CONTAINER NEW_NAME", least=2, most=2)
def rename(given: Given) -> int:
    """As docker: without a word."""
    old, new = given.words
    open_engine().containers.get(old).rename(new)
    return 0


@command(
    "[OPTIONS]",
    FILTER,
    Flag("format", "", WORD, "Format output: 'json' or a Go template"),
    Flag("since", "", WORD, "Show all events created since timestamp"),
    Flag("until", "", WORD, "Stream events until this timestamp"),
    most=0,
)
def events(given: Given) -> int:
    """Each event when it happens, until the end of time, or `--until`."""
    show = printer(given.format)
    for event in open_engine().events(
        given.since, given.until, filters_of(given.filter), decode=True
    ):
        console.say(show(event))
        sys.stdout.flush()
    return 0


def printer(form: str | None) -> Callable[[Mapping[str, Any]], str]:
    """How an event is written: JSON, a template or docker's line. Raises TemplateError."""
    if not form:
        return as_line
    if form == "json":
        return lambda event: json.dumps(event, ensure_ascii=False)
    from runtime.cli.template import Template

    template = Template(form)
    return lambda event: template.render(
        {**event, "ID": event["Actor"]["ID"], "Time": event["time"], "TimeNano": event["timeNano"]}
    )


def as_line(event: Mapping[str, Any]) -> str:
    """2026-11-28T19:07:03.123456789+09:00 container start 3f2a… (image=onggi/base, name=web)"""
    seconds, fraction = divmod(event["timeNano"], 10**9)
    moment = datetime.fromtimestamp(seconds).astimezone().isoformat()
    facts = ", ".join(f"{name}={value}" for name, value in event["Actor"]["Attributes"].items())
    what = f"{event['Type']} {event['Action']} {event['Actor']['ID']}"
    return f"{moment[:19]}.{fraction:09d}{moment[19:]} {what}" + (f" ({facts})" if facts else "")
