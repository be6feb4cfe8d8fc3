"""Every published lesson is what its source says, in two languages that stay together."""

from __future__ import annotations

import pytest

from lessons_lib.publish.shelf import Shelf

SHELF = Shelf()


@pytest.mark.parametrize("name", SHELF.names())
def test_published_notebooks_are_what_their_source_says(name: str) -> None:
    assert list(SHELF.faults(name)) == []


def test_nothing_is_astray() -> None:
    assert list(SHELF.strays()) == []


def test_there_is_a_start_page_and_a_lesson() -> None:
    assert {name[:2] for name in SHELF.names()} >= {"00", "03"}
