"""Columns of text for a terminal, aligned by how wide the text is shown.

A Hangul syllable takes two columns, a combining mark none; `len` knows neither. The layout is
that of Go's tabwriter as docker sets it: cells at least 10 wide, 3 apart, nothing after the last.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MINIMUM_WIDTH = 10
GAP = 3


def width(text: str) -> int:
    """How many columns a terminal shows `text` in."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    # Mn and Me are marks drawn over the character before them; Cf are invisible signs such as
    # the zero width joiner. Hangul's medial vowels and final consonants (conjoining jamo, as
    # macOS writes file names) join the two columns of the consonant that they follow.
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """`text` with spaces after it until it is `columns` wide; never cut."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """At most `columns` wide; where something had to go, the last character is "…"."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for character in text:
        used += _character_width(character)
        if used > columns - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def lay_out(rows: Sequence[Sequence[str]], least: int = MINIMUM_WIDTH) -> list[str]:
    """One line per row, with columns that are at least so wide. The last cell of a row belongs to
    no column: it ends the line.
    """
    widths: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row[:-1]):
            widths[column] = max(widths.get(column, least), width(cell) + GAP)
    return [
        "".join([*(pad(cell, widths[at]) for at, cell in enumerate(row[:-1])), *row[-1:]])
        for row in rows
    ]
