"""What both languages of a lesson must have in common, proven on the finished notebooks.

Ids, cell types, tags, code and nbgrader's metadata are the same; in every Markdown cell the
headings have the same levels, and links, pictures and inline code are the same. Korean prose is
mostly Hangul, English prose is not. Glossary terms are written as docs/GLOSSARY.md writes them.

This file is pure: it opens nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lessons_lib.language import Language
from lessons_lib.publish.notebook import NAVIGATION

Cell = Mapping[str, Any]
Book = Mapping[str, Any]

LEAST_HANGUL: Mapping[Language, float] = {"ko": 0.6, "en": 0.0}
MOST_HANGUL: Mapping[Language, float] = {"ko": 1.0, "en": 0.03}

_FENCE = re.compile(r"^(`{3,}).*?^\1[ ]*$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)[^)]*\)")
_HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)
_LETTER = re.compile(r"[A-Za-z가-힣]")
_HANGUL = re.compile(r"[가-힣]")


def differences(ko: Book, en: Book) -> Iterator[str]:
    """One sentence for each thing that is not the same in the two notebooks of a lesson."""
    shapes = [[(cell["id"], cell["cell_type"]) for cell in book["cells"]] for book in (ko, en)]
    if shapes[0] != shapes[1]:
        yield "the two languages have other cells or another order"
        return
    for one, other in zip(ko["cells"], en["cells"], strict=True):
        for name, aspect in _ASPECTS.items():
            if aspect(one) != aspect(other):
                yield f"“{one['id']}”: {name}: ko {aspect(one)}, en {aspect(other)}"


def wrong_alphabet(book: Book, language: Language) -> Iterator[str]:
    """A sentence if the prose as a whole is not written in its language."""
    prose = " ".join(
        plain(cell["source"])
        for cell in book["cells"]
        if cell["cell_type"] == "markdown" and cell["id"] != NAVIGATION
    )
    share = hangul_share(prose)
    if not LEAST_HANGUL[language] <= share <= MOST_HANGUL[language]:
        yield f"{share:.0%} of the {language} prose is Hangul"


def unlike_the_glossary(ko: Book, en: Book, terms: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each cell that says a term in English and not the glossary's Korean word.

    `terms` is {English: Korean}. A cell that keeps the English word in Korean, as the first use
    in parentheses does, or in inline code, is not asked.
    """
    for one, other in zip(ko["cells"], en["cells"], strict=True):
        if one["cell_type"] != "markdown":
            continue
        korean, english = one["source"], plain(other["source"])
        for term, word in terms.items():
            said = re.search(rf"\b{re.escape(term)}s?\b", english, re.IGNORECASE)
            if said and word not in korean and term.lower() not in korean.lower():
                yield f"“{one['id']}”: en says “{term}”, ko does not say “{word}”"


def hangul_share(prose: str) -> float:
    """How much of the letters is Hangul, from 0 to 1; 0 where there are no letters."""
    letters = _LETTER.findall(prose)
    return len(_HANGUL.findall(prose)) / len(letters) if letters else 0.0


def plain(source: str) -> str:
    """Prose without code, addresses and the names of links' targets."""
    text = _INLINE.sub(" ", _FENCE.sub(" ", source))
    return re.sub(r"https?://\S+", " ", _LINK.sub(r"\2", text))


def _headings(cell: Cell) -> list[int]:
    return [len(marks) for marks in _HEADING.findall(_FENCE.sub("", cell["source"]))]


def _links(cell: Cell) -> Counter[str]:
    """Where links and pictures lead to; the other language's page counts as the same page."""
    found = _LINK.findall(_FENCE.sub("", cell["source"]))
    return Counter(sign + re.sub(r"^\.\./(ko|en)/", "../*/", target) for sign, _, target in found)


def _inline_code(cell: Cell) -> Counter[str]:
    return Counter(code for _, code in _INLINE.findall(_FENCE.sub("", cell["source"])))


def _fences(cell: Cell) -> list[str]:
    return [match[0].split("\n", 1)[0] for match in _FENCE.finditer(cell["source"])]


def _only(kind: str, aspect: Callable[[Cell], object]) -> Callable[[Cell], object]:
    return lambda cell: aspect(cell) if cell["cell_type"] == kind else None


_ASPECTS: Mapping[str, Callable[[Cell], object]] = {
    "code": _only("code", lambda cell: cell["source"]),
    "metadata": lambda cell: cell["metadata"],
    "heading levels": _only("markdown", _headings),
    "links and pictures": _only("markdown", _links),
    "inline code": _only("markdown", _inline_code),
    "blocks of code": _only("markdown", _fences),
}
