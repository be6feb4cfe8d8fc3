"""Tables: what a terminal shows decides, not how many characters there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime.cli import table


def test_hangul_is_two_columns_wide_and_marks_none() -> None:
    assert table.width("옹기") == 4
    assert table.width("é") == table.width("e\u0301") == 1
    assert table.width("\u110b\u1169\u11bc") == 2  # 옹, spelled in conjoining jamo
    assert table.width("a\u200db") == 2


def test_columns_are_aligned_by_what_is_shown() -> None:
    lines = table.lay_out([("NAMES", "STATUS"), ("웹-서버-하나", "Up"), ("web", "Exited")])
    assert lines == [
        "NAMES          STATUS",
        "웹-서버-하나   Up",
        "web            Exited",
    ]


def test_docker_s_own_header_line() -> None:
    header = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
    assert table.lay_out([header]) == [
        "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES"
    ]


def test_rows_of_one_cell_and_of_none() -> None:
    assert table.lay_out([("alone",), ()]) == ["alone", ""]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=3, max_size=3)))
def test_the_last_column_starts_at_one_place(rows: list[list[str]]) -> None:
    starts = set()
    for line, row in zip(table.lay_out(rows), rows, strict=True):
        assert line.endswith(row[-1])
        starts.add(table.width(line[: len(line) - len(row[-1])]))
    assert len(starts) <= 1


@given(st.text(), st.integers(min_value=1, max_value=30))
def test_what_was_cut_fits_and_says_so(text: str, columns: int) -> None:
    cut = table.cut(text, columns)
    assert table.width(cut) <= columns
    assert cut == text or cut.endswith("…")


def test_a_wide_letter_is_not_cut_in_half() -> None:
    assert table.cut("옹기종기", 6) == "옹기…"
