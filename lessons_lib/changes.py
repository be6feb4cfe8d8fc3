"""What containers have changed: docker's `diff`, for several at once.

Every change is one entry of the container's writable directory: A for added, C for changed, which
means copied up first, D for deleted, which is a whiteout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lessons_lib.language import say
from lessons_lib.overlay import Shelf, Trace, covering, pile
from lessons_lib.shown import (
    BERRY,
    CLAY,
    LEAF,
    Shown,
    code,
    escaped,
    strong,
    table,
    words_table,
)
from runtime.engine.container import Container

COLOURS = {"A": LEAF, "C": CLAY, "D": BERRY}


def changes(*containers: Container) -> Shown:
    """The files that each container added, changed or deleted; folders are left out."""
    rows = [(c.name, letter, path) for c in containers for letter, path in changed_files(c)]
    head = [say(f"changes.{name}") for name in ("container", "mark", "path", "meaning")]
    plain = [[*row, say(f"changes.{row[1]}")] for row in rows]
    page = [
        [
            escaped(name),
            strong(letter, COLOURS[letter]),
            code(path),
            escaped(say(f"changes.{letter}")),
        ]
        for name, letter, path in rows
    ]
    return Shown(words_table([head, *plain]), table(map(escaped, head), page))


def changed_files(container: Container) -> Iterator[tuple[str, str]]:
    """(letter, path) for every file in the container's writable directory, in order."""
    writable, *lower = pile(container)
    for path in _files(writable.directory):
        yield _letter(writable, lower, path), path


def _letter(writable: Shelf, lower: list[Shelf], path: str) -> str:
    if writable.trace(path) is Trace.WHITEOUT:
        return "D"
    return "C" if covering(lower, path) else "A"


def _files(directory: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files):
            yield f"/{Path(folder, name).relative_to(directory)}"
