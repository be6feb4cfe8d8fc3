"""Commands about what a container changed: diff, commit."""

from __future__ import annotations

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given

LETTERS = "CAD"
"""Changed, added, deleted: the letter of each of docker's numbers."""


@command("CONTAINER", least=1, most=1)
def diff(given: Given) -> int:
    """One line a path, compared with the image: C changed, A added, D deleted."""
    for each in open_engine().containers.get(given.words[0]).diff():
        console.say(f"{LETTERS[each['Kind']]} {each['Path']}")
    return 0


@command(
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    Flag("author", "a", WORD, "Author (e.g., 'Hong Gildong <hong@example.com>')"),
    Flag("change", "c", LIST, "Apply Dockerfile instruction to the created image"),
    Flag("message", "m", WORD, "Commit message"),
    Flag("pause", "p", SWITCH, "Pause container during commit", True),
    least=1,
    most=2,
)
def commit(given: Given) -> int:
    """What the container changed becomes a layer on its image; prints the new image's id."""
    name, *more = given.words
    image = (
        open_engine()
        .containers.get(name)
        .commit(
            more[0] if more else None,
            message=given.message or "",
            author=given.author or "",
            pause=given.pause,
            changes=given.change,
        )
    )
    console.say(image.id)
    return 0
