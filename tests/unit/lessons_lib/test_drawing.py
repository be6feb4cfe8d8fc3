"""Pictures: well-formed, the same every time, and text that stays inside its box."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from lessons_lib.drawing import LATIN_WIDTH, Drawing, fitted
from lessons_lib.shown import width


def a_drawing(text: str) -> str:
    drawing = Drawing(200, 100)
    drawing.box(1, 2, 30, 40, fill="none", edge="red", dashed=True)
    drawing.text(5, 6, text, room=80)
    drawing.arrow_up(10, 90, 20, colour="blue")
    return drawing.svg(text, text)


PRINTABLE = st.text(st.characters(exclude_categories=["C"]), max_size=60)


@given(PRINTABLE)
def test_any_text_gives_well_formed_xml(text: str) -> None:
    root = ElementTree.fromstring(a_drawing(text))
    assert root.tag.endswith("svg")


@given(PRINTABLE)
def test_the_same_calls_give_the_same_bytes(text: str) -> None:
    assert a_drawing(text) == a_drawing(text)


@given(PRINTABLE, st.integers(20, 400), st.sampled_from([11, 13]))
def test_fitted_text_fits(text: str, room: int, size: int) -> None:
    shown = fitted(text, room, size)
    assert width(shown) <= room / (size * LATIN_WIDTH) or shown == "…"
    assert shown == text or shown.endswith("…")


def test_hangul_is_cut_earlier_than_latin() -> None:
    assert len(fitted("가" * 40, 100, 13)) < len(fitted("a" * 40, 100, 13))


def test_a_picture_says_its_words_to_a_screen_reader() -> None:
    root = ElementTree.fromstring(a_drawing("쓰기 레이어"))
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert [root.findtext(name + tag) for tag in ("title", "desc")] == ["쓰기 레이어"] * 2
