"""What a cell shows: words always, other forms where there are any, nothing unescaped."""

from __future__ import annotations

import base64
import re

from lessons_lib.shown import Shown, code, strong, table, width, words_table


def test_words_are_always_there_and_empty_forms_are_not() -> None:
    assert Shown("four")._repr_mimebundle_() == {"text/plain": "four"}
    assert Shown("w", page="p")._repr_mimebundle_() == {"text/plain": "w", "text/html": "p"}


def test_a_picture_comes_as_an_image_with_its_words_below() -> None:
    page = str(Shown("a < b", picture="<svg/>")._repr_mimebundle_()["text/html"])
    shown = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert shown
    assert base64.b64decode(shown[1]) == b"<svg/>"
    assert "<pre>a &lt; b</pre>" in page
    assert 'alt="a &lt; b"' in page


def test_data_for_programs_comes_along() -> None:
    bundle = Shown("w", data={"application/x": {"score": 1.0}})._repr_mimebundle_()
    assert bundle["application/x"] == {"score": 1.0}


def test_columns_line_up_where_hangul_is_wide() -> None:
    lines = words_table([["이름", "x"], ["long name", "y"]]).splitlines()
    assert [width(line) for line in lines] == [12, 12]


def test_markup_in_cells_is_shown_and_not_obeyed() -> None:
    page = strong("<script>", "red") + code("a<b")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a&lt;b" in page


def test_a_table_without_a_head_has_no_empty_row() -> None:
    assert table([], [["x"]]).count("<tr") == 1
    assert table(["name"], [["x"], ["y"]]).count("<tr") == 3
