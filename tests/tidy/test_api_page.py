"""docs/API.md says what the table of the API says."""

from __future__ import annotations

from sources import HOME

from runtime.api import catalogue


def test_the_page_is_what_the_table_says() -> None:
    """`python -m runtime.api.catalogue > docs/API.md` writes it."""
    assert (HOME / "docs" / "API.md").read_text() == catalogue.page()
