"""Errors: a template, its facts, and a hint; one sentence in any language."""

from __future__ import annotations

import errno
import inspect

import pytest

from runtime import errors
from runtime.errors import (
    BuildFailed,
    DockerfileError,
    HostLacks,
    InvalidTransition,
    KernelError,
    NotFound,
    OnggiError,
)

KINDS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, OnggiError)
]


def test_a_sentence_is_the_template_with_its_facts() -> None:
    error = NotFound("no such image: {name}", hint="build {name} first", name="web")
    assert error.message == "no such image: web"
    assert error.hint == "build web first"
    assert str(error) == "no such image: web (build web first)"
    assert str(NotFound("gone")) == "gone"


def test_facts_with_braces_stay_what_they_are() -> None:
    assert str(NotFound("no such image: {name}", name="{evil}")) == "no such image: {evil}"


def test_another_language_gets_the_template_not_the_sentence() -> None:
    asked = []

    def translate(template: str) -> str:
        asked.append(template)
        return {"no {name}": "{name} 없음", "see {place}": "{place} 보기"}[template]

    error = NotFound("no {name}", hint="see {place}", name="web", place="docs")
    assert error.told(translate) == ("web 없음", "docs 보기")
    assert asked == ["no {name}", "see {place}"]
    assert NotFound("no {name}", name="web").told(translate) == ("web 없음", "")


def test_every_kind_is_drawn_in_the_tree() -> None:
    drawing = inspect.getdoc(errors) or ""
    assert [kind.__name__ for kind in KINDS if kind.__name__ not in drawing] == []


def test_every_kind_is_caught_as_one() -> None:
    for kind in KINDS:
        assert issubclass(kind, OnggiError)
        assert kind.__doc__


def test_what_a_program_may_ask_an_error() -> None:
    moved = InvalidTransition("{name} is {state}", state="running", verb="start", name="web")
    assert (moved.state, moved.verb, str(moved)) == ("running", "start", "web is running")
    lacks = HostLacks("no {feature}", feature="pids", evidence="mounts")
    assert (lacks.feature, lacks.evidence, str(lacks)) == ("pids", "mounts", "no pids")
    failed = BuildFailed(
        "{file}:{line}: it ended with {exit_status}", exit_status=7, file="Dockerfile", line=3
    )
    assert isinstance(failed, DockerfileError)
    assert (failed.exit_status, failed.line, str(failed)) == (7, 3, "Dockerfile:3: it ended with 7")


def test_a_system_call_s_error_is_an_os_error_too() -> None:
    with pytest.raises(OSError) as caught:
        raise KernelError("mount", "'/a', '/b'", errno.EPERM)
    assert caught.value.errno == errno.EPERM
    assert str(caught.value) == "mount('/a', '/b') failed: Operation not permitted"
