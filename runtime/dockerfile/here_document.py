"""Here-documents: lines below an instruction that are its input, as in a shell.

    RUN <<EOF              the lines are the script
    RUN cat <<A - <<B      the shell gets the line and both documents
    COPY <<"EOF" /a        the lines are the file; quotes: no variables in them
    COPY <<-EOF /a         tabs at the start of its lines do not count

The rules are BuildKit's (frontend/dockerfile/parser, heredocsFromLine).
POSIX.1-2017, Shell Command Language, 2.7.4
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from runtime.dockerfile.instruction import HereDocument
from runtime.dockerfile.lexer import Lexer, LogicalLine, unquote
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

ANNOUNCEMENT = re.compile(r"\d*<<(?P<dash>-?)\s*(?P<name>[^<]+)", re.DOTALL)
"""A whole word; `<<<` and the `<<` in `$((1<<n))` are the shell's own."""

_BEGINNING = re.compile(r"\d*<<-?")
"""The name may be the next word: `<< EOF`."""


def is_announced(word: Word) -> bool:
    """Whether the word announces a here-document, such as `<<EOF`."""
    return ANNOUNCEMENT.fullmatch(word.text) is not None


def take_documents(
    lexer: Lexer, line: LogicalLine, words: Iterable[Word]
) -> tuple[HereDocument, ...]:
    """The documents that `words` of a line announce, taken from the lines that follow.

    Raises DockerfileError when one does not end.
    """
    announced = [word for word in _joined(line, tuple(words)) if is_announced(word)]
    return tuple(_take(lexer, word) for word in announced)


def _joined(line: LogicalLine, words: tuple[Word, ...]) -> Iterator[Word]:
    """The words, a `<<` that stands alone together with the name after it."""
    waiting = iter(words)
    at = 0
    for word in waiting:
        start = at = line.text.index(word.text, at)
        if _BEGINNING.fullmatch(word.text) and (name := next(waiting, None)):
            at = line.text.index(name.text, at + len(word.text))
            yield line.word(start, at + len(name.text))
            at += len(name.text)
        else:
            yield word
            at += len(word.text)


def _take(lexer: Lexer, word: Word) -> HereDocument:
    announced = ANNOUNCEMENT.fullmatch(word.text)
    assert announced, "only announcements are taken"
    escape = lexer.directives.escape
    name = unquote(announced["name"], escape)
    drops_tabs = bool(announced["dash"])
    lines: list[str] = []
    while (line := lexer.take_line()) is not None:
        if (line.lstrip("\t") if drops_tabs else line) == name:
            content = "".join(f"{line}\n" for line in lines)
            return HereDocument(
                word, name, content, _is_plain(announced["name"], escape), drops_tabs
            )
        lines.append(line)
    raise DockerfileError(
        "{file}:{line}:{column}: the here-document {word} does not end",
        hint="a line with {name} and nothing else ends it",
        word=word.text,
        name=name,
        **word.place.facts(),
    )


def _is_plain(name: str, escape: str) -> bool:
    """Whether no part of a name is quoted: then variables in the document count."""
    unescaped = re.sub(f"{re.escape(escape)}.", "", name)
    return not re.search("['\"]", unescaped)


def with_lines(line: LogicalLine, lexer: Lexer) -> LogicalLine:
    """`line`, its source reaching to where the lexer is now."""
    last, text = lexer.lines_since(line.source.first_line)
    return replace(line, source=replace(line.source, last_line=last, text=text))
