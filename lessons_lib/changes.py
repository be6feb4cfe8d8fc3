"""What containers have changed: docker's `diff`, for several at once.

Every change comes from the container's writable directory: A for added, C for changed, which means
copied up first, D for deleted, which is a whiteout, or missing in a folder that was made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from lessons_lib.language import say
from lessons_lib.shown import BERRY, CLAY, LEAF, Shown, code, escaped, listing, strong
from runtime.build.difference import Kind
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
    return listing(head, plain, page)


def changed_files(container: Container) -> Iterator[tuple[str, str]]:
    """(letter, path) for what `container.diff()` finds, in order; folders are left out."""
    for found in container.diff():
        path = str(found["Path"])
        place = container.upper_path / path.lstrip("/")
        letter = Kind(found["Kind"]).letter
        if letter == "D" or place.is_symlink() or not place.is_dir():
            yield letter, path
