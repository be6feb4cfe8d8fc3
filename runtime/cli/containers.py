"""Commands about containers that exist: logs, stop, kill, wait, rm, prune."""

from __future__ import annotations

from typing import Literal

from runtime.cli import console, units
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import SWITCH, WHOLE, WORD, Flag, Given, elsewhere
from runtime.cli.listing import PRUNE_FILTER, filters_of, show_removed
from runtime.errors import NotFound

PATIENCE = Flag("timeout", "t", WHOLE, "Seconds to wait before killing the container")
PATIENCE_OF_OLD = Flag("time", "", WHOLE, "Seconds to wait (the older name of --timeout)")


@command(
    "[OPTIONS] CONTAINER",
    Flag("details", "", SWITCH, "Show extra details provided to logs"),
    Flag("follow", "f", SWITCH, "Follow log output"),
    Flag(
        *("since", "", WORD),
        "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
        "minutes)",
    ),
    Flag("tail", "n", WORD, "Number of lines to show from the end of the logs", "all"),
    Flag("timestamps", "t", SWITCH, "Show timestamps"),
    Flag(
        *("until", "", WORD),
        "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
        "minutes)",
    ),
    least=1,
    most=1,
)
def logs(given: Given) -> int:
    """What the container wrote to its standard error goes to ours."""
    from runtime.cli.streams import NUMBERS

    pieces = (
        open_engine()
        .containers.get(given.words[0])
        .log_pieces(
            follow=given.follow,
            tail=tail_of(given.tail),
            since=given.since,
            until=given.until,
            timestamps=given.timestamps,
            details=given.details,
        )
    )
    for stream, data in pieces:
        console.pass_on(data, NUMBERS[stream])
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
    engine = open_engine()
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
    engine = open_engine()
    return console.each(
        given.words, lambda name: engine.containers.get(name).kill(signal=given.signal)
    )


@command("CONTAINER [CONTAINER...]", least=1)
def wait(given: Given) -> int:
    """Print the exit codes, in the order of the names."""
    engine = open_engine()

    def wait_for(name: str) -> str:
        return str(engine.containers.get(name).wait()["StatusCode"])

    return console.each(given.words, wait_for)


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("force", "f", SWITCH, "Force the removal of a running container (uses SIGKILL)"),
    Flag("link", "l", elsewhere(SWITCH), "Remove the specified link"),
    Flag("volumes", "v", SWITCH, "Remove anonymous volumes associated with the container"),
    least=1,
)
def rm(given: Given) -> int:
    """Remove containers with everything they wrote."""
    engine = open_engine()

    def remove(name: str) -> None:
        engine.containers.get(name).remove(force=given.force, v=given.volumes, link=given.link)

    return console.each(given.words, remove, may_be_missing=given.force)


@command(
    "[OPTIONS]",
    PRUNE_FILTER,
    Flag("force", "f", SWITCH, "Do not prompt for confirmation"),
    most=0,
)
def prune(given: Given) -> int:
    """Remove all stopped containers."""
    if not given.force and not console.agrees("This removes all stopped containers. Continue?"):
        return 1
    removed = open_engine().containers.prune(filters=filters_of(given.filter))
    show_removed("Containers", removed["ContainersDeleted"], removed["SpaceReclaimed"])
    return 0


@command("CONTAINER [PRIVATE_PORT[/PROTO]]", least=1, most=2)
def port(given: Given) -> int:
    """The ports of the host that lead to the container."""
    name, *wanted = given.words
    container = open_engine().containers.get(name)
    ports = {key: value for key, value in container.ports.items() if value}
    if wanted:
        key = wanted[0] if "/" in wanted[0] else f"{wanted[0]}/tcp"
        if key not in ports:
            raise NotFound(
                "no public port {port} published for {name}", port=wanted[0], name=container.name
            )
        lines = [host_of(each) for each in ports[key]]
    else:
        lines = [f"{key} -> {host_of(each)}" for key in sorted(ports) for each in ports[key]]
    for line in lines:
        console.say(line)
    return 0


def host_of(binding: dict[str, str]) -> str:
    """ "0.0.0.0:4000", "[::]:4000" """
    address = binding["HostIp"]
    return (
        f"[{address}]:{binding['HostPort']}"
        if ":" in address
        else (f"{address}:{binding['HostPort']}")
    )
