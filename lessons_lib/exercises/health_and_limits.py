"""The graders of lesson 08, and the riddle that one of them needs.

Each reads like the list of what must be true, in the order in which a learner would look at it;
the first untrue thing is the mistake. What it says: texts/<language>/08-health-and-limits.toml.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from lessons_lib.checks import Marks, Mistake
from lessons_lib.lesson import Lesson
from lessons_lib.waiting import health_of, until
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import NotFound

LESSON = "08-health-and-limits"

SLOWEST_NS = 1_000_000_000
"""The longest interval that the first exercise allows."""

RETRIES = 2
DEFAULT_RETRIES = 3
"""What counts if nothing is said."""

PATIENCE_S = 15.0

WORK_BYTES = 24 * 1024 * 1024
LARGEST_BYTES = 48 * 1024 * 1024

BY_HAND, BY_HUNGER, BY_ITSELF = "dok", "danji", "hangari"


def check_the_door(marks: Marks, engine: Engine) -> None:
    """A container of lesson08/stall is healthy while /open is there, and ill when it is gone."""
    with _trial(engine, "lesson08/stall") as stall:
        _is_checked_often(stall)
        marks.earn(0.2)
        until(lambda: health_of(stall) in ("healthy", "unhealthy"), PATIENCE_S)
        if health_of(stall) != "healthy":
            raise Mistake("never-healthy", said=_last_check(stall))
        marks.earn(0.4)
        stall.exec_run("rm /open")
        if not until(lambda: health_of(stall) == "unhealthy", PATIENCE_S / 3):
            raise Mistake("never-ill")
        marks.earn(0.4)


def right_bowl(marks: Marks, engine: Engine) -> None:
    """The container baegopa has finished its work within a limit of at most 48 MB."""
    try:
        baegopa = engine.containers.get("baegopa")
    except NotFound:
        raise Mistake("no-container") from None
    limit_bytes = int(baegopa.attrs["HostConfig"]["Memory"])
    if not limit_bytes:
        raise Mistake("no-limit")
    if limit_bytes > LARGEST_BYTES:
        raise Mistake("too-large", megabytes=limit_bytes >> 20)
    if baegopa.attrs["State"]["OOMKilled"] or limit_bytes < WORK_BYTES:
        raise Mistake("out-of-memory", megabytes=limit_bytes >> 20)
    if baegopa.exit_code != 0:
        raise Mistake("other-end", code=baegopa.exit_code)
    marks.earn(1.0)


def find_the_victim(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer names the container that the kernel killed because memory ran out."""
    if answer in (None, Ellipsis, ""):
        raise Mistake("no-answer")
    name = answer.name if isinstance(answer, Container) else str(answer).strip()
    if name not in (BY_HAND, BY_HUNGER, BY_ITSELF):
        raise Mistake("no-such", given=name[:80])
    state: dict[str, Any] = engine.containers.get(name).attrs["State"]
    if not state["OOMKilled"]:
        raise Mistake("killed-by-hand" if name == BY_HAND else "said-so-itself", who=name)
    marks.earn(1.0)


def three_times_137(lesson: Lesson) -> None:
    """Three containers that have ended with 137: killed, out of memory, and of their own will."""
    lesson.remove(BY_HAND, BY_HUNGER, BY_ITSELF)
    eat = "x=0123456789; while true; do x=$x$x; done"
    programs = {BY_HAND: "sleep 1d", BY_HUNGER: eat, BY_ITSELF: "exit 137"}
    for name, program in programs.items():
        container = lesson.engine.containers.run(
            *("lesson08/clerk", ["sh", "-c", program]),
            name=name,
            mem_limit="32m",
            healthcheck={"test": ["NONE"]},
            detach=True,
        )
        if name == BY_HAND:
            container.kill()
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
    finally:
        container.remove(force=True)


def _is_checked_often(container: Container) -> None:
    """Raises the mistake of an image that is not checked, too seldom, or ill too late or early."""
    check = container.attrs["Config"].get("Healthcheck") or {}
    if (check.get("Test") or ["NONE"])[0] == "NONE":
        raise Mistake("no-check")
    if not 0 < check.get("Interval", 0) <= SLOWEST_NS:
        raise Mistake("too-slow")
    retries = check.get("Retries") or DEFAULT_RETRIES
    if retries != RETRIES:
        raise Mistake("other-count", retries=retries)


def _last_check(container: Container) -> str:
    """What the last check wrote, or its exit code."""
    checks = (container.attrs["State"].get("Health") or {}).get("Log") or []
    if not checks:
        return "–"
    return str(checks[-1]["Output"]).strip()[-200:] or f"exit {checks[-1]['ExitCode']}"
