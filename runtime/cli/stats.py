"""What containers do at the moment: stats (what they use), top (their processes).

On a terminal `stats` draws its table anew every second, in the same place; into a pipe or a file
it writes one table after the other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from runtime.cli import units
from runtime.cli.command import command
from runtime.cli.flags import SWITCH, Flag, Given
from runtime.cli.listing import FORMAT, NO_TRUNC, Row, show, show_table
from runtime.engine import Engine
from runtime.engine import stats as usage
from runtime.errors import NotFound

if TYPE_CHECKING:
    from runtime.engine.container import Container

HEADERS: Row = {
    "Container": "CONTAINER",
    "ID": "CONTAINER ID",
    "Name": "NAME",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")

HOME, ERASE_BELOW = "\x1b[H", "\x1b[J"
"""Control sequences of every terminal: to the first line, and nothing below. man 4 console_codes"""


@command(
    "[OPTIONS] [CONTAINER...]",
    Flag("all", "a", SWITCH, "Show all containers (default shows just running)"),
    FORMAT,
    Flag("no-stream", "", SWITCH, "Disable streaming stats and only pull the first result"),
    NO_TRUNC,
)
def stats(given: Given) -> int:
    """Named containers, or those that run: also those that begin to while we look."""
    engine, sampler = Engine(), usage.Sampler()
    chosen = _chosen(engine, given)
    _sample(sampler, chosen)
    while True:
        time.sleep(usage.INTERVAL_S)
        rows = _sample(sampler, chosen, whole=given.no_trunc)
        if given.no_stream:
            show(rows, HEADERS, COLUMNS, given.format)
            return 0
        _draw(rows, given.format)
        if given.words and not rows:
            return 0  # all that were asked for have been removed
        if not given.words:
            chosen = _chosen(engine, given)


def _chosen(engine: Engine, given: Given) -> list[Container]:
    """Raises NotFound for a name that is none."""
    if given.words:
        return [engine.containers.get(name) for name in given.words]
    return list(engine.containers.list(all=given.all))


def _sample(
    sampler: usage.Sampler, containers: Iterable[Container], *, whole: bool = False
) -> list[Row]:
    """A row for each that is still there."""
    rows = []
    for container in containers:
        try:
            container.reload()
        except NotFound:
            continue
        rows.append(row_of(sampler.sample(container), whole=whole))
    return rows


def row_of(sample: usage.Stats, *, whole: bool = False) -> Row:
    """A sample as `stats` shows it; `whole`: with nothing cut off."""
    identity = sample["id"] if whole else sample["id"][:12]
    limit = sample["memory_stats"].get("limit", 0)
    sizes = (units.binary_size(size) for size in (usage.memory_bytes(sample), limit))
    return {
        "Container": identity,
        "ID": identity,
        "Name": sample["name"].removeprefix("/"),
        "CPUPerc": f"{usage.cpu_percent(sample):.2f}%",
        "MemUsage": " / ".join(sizes),
        "MemPerc": f"{usage.memory_percent(sample):.2f}%",
        "NetIO": " / ".join(units.human_size(each, 3) for each in usage.network_bytes(sample)),
        "BlockIO": " / ".join(units.human_size(each, 3) for each in usage.block_bytes(sample)),
        "PIDs": str(sample["pids_stats"].get("current", 0)),
    }


def _draw(rows: list[Row], form: str | None) -> None:
    """Over the last table if this is a terminal, below it if not."""
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        print(HOME + ERASE_BELOW, end="")
    show(rows, HEADERS, COLUMNS, form)
    sys.stdout.flush()


@command("CONTAINER [ps OPTIONS]", least=1, interspersed=False)
def top(given: Given) -> int:
    """Its processes, in the columns of `ps -ef`, or in those that `ps` is asked for."""
    import shlex

    name, *options = given.words
    found = Engine().containers.get(name).top(shlex.join(options) or None)
    show_table([found["Titles"], *found["Processes"]])
    return 0
