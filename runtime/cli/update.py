"""update: other limits for containers that exist, running or not."""

from __future__ import annotations

from typing import Any

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.container_flags import CONTAINER_FLAGS, WORKING
from runtime.cli.flags import EndsWithOne, Given
from runtime.cli.messages import translate
from runtime.engine.options import CHANGEABLE, OPTIONS

OF_DOCKER = ("cpu-rt-period", "cpu-rt-runtime")
"""What only engines elsewhere change."""

ROWS = [
    option
    for option in OPTIONS
    if (option.keyword in CHANGEABLE and option.flag in WORKING) or option.flag in OF_DOCKER
]
FLAGS = {option.flag for option in ROWS}


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    *(flag for flag in CONTAINER_FLAGS if flag.long in FLAGS),
    least=1,
)
def update(given: Given) -> int:
    """All of them get the same; one that is refused keeps what it had."""
    engine, changes = open_engine(), changes_of(given)
    if not changes:
        raise EndsWithOne(
            "at least one flag is needed",
            hint="it says what is to be changed, such as --memory 64m",
        )

    def update_one(name: str) -> None:
        container = engine.containers.get(name)
        container.update(**changes)
        for notice in container.limit_notices:
            console.warn(f"WARNING: {notice.told(translate)}")

    return console.each(given.words, update_one)


def changes_of(given: Given) -> dict[str, Any]:
    """The keywords of `Container.update` that a command line says."""
    values = {option.keyword: given.values[option.flag.replace("-", "_")] for option in ROWS}
    changes = {keyword: value for keyword, value in values.items() if value is not None}
    if given.cpus is not None:
        changes["nano_cpus"] = round(given.cpus * 10**9)
    return changes
