"""What is drawn in the documents is what the code says."""

from __future__ import annotations

from sources import HOME

from runtime.container import state


def test_the_life_of_a_container_is_drawn_from_its_table() -> None:
    text = (HOME / "docs/ARCHITECTURE.md").read_text()
    assert f"```mermaid\n{state.draw()}\n```" in text
