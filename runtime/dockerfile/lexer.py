r"""From text to logical lines and words.

    # escape=\                      a directive: only at the very top
    RUN apt-get update && \         an escape character at the end: the next line belongs to it
        # fetched fresh             a comment between continued lines does not end them
        apt-get install -y curl

is one logical line, `RUN apt-get update &&     apt-get install -y curl`. It knows for every
character where it came from, so that a word in it has a `Place`.

The rules are BuildKit's (frontend/dockerfile/parser): blanks before an instruction go, blanks
at the start of a continued line stay; blanks after the escape character do not matter; two
escape characters at the end are no continuation; empty lines between continued lines are
skipped.

Rule: this file knows no instruction.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runtime.dockerfile.source import Place, SourceRange, Word
from runtime.errors import DockerfileError

DIRECTIVES = frozenset({"syntax", "escape", "check"})
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Directives:
    """The `# key=value` lines at the top. `syntax` and `check` are kept, and steer nothing."""

    escape: str = "\\"
    syntax: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """From `offset` of a logical line on, its text is that of `line`, starting at `column`."""

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One instruction's text, joined; `origins` is sorted by offset."""

    text: str
    source: SourceRange
    origins: tuple[Origin, ...]

    def word(self, start: int, end: int) -> Word:
        """The text between two offsets, and its place."""
        return Word(self.text[start:end], self.place(start, end))

    def tail(self, start: int) -> LogicalLine:
        """What begins at an offset, as a line of its own: the instruction after ONBUILD."""
        moved = [
            Origin(
                max(each.offset - start, 0), each.line, each.column + max(start - each.offset, 0)
            )
            for each in self.origins
        ]
        index = bisect_right(self.origins, start, key=lambda origin: origin.offset) - 1
        return replace(self, text=self.text[start:], origins=tuple(moved[index:]))

    def place(self, start: int, end: int) -> Place:
        """Where a stretch stands; of one that spans lines, the part on the first of them."""
        index = bisect_right(self.origins, start, key=lambda origin: origin.offset) - 1
        origin = self.origins[index]
        if index + 1 < len(self.origins):
            end = min(end, self.origins[index + 1].offset)
        column = origin.column + start - origin.offset
        lines = self.source.text.split("\n")
        return Place(
            file=self.source.file,
            line=origin.line,
            columns=(column, column + max(end - start, 1)),
            source_line=lines[origin.line - self.source.first_line],
        )


@dataclass(slots=True)
class Lexer:
    """Walks through a Dockerfile. Iterating gives its logical lines.

    It keeps its own position, so that a here-document can be taken from the lines between two
    steps of the iteration. Raises DockerfileError.
    """

    text: str
    file: str
    directives: Directives = field(init=False)
    _lines: list[str] = field(init=False)
    _next: int = field(init=False, default=0)
    _continued: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        lines = self.text.removeprefix(_BYTE_ORDER_MARK).removesuffix("\n").split("\n")
        self._lines = [line.rstrip("\r") for line in lines]
        self.directives = _read_directives(self._lines, self.file)
        escape = re.escape(self.directives.escape)
        self._continued = re.compile(rf"(?<!{escape}){escape}[ \t]*$")

    def __iter__(self) -> Iterator[LogicalLine]:
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if is_blank(line) or is_comment(line):
                self._next += 1
            elif logical := self._take_instruction():
                yield logical

    def take_line(self) -> str | None:
        """The next line as it stands there: for here-documents. None at the end of the file."""
        if self._next == len(self._lines):
            return None
        self._next += 1
        return self._lines[self._next - 1]

    def lines_since(self, first: int) -> tuple[int, str]:
        """The number of the last line taken, and the text from line `first` (from 1) up to it."""
        return self._next, "\n".join(self._lines[first - 1 : self._next])

    def _take_instruction(self) -> LogicalLine | None:
        """Join the lines of one instruction; None if they hold nothing but escapes."""
        first = self._next
        text = ""
        origins: list[Origin] = []
        for number, line, column in self._take_continued():
            origins.append(Origin(len(text), number, column))
            text += line
        if not text.strip():
            return None
        source = SourceRange(
            self.file, first + 1, self._next, "\n".join(self._lines[first : self._next])
        )
        return LogicalLine(text, source, tuple(origins))

    def _take_continued(self) -> Iterator[tuple[int, str, int]]:
        """The lines of one instruction: number, text without its escape, column it starts at."""
        first = self._next
        while self._next < len(self._lines):
            number, line = self._next, self._lines[self._next]
            self._next += 1
            if number > first and (is_blank(line) or is_comment(line)):
                continue
            start = len(line) - len(line.lstrip()) if number == first else 0
            escape = self._continued.search(line)
            yield number + 1, line[start : escape.start() if escape else None], start + 1
            if escape is None:
                return


