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
from collections.abc import Iterable
from dataclasses import replace

from runtime.dockerfile.instruction import HereDocument
from runtime.dockerfile.lexer import Lexer, LogicalLine, unquote
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

ANNOUNCEMENT = re.compile(r"\d*<<(?P<dash>-?)(?P<name>[^<]+)", re.DOTALL)
"""A whole word; `<<<` and the `<<` in `$((1<<n))` are the shell's own."""


def is_announced(word: Word) -> bool:
    """Whether the word announces a here-document, such as `<<EOF`."""
    return ANNOUNCEMENT.fullmatch(word.text) is not None


def take_documents(lexer: Lexer, words: Iterable[Word]) -> tuple[HereDocument, ...]:
    """The documents that `words` announce, taken from the lines that follow, in their order.

    Raises DockerfileError when one does not end.
    """
    return tuple(_take(lexer, word) for word in words if is_announced(word))


def _take(lexer: Lexer, word: Word) -> HereDocument:
    announced = ANNOUNCEMENT.fullmatch(word.text)
    assert announced, "only announcements are taken"
    name = unquote(announced["name"], lexer.directives.escape)
    drops_tabs = bool(announced["dash"])
    lines: list[str] = []
    while (line := lexer.take_line()) is not None:
        if (line.lstrip("\t") if drops_tabs else line) == name:
            content = "".join(f"{line}\n" for line in lines)
            return HereDocument(word, name, content, name == announced["name"], drops_tabs)
        lines.append(line)
    raise DockerfileError(
        "{file}:{line}:{column}: the here-document {word} does not end",
        hint="a line with {name} and nothing else ends it",
        word=word.text,
        name=name,
        **word.place.facts(),
    )


def with_lines(line: LogicalLine, lexer: Lexer) -> LogicalLine:
    """`line`, its source reaching to where the lexer is now."""
    last, text = lexer.lines_since(line.source.first_line)
    return replace(line, source=replace(line.source, last_line=last, text=text))
