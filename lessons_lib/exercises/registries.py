"""The graders of lesson 09, and the mishap that one of them needs.

Each looks into the registry's own files: what is there, under which tag, with which digest. How it
came there does not matter. What they say: texts/<language>/09-registries.toml.
"""

from __future__ import annotations

import json

from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from lessons_lib.private_registry import PrivateRegistry, config_of
from runtime.engine import Engine
from runtime.errors import NotFound
from runtime.oci.digest import Digest

LESSON = "09-registries"

BAKERY, FRESH = "bakery/bread", "fresh"
LUNCH, STABLE = "lunch", "stable"


def deliver_the_bread(marks: Marks, engine: Engine, shop: PrivateRegistry) -> None:
    """The registry has the image lesson09/bread as bakery/bread:fresh."""
    bread = _image_id(engine, "lesson09/bread")
    digest = shop.digest(BAKERY, FRESH)
    if not digest:
        _say_where_it_is(shop, bread)
        raise Mistake("not-there")
    marks.earn(0.5)
    if config_of(shop, BAKERY, digest) != bread:
        raise Mistake("other-image")
    marks.earn(0.5)


def take_it_back(marks: Marks, shop: PrivateRegistry, good: str) -> None:
    """lunch:stable means the good menu again: exactly that manifest."""
    now = shop.digest(LUNCH, STABLE)
    if not now:
        raise Mistake("no-tag")
    if now == shop.digest(LUNCH, "spoiled"):
        raise Mistake("still-spoiled")
    marks.earn(0.5)
    if now != good:
        raise Mistake("other-image")
    marks.earn(0.5)


def the_name_that_never_moves(marks: Marks, shop: PrivateRegistry, answer: object) -> None:
    """The answer is the digest that the registry has for lunch:1."""
    if answer in (None, Ellipsis, ""):
        raise Mistake("no-answer")
    given = str(answer).strip().rpartition("@")[2]
    digest = shop.digest(LUNCH, "1")
    if not given.startswith("sha256:"):
        raise Mistake("a-tag", given=given[-60:])
    if given == config_of(shop, LUNCH, digest):
        raise Mistake("the-image-id")
    if given in _layers(shop, digest):
        raise Mistake("a-layer")
    if given != digest:
        raise Mistake("other-image")
    marks.earn(1.0)


def empty_bakery(lesson: Lesson, shop: PrivateRegistry) -> None:
    """Nothing has been delivered yet, and the bread is baked."""
    for name in shop.inventory.repositories("", 1000):
        if name != LUNCH:
            shop.forget(name)
    lesson.write("bread/bread.txt", "ggul-tteok\n")
    lesson.build("bread", "FROM onggi/base\nCOPY bread.txt /\nCMD cat /bread.txt\n")


def spoil(lesson: Lesson, shop: PrivateRegistry) -> str:
    """lunch:stable was the first menu; then somebody pushed a spoiled one over it. The digest of
    the good one.
    """
    engine, name = lesson.engine, f"{shop.host}/{LUNCH}"
    engine.images.get(f"{name}:1").tag(name, STABLE)
    engine.images.push(name, tag=STABLE)
    good = shop.digest(LUNCH, STABLE)
    lesson.write("spoiled/menu.txt", "spoiled milk\n")
    spoiled, _ = lesson.build("spoiled", "FROM onggi/base\nCOPY menu.txt /\nCMD cat /menu.txt\n")
    for tag in ("spoiled", STABLE):
        spoiled.tag(name, tag)
        engine.images.push(name, tag=tag)
    return good


def _say_where_it_is(shop: PrivateRegistry, image: str) -> None:
    """Raises the mistake of who delivered the right thing to the wrong address."""
    inventory = shop.inventory
    for name in inventory.repositories("", 1000):
        for tag in inventory.tags(name, "", 1000):
            digest = shop.digest(name, tag)
            if digest and config_of(shop, name, digest) == image:
                raise Mistake(
                    "other-tag" if name == BAKERY else "other-address", where=name, tag=tag
                )


def _image_id(engine: Engine, name: str) -> str:
    try:
        return str(engine.images.get(name).id)
    except NotFound:
        raise Mistake("no-image") from None


def _layers(shop: PrivateRegistry, digest: str) -> set[str]:
    manifest = json.loads(shop.inventory.content.read(Digest(digest)))
    return {str(layer["digest"]) for layer in manifest["layers"]}