def is_comment(line: str) -> bool:
    """Whether the first thing on the line is a `#`."""
    return line.lstrip().startswith("#")


def is_blank(line: str) -> bool:
    """Whether there is nothing on the line but blanks."""
    return not line.strip()


def _read_directives(lines: list[str], file: str) -> Directives:
    """The directives at the top; the first line that is none of them ends them.

    What looks like a directive of another name is a comment, and ends them too.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _DIRECTIVE.fullmatch(line.lstrip())
        name = match[1].lower() if match else ""
        if match is None or name not in DIRECTIVES:
            break
        place = Place(file, number, (1, len(line) + 1), line)
        if name in found:
            raise DockerfileError(
                "{file}:{line}:{column}: the directive {name} stands here a second time",
                name=name,
                hint="keep one of the two",
                **place.facts(),
            )
        found[name] = match[2]
        if name == "escape" and match[2] not in ("\\", "`"):
            raise DockerfileError(
                "{file}:{line}:{column}: the escape character cannot be {value}",
                value=match[2],
                hint="it is either \\ or `",
                **place.facts(),
            )
    return Directives(**found)


def word_pattern(escape: str) -> re.Pattern[str]:
    """What matches one blank-separated word, its quotes and escapes included.

    Blanks between quotes, and escaped ones, are part of the word. Between single quotes nothing
    is escaped. A quote that is never closed reaches to the end; expanding it is the error.
    """
    e = re.escape(escape)
    return re.compile(
        rf"""(?: {e}.                             # an escaped character
               | '[^']*'?                         # single quotes
               | "(?: {e}. | [^"{e}] )*"?         # double quotes
               | [^\s'"{e}]                       # anything else
               | {e}$ )+                          # an escape with nothing to escape
        """,
        re.VERBOSE | re.DOTALL,
    )


def split_quoted(line: LogicalLine, start: int, escape: str) -> tuple[Word, ...]:
    """The words from offset `start` on, quotes and escapes still in them."""
    matches = word_pattern(escape).finditer(line.text, start)
    return tuple(line.word(*match.span()) for match in matches)


def split_blanks(line: LogicalLine, start: int) -> tuple[Word, ...]:
    """The words from offset `start` on, where quotes mean nothing special."""
    matches = re.compile(r"\S+").finditer(line.text, start)
    return tuple(line.word(*match.span()) for match in matches)


def unquote(text: str, escape: str) -> str:
    """`text` without quotes and escapes: the value of a flag."""
    e = re.escape(escape)
    parts = re.compile(
        rf"""{e}(?P<escaped>.)  |  '(?P<single>[^']*)'  |  "(?P<double>(?:{e}.|[^"{e}])*)" """,
        re.VERBOSE | re.DOTALL,
    )

    def plain(match: re.Match[str]) -> str:
        if match["double"] is not None:
            return re.sub(rf"{e}(.)", r"\1", match["double"])
        return match["escaped"] or match["single"] or ""

    return parts.sub(plain, text)
