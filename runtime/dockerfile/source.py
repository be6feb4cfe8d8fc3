"""Places in a Dockerfile: every word remembers where it stood.

A person who made a mistake needs the file, the line and the columns. They are lost as soon as
lines are joined and words are split, so the lexer hands out `Word`s that carry their `Place`,
and whoever finds a mistake later (the parser, the plan, the builder) can still point at it:

    raise DockerfileError("{file}:{line}:{column}: …", **word.place.facts())
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line: `line` counts from 1, `columns` is half open and counts from 1."""

    file: str
    line: int
    columns: tuple[int, int]
    source_line: str

    def facts(self) -> dict[str, Any]:
        """What a DockerfileError wants to know; `column` is for its template."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.columns[0],
            "columns": self.columns,
            "source_line": self.source_line,
        }


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text and where it stood. `str(word)` is the text."""

    text: str
    place: Place

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SourceRange:
    """The lines of one instruction, as they stand in the file (continuations and comments too)."""

    file: str
    first_line: int
    last_line: int
    text: str

    @property
    def place(self) -> Place:
        """Its first line, from the first letter to the last."""
        first = self.text.split("\n", 1)[0]
        start = len(first) - len(first.lstrip())
        return Place(self.file, self.first_line, (start + 1, len(first.rstrip()) + 1), first)
