"""The graders of lesson 05, and the riddle that one of them needs.

Each reads like the list of what must be true, in the order in which a learner would look at it;
the first untrue thing is the mistake. What it says: texts/<language>/05-commands-and-life.toml.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import PurePosixPath

from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import NotFound, OnggiError

LESSON = "05-commands-and-life"

GRACE_S = 3.0
"""How long a polite program may take to put its things away."""

PATIENCE_S = 5.0
KILLED = 137

SCRIPT, SHELLS = "on-air.sh", ("sh", "bash", "dash", "ash", "busybox")

TRIO = {"ganjang": 0, "gochujang": 3, "doenjang": 3}
"""The riddle's containers and how they end."""

LAST_WORDS = {"ganjang": "sunny", "gochujang": "too salty", "doenjang": "mouldy lid"}


def closes_politely(marks: Marks, engine: Engine) -> None:
    """A container of lesson05/keeper runs, and when asked to stop ends with 0, saying "closed"."""
    with _trial(engine, "lesson05/keeper") as keeper:
        if not _still_runs(keeper):
            raise Mistake("ends-early", code=keeper.exit_code)
        if _has_said_closed(keeper):
            raise Mistake("too-soon")
        keeper.stop(timeout=GRACE_S)
        _ended_politely(keeper)
        marks.earn(0.7)
        if not _has_said_closed(keeper):
            raise Mistake("no-word", said=_last_line(keeper))
        marks.earn(0.3)


def stays_on_air(marks: Marks, engine: Engine) -> None:
    """A container of lesson05/radio keeps running, because on-air.sh keeps running in it."""
    with _trial(engine, "lesson05/radio") as radio:
        if not _still_runs(radio):
            raise Mistake("went-silent" if radio.exit_code == 0 else "failed", code=radio.exit_code)
        marks.earn(0.4)
        running = [line.decode() for line in radio.exec_run("ps -o args").output.splitlines()]
        if not any(map(_is_on_air, running)):
            raise Mistake("not-on-air", runs=running[1] if len(running) > 1 else "?")
        marks.earn(0.6)


def last_words(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer is (name, words): who ended with exit code 3 and complained of the lid."""
    if answer in (None, Ellipsis, "", ()):
        raise Mistake("no-answer")
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        raise Mistake("not-a-pair", given=str(answer)[:80])
    name, words = (str(part).strip() for part in answer)
    container = _container(engine, name)
    if container.exit_code != 3:
        raise Mistake("ended-well", who=name, code=container.exit_code)
    if b"lid" not in container.logs(stdout=False):
        raise Mistake("other-complaint", who=name)
    marks.earn(0.5)
    if words not in _lines(container.logs(stdout=False)):
        raise Mistake("not-said", who=name, given=words[:80])
    marks.earn(0.5)


def three_ends(lesson: Lesson) -> None:
    """Three containers that have ended. All say the same; what they complain of goes to stderr."""
    lesson.remove(*TRIO)
    for name, code in TRIO.items():
        say = f"echo all is well; echo {LAST_WORDS[name]} >&2; exit {code}"
        container = lesson.engine.containers.create("lesson05/quiet", ["sh", "-c", say], name=name)
        container.start()
        container.wait()


@contextlib.contextmanager
def _trial(engine: Engine, image: str) -> Iterator[Container]:
    """A container of `image`, run for the grader's own eyes and taken away again."""
    try:
        container = engine.containers.create(image)
    except NotFound:
        raise Mistake("no-image") from None
    try:
        container.start()
        yield container
    except OnggiError as refusal:
        raise Mistake("not-started", reason=refusal.message) from refusal
    finally:
        container.remove(force=True)


def _still_runs(container: Container) -> bool:
    """Whether it runs, a moment after it has said its first words (or has been silent for long)."""
    deadline = time.monotonic() + PATIENCE_S
    while container.status == "running" and not container.logs():
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
        container.reload()
    time.sleep(0.5)
    container.reload()
    return container.status == "running"


def _has_said_closed(container: Container) -> bool:
    return b"closed" in container.logs(stderr=False).splitlines()


def _is_on_air(process: str) -> bool:
    """Whether a process's arguments are those of a shell that reads the script, or of the script
    itself: not of a program that only has its name, as in `tail -f /on-air.sh`.

    busybox's ps puts a script's name in front: `{on-air.sh} /bin/sh /on-air.sh`.
    """
    words = re.sub(r"^{[^}]*} ", "", process).split()
    program, *arguments = (PurePosixPath(word).name for word in words or [""])
    reads = program in SHELLS and "-c" not in arguments
    return program == SCRIPT or (reads and SCRIPT in arguments)


def _ended_politely(container: Container) -> None:
    """Raises the mistake of a container that was killed, or ended with another code than 0."""
    if container.exit_code == KILLED:
        raise Mistake("killed", seconds=round(GRACE_S))
    if container.exit_code != 0:
        raise Mistake("other-code", code=container.exit_code)


def _container(engine: Engine, name: str) -> Container:
    if name not in TRIO:
        raise Mistake("no-such", given=name[:80])
    return engine.containers.get(name)


def _lines(output: bytes) -> list[str]:
    return [line.strip() for line in output.decode(errors="replace").splitlines()]


def _last_line(container: Container) -> str:
    lines = _lines(container.logs())
    return lines[-1] if lines else "''"
