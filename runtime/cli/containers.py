"""Commands about containers that exist: ps, logs, stop, kill, wait, rm, prune.

Everything shown comes from `Container.attrs`, which has docker's names.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from runtime.cli import console, table, units
from runtime.cli.command import command
from runtime.cli.flags import SWITCH, WHOLE, WORD, Flag, Given
from runtime.cli.listing import FILTER, FORMAT, NO_TRUNC, Row, filters_of, show
from runtime.cli.messages import translate
from runtime.engine import Engine

if TYPE_CHECKING:
    from runtime.engine.container import Container

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
    "Labels": "LABELS",
    "Label": lambda name: name.rpartition(".")[2].upper(),
}
COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
COMMAND_WIDTH = 20

PATIENCE = Flag("timeout", "t", WHOLE, "Seconds to wait before killing the container")
PATIENCE_OF_OLD = Flag("time", "", WHOLE, "Seconds to wait (the older name of --timeout)")


@command(
    "[OPTIONS]",
    Flag("all", "a", SWITCH, "Show all containers (default shows just running)"),
    FILTER,
    FORMAT,
    Flag("last", "n", WHOLE, "Show n last created containers (includes all states)"),
    Flag("latest", "l", SWITCH, "Show the latest created container (includes all states)"),
    NO_TRUNC,
    Flag("quiet", "q", SWITCH, "Only display container IDs"),
    most=0,
)
def ps(given: Given) -> int:
    """The newest container comes first."""
    limit = 1 if given.latest else given.last
    everything = given.all or limit is not None
    containers = Engine().containers.list(all=everything, filters=filters_of(given.filter))
    if limit is not None and limit >= 0:
        containers = containers[:limit]
    now = datetime.now(UTC)
    rows = [row_of(container, now, whole=given.no_trunc) for container in containers]
    if given.quiet and not given.format:
        for row in rows:
            console.say(row["ID"])
    else:
        show(rows, HEADERS, COLUMNS, given.format)
    return 0


def row_of(container: Container, now: datetime, *, whole: bool) -> Row:
    """A container as `ps` shows it; `whole`: with nothing cut off."""
    attrs = container.attrs
    created = units.parse_time(attrs["Created"])
    line = command_line(attrs)
    labels = container.labels
    return {
        "ID": container.id if whole else container.short_id,
        "Image": attrs["Config"]["Image"],
        "Command": quoted(line if whole else table.cut(line, COMMAND_WIDTH)),
        "CreatedAt": str(created.astimezone()) if created else "",
        "RunningFor": units.human_ago(created, now),
        "State": attrs["State"]["Status"],
        "Status": status_of(attrs["State"], now),
        "Ports": "",
        "Names": container.name,
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "Label": lambda name: labels.get(name, ""),
    }


def command_line(attrs: dict[str, Any]) -> str:
    """Program and arguments on one line; an argument with blanks stands in quotes."""
    arguments = (f"'{word}'" if " " in word else word for word in attrs["Args"])
    return " ".join((attrs["Path"], *arguments))


def quoted(text: str) -> str:
    """In double quotes, what has no sign of its own written as an escape."""
    return json.dumps(text, ensure_ascii=False)


def status_of(state: dict[str, Any], now: datetime) -> str:
    """ "Up 3 seconds", "Exited (0) 2 minutes ago", "Created"."""
    ended = units.human_ago(units.parse_time(state["FinishedAt"]), now)
    match state["Status"]:
        case "running" | "paused":
            started = units.parse_time(state["StartedAt"]) or now
            up = f"Up {units.human_duration((now - started).total_seconds())}"
            return up + _remark(state)
        case "restarting":
            return f"Restarting ({state['ExitCode']}) {ended}"
        case "exited":
            return f"Exited ({state['ExitCode']}) {ended}"
        case "removing":
            return "Removal In Progress"
    return str(state["Status"]).capitalize()


def _remark(state: dict[str, Any]) -> str:
    """What docker adds to "Up 3 seconds"."""
    if state["Paused"]:
        return " (Paused)"
    health = state.get("Health", {}).get("Status", "none")
    return {"none": "", "starting": " (health: starting)"}.get(health, f" ({health})")


@command(
    "[OPTIONS] CONTAINER",
    Flag("follow", "f", SWITCH, "Follow log output"),
    Flag("tail", "n", WORD, "Number of lines to show from the end of the logs", "all"),
    Flag("timestamps", "t", SWITCH, "Show timestamps"),
    least=1,
    most=1,
)
def logs(given: Given) -> int:
    """What the container wrote to its standard error goes to ours."""
    from runtime.cli.run import pass_on_entry

    container = Engine().containers.get(given.words[0])
    for entry in container.log_entries(follow=given.follow, tail=tail_of(given.tail)):
        pass_on_entry(entry, timestamps=given.timestamps)
    return 0


def tail_of(text: str) -> int | Literal["all"]:
    """`--tail`: a number of lines; docker takes what it cannot read, and less than 0, for "all"."""
    try:
        count = units.parse_whole(text)
    except ValueError:
        return "all"
    return count if count >= 0 else "all"


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("signal", "s", WORD, "Signal to send to the container"),
    PATIENCE,
    PATIENCE_OF_OLD,
    least=1,
)
def stop(given: Given) -> int:
    """Ask the program to end; kill it if it has not after the time."""
    engine = Engine()
    timeout_s = given.timeout if given.time is None else given.time

    def stop_one(name: str) -> None:
        engine.containers.get(name).stop(timeout=timeout_s, signal=given.signal)

    return console.each(given.words, stop_one)


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("signal", "s", WORD, "Signal to send to the container", "KILL"),
    least=1,
)
def kill(given: Given) -> int:
    """Send a signal to the container's first process."""
    engine = Engine()
    return console.each(
        given.words, lambda name: engine.containers.get(name).kill(signal=given.signal)
    )


@command("CONTAINER [CONTAINER...]", least=1)
def wait(given: Given) -> int:
    """Print the exit codes, in the order of the names."""
    engine = Engine()

    def wait_for(name: str) -> str:
        return str(engine.containers.get(name).wait()["StatusCode"])

    return console.each(given.words, wait_for)


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("force", "f", SWITCH, "Force the removal of a running container (uses SIGKILL)"),
    least=1,
)
def rm(given: Given) -> int:
    """Remove containers with everything they wrote."""
    engine = Engine()

    def remove(name: str) -> None:
        engine.containers.get(name).remove(force=given.force)

    return console.each(given.words, remove)


@command(
    "[OPTIONS]",
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove all stopped containers."""
    question = translate("This removes all stopped containers. Continue?")
    if not given.force and not console.agrees(question):
        return 1
    removed = Engine().containers.prune()
    if removed["ContainersDeleted"]:
        console.say("\n".join(["Deleted Containers:", *removed["ContainersDeleted"], ""]))
    console.say(f"Total reclaimed space: {units.human_size(removed['SpaceReclaimed'])}")
    return 0
