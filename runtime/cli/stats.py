"""What containers do at the moment: stats (what they use), top (their processes).

On a terminal `stats` draws its table anew every second, in the same place; into a pipe or a file
it writes one table after the other.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from runtime.cli import units
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import SWITCH, Flag, Given
from runtime.cli.listing import FORMAT, NO_TRUNC, Row, show, show_table
from runtime.engine import stats as usage
from runtime.errors import OnggiError

if TYPE_CHECKING:
    from runtime.cli.connection import AnyContainer, AnyEngine

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

TOP_WIDTH = 20
"""How wide the columns of `top` are at least: docker's are."""

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
    engine = open_engine()
    watched = Watched(engine)
    watched.follow(_chosen(engine, given))
    watched.wait_for_all()
    while True:
        rows = [row_of(sample, whole=given.no_trunc) for sample in watched.samples()]
        if given.no_stream:
            show(rows, HEADERS, COLUMNS, given.format)
            return 0
        _draw(rows, given.format)
        if given.words and not rows:
            return 0  # all that were asked for have been removed
        time.sleep(usage.INTERVAL_S)
        if not given.words:
            watched.follow(_chosen(engine, given))


def _chosen(engine: AnyEngine, given: Given) -> dict[str, AnyContainer]:
    """By id. Raises NotFound for a name that is none."""
    if given.words:
        found: Iterable[AnyContainer] = [engine.containers.get(name) for name in given.words]
    else:
        found = engine.containers.list(all=given.all)
    return {each.id: each for each in found}


class Watched:
    """Containers, each with a thread that takes its samples, as fast as they come."""

    def __init__(self, engine: AnyEngine) -> None:
        self._engine = engine
        self._latest: dict[str, usage.Stats | None] = {}
        self._news = threading.Condition()

    def follow(self, containers: Mapping[str, AnyContainer]) -> None:
        """Watch these from now on; the others no more."""
        with self._news:
            for gone in self._latest.keys() - containers.keys():
                del self._latest[gone]
            new = {each: containers[each] for each in containers if each not in self._latest}
            self._latest |= dict.fromkeys(new)
        for each in new.items():
            threading.Thread(target=self._watch, args=each, daemon=True).start()

    def _watch(self, container_id: str, container: AnyContainer) -> None:
        with contextlib.suppress(OnggiError, OSError):
            for number, sample in enumerate(container.stats(decode=True, stream=True)):
                with self._news:
                    if container_id not in self._latest:
                        return
                    if number or not _runs(sample):  # the first one knows nothing of the time
                        self._latest[container_id] = sample
                        self._news.notify_all()
        with self._news:
            self._latest.pop(container_id, None)
            self._news.notify_all()

    def wait_for_all(self) -> None:
        """Until there is something to show of each."""
        with self._news:
            self._news.wait_for(lambda: None not in self._latest.values())

    def samples(self) -> list[usage.Stats]:
        """The latest of each."""
        with self._news:
            return [sample for sample in self._latest.values() if sample is not None]


def _runs(sample: usage.Stats) -> bool:
    return bool(sample["cpu_stats"]["cpu_usage"]["total_usage"])


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
    found = open_engine().containers.get(name).top(shlex.join(options) or None)
    show_table([found["Titles"], *found["Processes"]], least=TOP_WIDTH)
    return 0
