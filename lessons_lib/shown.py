"""What a cell shows: one thing in several forms, of which a viewer takes the best it can.

A notebook takes the picture or the page, a terminal, a screen reader or `print` the words. So the
words are never optional, and they say everything that the picture says.

Outputs are compared character by character (nbval), so nothing here is random: no ids that a
counter or a clock made, no order that a set made.
"""

from __future__ import annotations

import base64
import html
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lessons_lib.language import say

PAPER = "#faf6ef"
INK = "#2f2a25"
FAINT = "#8a8078"
CLAY = "#b5673b"
LEAF = "#4d7c4f"
BERRY = "#a63d40"
RULE = "#d9cfc2"

SANS = "'Noto Sans KR','Apple SD Gothic Neo','Malgun Gothic','NanumSquareRound',sans-serif"
MONO = "'D2Coding','NanumGothicCoding','DejaVu Sans Mono',monospace"


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to look at: `words` always, and a `page` (HTML) or a `picture` (SVG).

    `data` are further forms by their media type, for programs that read a notebook.
    """

    words: str
    page: str = ""
    picture: str = ""
    data: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        """What Jupyter stores: a form per media type (IPython, "Rich display")."""
        page = framed(self.picture, self.words) if self.picture else self.page
        html_form = {"text/html": page} if page else {}
        return {"text/plain": self.words, **html_form, **self.data}


def framed(picture: str, words: str) -> str:
    """A picture as a page, its words folded away below it.

    As an image with its data in the address: that is shown also in a notebook that is not trusted
    yet and on GitHub, which both refuse to draw SVG that stands in a page.
    """
    data = base64.b64encode(picture.encode()).decode()
    return (
        f'<img alt="{escaped(words)}" src="data:image/svg+xml;base64,{data}">'
        f"<details><summary>{escaped(say('shown.in-words'))}</summary>"
        f"<pre>{escaped(words)}</pre></details>"
    )


def card(body: str, *, edge: str = CLAY) -> str:
    """A page on paper of its own, readable in a light and in a dark notebook."""
    return (
        f'<div style="background:{PAPER};color:{INK};border-left:5px solid {edge};'
        f'border-radius:6px;padding:10px 16px;font-family:{SANS};line-height:1.6">{body}</div>'
    )


def table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A card with a table; cells are HTML. An empty `head` gives a table without one."""
    lines = [_table_row("th", list(head)), *(_table_row("td", row) for row in rows)]
    return card(f'<table style="border-collapse:collapse;margin:0">{"".join(lines)}</table>')


def listing(
    head: Iterable[str], rows: Sequence[Sequence[str]], page: Iterable[Sequence[str]]
) -> Shown:
    """One table in both forms: `rows` in words, and in `page` the same with cells of HTML."""
    names = list(head)
    return Shown(words_table([names, *rows]), table(map(escaped, names), page))


def _table_row(tag: str, cells: Sequence[str]) -> str:
    style = (
        f"text-align:left;vertical-align:top;padding:5px 18px 5px 0;color:{INK};"
        f"border-bottom:1px solid {RULE};word-break:keep-all"
    )
    inside = "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell in cells)
    return f'<tr style="background:{PAPER}">{inside}</tr>' if cells else ""


def words_table(rows: Sequence[Sequence[str]]) -> str:
    """Columns that line up in a terminal, where a Hangul syllable is two cells wide."""
    widths = [max(width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (column - width(cell)) for cell, column in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def width(text: str) -> int:
    """Cells that the text takes in a terminal (Unicode TR 11: wide and full-width take two)."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def code(text: str) -> str:
    """Text as it stands in a program or a file, escaped."""
    return f'<code style="font-family:{MONO};background:none;color:{INK}">{escaped(text)}</code>'


def strong(text: str, colour: str) -> str:
    """Text in a colour that means something, escaped."""
    return f'<b style="color:{colour}">{escaped(text)}</b>'


def escaped(text: str) -> str:
    """Text for HTML and SVG."""
    return html.escape(text, quote=True)
