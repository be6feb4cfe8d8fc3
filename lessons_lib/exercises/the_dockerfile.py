"""The graders of lesson 04. They build and run what a learner wrote, and read no Dockerfile.

A recipe is right when the image is: so the graders of the repairs build it themselves, change what
is copied, and build it again. What they say: texts/<language>/04-the-dockerfile.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import BASE, Lesson
from lessons_lib.overlay import Trace, covering, pile
from lessons_lib.refusals import in_words
from runtime.engine.image import Image
from runtime.errors import NotFound, OnggiError

LESSON = "04-the-dockerfile"

MENU, SOUP = "rice\nkimchi", "tofu\nradish"
"""What /counter/menu.txt and /counter/soup.txt hold in the exercise `two-words`."""

HOURS = "open 9-18"
LUNCH = "rice with bulgogi"
SPICES = "soy, pear, sesame"
"""The second line of the sauce in the exercise `two-stages`."""


def two_words(marks: Marks, lesson: Lesson) -> None:
    """lesson04/counter prints its menu; with the name of a file in /counter, that file."""
    image = _image(lesson, "counter")
    files = [_file_in(lesson, "counter", f"/counter/{name}.txt") for name in ("menu", "soup")]
    if files != [MENU, SOUP]:
        raise Mistake("no-files")
    marks.earn(0.2)
    printed = _printed(lesson, "counter")
    if printed != MENU:
        raise Mistake("other-default", printed=printed or "''")
    marks.earn(0.3)
    answer = _printed(lesson, "counter", "soup.txt")
    if answer != SOUP:
        raise _misled(image, answer)
    marks.earn(0.5)


def less_work(marks: Marks, lesson: Lesson) -> None:
    """lesson04/kitchen sharpens its tools again when the tools change, and only then."""
    first = _trial(lesson, menu="rice\n", tools="knife\n")
    second = _trial(lesson, menu="noodles\n", tools="knife\n")
    third = _trial(lesson, menu="noodles\n", tools="knife\nladle\n")
    if not first.sharpened:
        raise Mistake("not-sharpened")
    if first.sharpened != second.sharpened:
        raise Mistake("sharpened-again")
    marks.earn(0.4)
    if (first.printed, second.printed) != ("rice", "noodles"):
        raise Mistake("old-menu", printed=second.printed or "''", wanted="noodles")
    marks.earn(0.3)
    if third.tools != ["knife", "ladle"] or third.sharpened == second.sharpened:
        raise Mistake("tools-forgotten", found=", ".join(third.tools) or "''")
    marks.earn(0.3)


def in_order(marks: Marks, lesson: Lesson) -> None:
    """lesson04/shop shows when it is open, and does not run as root."""
    _build(lesson, "shop")
    printed = _printed(lesson, "shop").strip()
    if printed == "open":
        raise Mistake("no-hours", printed=printed)
    if printed != HOURS:
        raise Mistake("other-sign", printed=printed or "''", wanted=HOURS)
    marks.earn(0.5)
    if _shell(lesson, "shop", "id -u") == "0":
        raise Mistake("as-root")
    marks.earn(0.5)


def two_stages(marks: Marks, lesson: Lesson) -> None:
    """lesson04/lunchbox has the lunch of its sauce, and no layer of it has ever seen the recipe."""
    found = _lunch_with(lesson, "bulgogi")
    path, hidden = _where_the_secret_is(lesson)
    if path:
        raise Mistake("hidden-below" if hidden else "still-there", path=path)
    marks.earn(0.4)
    if found != LUNCH:
        raise Mistake("no-lunch", found=found or "''", wanted=LUNCH)
    marks.earn(0.2)
    other = _lunch_with(lesson, "tofu")
    _lunch_with(lesson, "bulgogi")
    if other != LUNCH.replace("bulgogi", "tofu"):
        raise Mistake("not-used", found=other or "''")
    marks.earn(0.4)


def _lunch_with(lesson: Lesson, sauce: str) -> str:
    """Build the lunchbox with a sauce of this name; what /lunch.txt says then."""
    lesson.write("lunchbox/kitchen/sauce.txt", f"{sauce}\n{SPICES}\n")
    _build(lesson, "lunchbox")
    return _file_in(lesson, "lunchbox", "/lunch.txt")


def _where_the_secret_is(lesson: Lesson) -> tuple[str, bool]:
    """The first file of the image that tells the secret, and whether a container does not see it.

    Layers of onggi/base are not searched: they were there before.
    """
    base = {layer.files for layer in lesson.engine.images.get(BASE).layers}
    shelves = pile(_image(lesson, "lunchbox"))
    for shelf in shelves:
        if shelf.directory in base:
            continue
        for file in sorted(shelf.directory.rglob("*")):
            path = f"/{file.relative_to(shelf.directory)}"
            if shelf.trace(path) is Trace.FILE and _tells(file):
                return path, covering(shelves, path) is not shelf
    return "", False


def _tells(file: Path) -> bool:
    """Whether the secret can be read in it. A link is somewhere else, or nowhere."""
    return not file.is_symlink() and file.is_file() and SPICES.encode() in file.read_bytes()


@dataclass(frozen=True, slots=True)
class _Trial:
    """What came out of one build of the kitchen; `sharpened` is another text each time."""

    printed: str
    sharpened: str
    tools: list[str]


def _trial(lesson: Lesson, menu: str, tools: str) -> _Trial:
    """Build the kitchen with these two files, and look at what came out."""
    lesson.write("kitchen/menu.txt", menu)
    lesson.write("kitchen/tools.txt", tools)
    _build(lesson, "kitchen")
    return _Trial(
        printed=_printed(lesson, "kitchen"),
        sharpened=_file_in(lesson, "kitchen", "/kitchen/sharpened"),
        tools=_shell(lesson, "kitchen", "cd /kitchen/rack && ls").split(),
    )


def _build(lesson: Lesson, name: str) -> None:
    """Build the learner's recipe. Raises the mistake of one that cannot be built."""
    try:
        lesson.engine.images.build(path=lesson.path(name), tag=lesson.prefix + name)
    except OnggiError as refusal:
        raise Mistake("does-not-build", refusal=in_words(refusal)) from None


def _misled(image: Image, answer: str) -> Mistake:
    """Four ways to miss an argument: replaced by it, deaf to it, adding to it, elsewhere."""
    if image.config.config.entrypoint is None:
        return Mistake("replaced")
    if answer == MENU:
        return Mistake("ignored")
    if MENU in answer:
        return Mistake("added")
    return Mistake("elsewhere", directory=image.config.config.working_dir or "/")


def _image(lesson: Lesson, name: str) -> Image:
    try:
        return lesson.engine.images.get(lesson.prefix + name)
    except NotFound:
        raise Mistake("no-image") from None


def _printed(lesson: Lesson, name: str, command: str | None = None) -> str:
    """What the image's container says; "" if it cannot be started or fails."""
    try:
        return lesson.says(name, command)
    except OnggiError:
        return ""


def _file_in(lesson: Lesson, name: str, path: str) -> str:
    """A file as a container of the image sees it; "" if it sees none."""
    return _shell(lesson, name, f"cat {path}")


def _shell(lesson: Lesson, name: str, line: str) -> str:
    """What a line of shell writes in the image, whatever its ENTRYPOINT and CMD are."""
    command = ["sh", "-c", f"{{ {line}; }} 2>/dev/null || true"]
    image = lesson.prefix + name
    written = lesson.engine.containers.run(image, command, entrypoint=[], remove=True)
    return bytes(written).decode("utf-8", "replace").rstrip("\n")
