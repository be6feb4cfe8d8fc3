"""The graders of lesson 07, and the riddle that one of them needs.

Each reads like the list of what must be true, in the order in which a learner would look at it;
the first untrue thing is the mistake. What it says: texts/<language>/07-data.toml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.engine.volume import Volume
from runtime.errors import NotFound

LESSON = "07-data"

OWN = "lesson07-mine"
UNUSED, FULL, HELD = "lesson07-gam", "lesson07-bae", "lesson07-yuja"


def keep_the_jang(marks: Marks, engine: Engine) -> None:
    """The volume lesson07-mine is mounted at /jang of the container jangdok, which could write."""
    jangdok = _container(engine, "jangdok")
    mount = _mount(jangdok, "/jang")
    if mount is None:
        raise Mistake("elsewhere", places=", ".join(_places(jangdok)) or "–")
    if mount["Type"] == "bind":
        raise Mistake("bind", source=mount["Source"][-60:])
    if mount["Name"] != OWN:
        raise Mistake("other-volume" if len(mount["Name"]) < 64 else "nameless")
    marks.earn(0.5)
    if not mount["RW"]:
        raise Mistake("read-only")
    if not (Path(mount["Source"]) / "doenjang").is_file():
        raise Mistake("empty")
    marks.earn(0.5)


def hear_the_letter(marks: Marks, engine: Engine) -> None:
    """The container reader sees at /in what writer puts into its volume, and cannot change it."""
    reader, writer = (_container(engine, name) for name in ("reader", "writer"))
    mount = _mount(reader, "/in")
    if mount is None:
        raise Mistake("elsewhere", places=", ".join(_places(reader)) or "–")
    written = _mount(writer, "/out")
    if written is None or mount["Source"] != written["Source"]:
        raise Mistake("not-shared")
    marks.earn(0.5)
    if mount["RW"]:
        raise Mistake("may-write")
    if reader.exec_run(["cat", "/in/letter"]).exit_code:
        raise Mistake("no-letter")
    marks.earn(0.5)


def find_the_held(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer names the volume that cannot be removed, because a container has it."""
    if answer in (None, Ellipsis, ""):
        raise Mistake("no-answer")
    name = answer.name if isinstance(answer, Volume) else str(answer).strip()
    if name == "sleepy":
        raise Mistake("the-container")
    if name not in (UNUSED, FULL, HELD):
        raise Mistake("no-such", given=name[:80])
    if name != HELD:
        raise Mistake("only-full" if name == FULL else "unused", volume=name)
    marks.earn(1.0)


def three_jars(lesson: Lesson) -> None:
    """Three volumes: an empty one, one with much in it, and one that a container has which never
    ran.
    """
    engine = lesson.engine
    lesson.remove("sleepy")
    for name in (UNUSED, FULL, HELD):
        engine.volumes.create(name)
    fill = ["dd", "if=/dev/zero", "of=/jar/large", "bs=64k", "count=8"]
    engine.containers.run("lesson07/jar", fill, remove=True, volumes=[f"{FULL}:/jar"])
    engine.containers.create("lesson07/jar", name="sleepy", volumes=[f"{HELD}:/jar"])


def _container(engine: Engine, name: str) -> Container:
    try:
        return engine.containers.get(name)
    except NotFound:
        raise Mistake("no-container", missing=name) from None


def _mount(container: Container, place: str) -> dict[str, Any] | None:
    """What is mounted at that place, as `inspect` shows it."""
    mounts: list[dict[str, Any]] = container.attrs["Mounts"]
    return next((mount for mount in mounts if mount["Destination"] == place), None)


def _places(container: Container) -> list[str]:
    return [mount["Destination"] for mount in container.attrs["Mounts"]]
