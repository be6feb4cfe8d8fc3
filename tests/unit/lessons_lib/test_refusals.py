"""Refusals in a notebook: two sentences in the reader's language, the line of a Dockerfile."""

from __future__ import annotations

import pytest

from lessons_lib.refusals import Refused, in_words
from runtime.errors import DockerfileError, NotFound


def test_a_refusal_says_what_is_wrong_and_what_to_do() -> None:
    error = NotFound("no such thing: {name}", hint="make {name} first", name="jar")
    assert in_words(error) == "✗ no such thing: jar\n→ make jar first"


def test_nothing_to_add_gives_no_empty_line() -> None:
    assert in_words(NotFound("no such thing")) == "✗ no such thing"


def test_a_line_of_a_dockerfile_is_shown_with_its_number() -> None:
    error = DockerfileError(
        "not understood: {word}", file="Dockerfile", line=3, source_line="COPPY a b", word="COPPY"
    )
    assert "    3 | COPPY a b" in in_words(error)


def test_the_engine_speaks_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    error = NotFound(
        "no such image: {name}",
        hint="`onggi images` lists the images that are here; `onggi build` makes one",
        name="kimchi",
    )
    monkeypatch.setenv("ONGGI_LANG", "ko")
    assert "이미지" in in_words(error)
    assert "no such image" not in in_words(error)


@pytest.mark.parametrize(("language", "word"), [("ko", "예측"), ("en", "prediction")])
def test_the_lesson_refuses_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, language: str, word: str
) -> None:
    monkeypatch.setenv("ONGGI_LANG", language)
    assert word in in_words(Refused("predict.not-yet", question="layers"))
