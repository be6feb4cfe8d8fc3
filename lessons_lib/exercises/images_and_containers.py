"""The graders of lesson 03, and the riddle that one of them needs.

Each reads like the list of what must be true, in the order in which a learner would look at it;
the first untrue thing is the mistake. What it says: texts/<language>/03-images-and-containers.toml.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from lessons_lib.changes import changed_files
from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from lessons_lib.overlay import Shelf, Trace, pile
from lessons_lib.waiting import until
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.engine.image import Image, Layer
from runtime.errors import NotFound, OnggiError

LESSON = "03-images-and-containers"

KIMCHI = "lesson03/kimchi"
RECIPE, NOTE, PEAR = "/jar/kimchi.txt", "/jar/note.txt", "/jar/pear.txt"

WAIT_S = 10.0
"""Longer than any container takes that only prints a file."""

BAG_BYTES = 3_000_000
HEAVY_BYTES = 1_000_000
"""More than any right answer's own layers hold, less than the bag."""

RING = "/cellar/ring.txt"
DIGEST_DIGITS = 12
"""The shortest beginning of a digest that docker and we print."""


def own_recipe(marks: Marks, engine: Engine) -> None:
    """lesson03/spicy stands on all of kimchi's layers, adds chili, and still prints the recipe."""
    image = _image(engine, "lesson03/spicy")
    _stands_on(image, engine.images.get(KIMCHI))
    marks.earn(0.4)
    before, after = _file_in(engine, KIMCHI, RECIPE), _file_in(engine, "lesson03/spicy", RECIPE)
    lost = [line for line in before.splitlines() if line not in after.splitlines()]
    if lost:
        raise Mistake("lost-recipe", lost=", ".join(lost))
    if "chili" not in after:
        raise Mistake("no-chili")
    marks.earn(0.3)
    printed = _printed(engine, "lesson03/spicy")
    if printed.strip() != after.strip():
        raise Mistake("other-command", printed=printed.strip() or "''")
    marks.earn(0.3)


def copied_up(marks: Marks, engine: Engine) -> None:
    """The container taster has its own copy of the recipe, and nothing in it has changed."""
    try:
        taster = engine.containers.get("taster")
    except NotFound:
        raise Mistake("no-container") from None
    if taster.image.id != engine.images.get(KIMCHI).id:
        raise Mistake("other-image", image=", ".join(taster.image.tags) or taster.image.short_id)
    writable, *lower = pile(taster)
    _has_copy(taster, writable)
    marks.earn(0.5)
    if _bytes(writable, RECIPE) != next(_bytes(s, RECIPE) for s in lower if _holds(s, RECIPE)):
        raise Mistake("other-content")
    marks.earn(0.5)


def lighter(marks: Marks, engine: Engine) -> None:
    """lesson03/market has weighed its bag, and no layer of it carries the bag any more."""
    image = _image(engine, "lesson03/market")
    own = _own_shelves(engine, image)
    heavy = [shelf for shelf in own if _weight(shelf) > HEAVY_BYTES]
    if heavy:
        raise _still_heavy(pile(image), heavy)
    if any(shelf.trace("/bag") is Trace.FILE for shelf in own):
        raise Mistake("still-there")  # an empty one
    marks.earn(0.6)
    found = _file_in(engine, "lesson03/market", "/weight.txt").strip()
    if found != str(BAG_BYTES):
        raise Mistake("no-weight", found=found or "''", wanted=BAG_BYTES)
    marks.earn(0.4)


