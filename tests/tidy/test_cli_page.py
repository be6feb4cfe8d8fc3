"""docs/CLI.md lists what docker has and Onggi has not, as the tables say it."""

from __future__ import annotations

from docker_flags import BEGIN, page
from sources import HOME


def test_the_page_is_what_the_tables_say() -> None:
    """`python tests/docker_flags.py` prints the part."""
    text = (HOME / "docs" / "CLI.md").read_text()
    part = BEGIN + text.partition(BEGIN)[2].partition("\n## ")[0] + "\n"
    assert part.rstrip() == page().rstrip()