def find_the_layer(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer names the layer of lesson03/cellar whose ring is of gold.

    It may be a layer, its path, its digest or chain ID, whole or shortened to 12 digits.
    """
    if answer is None or answer is Ellipsis or answer == "":
        raise Mistake("no-answer")
    image = _image(engine, "lesson03/cellar")
    if _names(answer, image.id):
        raise Mistake("image-id")
    shelf = _meant(image, answer)
    trace = shelf.trace(RING)
    if trace is Trace.WHITEOUT:
        raise Mistake("whiteout")
    if trace is Trace.NOTHING:
        raise Mistake("empty-layer")
    if "gold" not in shelf.first_line(RING):
        raise Mistake("other-metal", found=shelf.first_line(RING))
    marks.earn(1.0)


def keep_the_best(marks: Marks, engine: Engine) -> None:
    """lesson03/best is the kimchi of the cook who only added, and tells of the pear."""
    image = _image(engine, "lesson03/best")
    _stands_on(image, engine.images.get(KIMCHI))
    if "pear" not in _file_in(engine, "lesson03/best", PEAR):
        raise Mistake("no-pear")
    if not _same_file(engine, RECIPE):
        raise Mistake("changed")
    if not _same_file(engine, NOTE):
        raise Mistake("deleted")
    marks.earn(0.6)
    printed = _said_in_time(engine, "lesson03/best")
    if printed is None:
        raise Mistake("sleeps")
    if "pear" not in printed:
        raise Mistake("other-words", printed=printed.strip() or "''")
    marks.earn(0.4)


def three_cooks(lesson: Lesson) -> list[Container]:
    """Three containers that have added a pear; one also changed a file, and one deleted one.

    An image of an earlier attempt goes, so that it earns nothing.
    """
    with contextlib.suppress(NotFound):
        lesson.engine.images.remove("lesson03/best", force=True)
    add = f"echo sweet pear > {PEAR}"
    work = {"gim": f"{add}; echo chili >> {RECIPE}", "nam": add, "bak": f"{add}; rm {NOTE}"}
    lesson.remove(*work)
    cooks = []
    for name, line in work.items():
        cook = lesson.engine.containers.run(KIMCHI, "sleep 1d", name=name, detach=True)
        assert isinstance(cook, Container)
        cook.exec_run(["sh", "-c", line])
        cooks.append(cook)
    return cooks


def hide_the_ring(lesson: Lesson) -> Image:
    """Build lesson03/cellar: three layers with a ring of different metal, and one that hides it."""
    copies = ""
    for day, metal in enumerate(("clay", "gold", "silver"), start=1):
        # The history shows the recipe, so the folders' names must not tell the answer.
        lesson.write(f"cellar/day{day}/ring.txt", f"{metal}\n")
        copies += f"COPY day{day} /cellar\n"
    lesson.write("cellar/Dockerfile", f"FROM onggi/base\n{copies}RUN rm {RING}\n")
    image, _ = lesson.engine.images.build(path=lesson.path("cellar"), tag="lesson03/cellar")
    return image


def _image(engine: Engine, name: str) -> Image:
    try:
        return engine.images.get(name)
    except NotFound:
        raise Mistake("no-image") from None


def _stands_on(image: Image, ground: Image) -> None:
    """Raises the mistake of an image that does not have all of `ground`'s layers below."""
    wanted = [layer.chain_id for layer in ground.layers]
    common = sum(layer.chain_id in wanted for layer in image.layers)
    if common < len(wanted):
        raise Mistake("other-base", wanted=len(wanted), common=common)


def _printed(engine: Engine, image: str) -> str:
    """What a container of the image says when it is given no command."""
    try:
        return _text(engine.containers.run(image, remove=True))
    except OnggiError:
        return ""


def _file_in(engine: Engine, image: str, path: str) -> str:
    """A file as a container of the image sees it; "" if it sees none."""
    command = ["sh", "-c", f"cat {path} 2>/dev/null || true"]
    return _text(engine.containers.run(image, command, entrypoint=[], remove=True))


def _said_in_time(engine: Engine, image: str) -> str | None:
    """What a container of the image says when it is given no command; None if it does not end."""
    container = engine.containers.create(image)

    def ended() -> bool:
        container.reload()
        return container.status == "exited"

    try:
        container.start()
        return _text(container.logs()) if until(ended, WAIT_S) else None
    finally:
        container.remove(force=True)


def _same_file(engine: Engine, path: str) -> bool:
    """Whether lesson03/best has a file as lesson03/kimchi has it."""
    return _file_in(engine, "lesson03/best", path) == _file_in(engine, KIMCHI, path)


def _text(output: object) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else str(output)


def _has_copy(taster: Container, writable: Shelf) -> None:
    trace = writable.trace(RECIPE)
    if trace is Trace.WHITEOUT:
        raise Mistake("deleted")
    if trace is Trace.NOTHING:
        found = [path for letter, path in changed_files(taster) if letter == "A"]
        if found:
            raise Mistake("another-name", found=", ".join(found))
        raise Mistake("nothing-copied")


def _holds(shelf: Shelf, path: str) -> bool:
    return shelf.trace(path) is Trace.FILE


def _bytes(shelf: Shelf, path: str) -> bytes:
    return (shelf.directory / path.lstrip("/")).read_bytes()


def _own_shelves(engine: Engine, image: Image) -> list[Shelf]:
    """The image's layers that onggi/base does not have."""
    base = {layer.files for layer in engine.images.get("onggi/base").layers}
    return [shelf for shelf in pile(image) if shelf.directory not in base]


def _weight(shelf: Shelf) -> int:
    """Bytes of the files in a layer."""
    return sum(f.lstat().st_size for f in shelf.directory.rglob("*") if not f.is_symlink())


def _still_heavy(shelves: list[Shelf], heavy: list[Shelf]) -> Mistake:
    """Three ways to carry a bag: openly, behind a whiteout, behind a smaller copy."""
    tops = [shelf for shelf in shelves if shelf.trace("/bag") is not Trace.NOTHING]
    if tops and tops[0] in heavy:
        return Mistake("still-there")
    if tops and tops[0].trace("/bag") is Trace.FILE:
        return Mistake("emptied")
    return Mistake("hidden-below", layers=len(heavy))


def _meant(image: Image, answer: object) -> Shelf:
    """The layer that the answer names. Raises the mistake of an answer that names none."""
    for layer, shelf in zip(image.layers, reversed(pile(image)), strict=True):
        if answer in (layer, layer.files) or any(_names(answer, d) for d in _digests(layer)):
            return shelf
    raise Mistake("not-a-layer", given=str(answer)[:80])


def _digests(layer: Layer) -> tuple[str, ...]:
    return (layer.digest, layer.diff_id, layer.chain_id)


def _names(answer: object, digest: str) -> bool:
    """Whether the answer is this digest, whole or its beginning, with or without "sha256:"."""
    if isinstance(answer, Path) or not isinstance(answer, str):
        return False
    digits = answer.strip().removeprefix("sha256:").removesuffix("…")
    return len(digits) >= DIGEST_DIGITS and digest.removeprefix("sha256:").startswith(digits)
