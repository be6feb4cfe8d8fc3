r"""Variables, quotes and escapes in one word, as a shell would take them.

    $name ${name}              its value, or nothing
    ${name:-word} ${name-word} `word` if the variable is empty or unset (without `:`, only unset)
    ${name:+word} ${name+word} `word` if it is set, else nothing
    ${name:?text} ${name?text} an error that says `text` if it is empty or unset
    ${name#glob}  ${name##glob}   without the shortest / longest start that matches
    ${name%glob}  ${name%%glob}   without the shortest / longest end that matches
    ${name/glob/word}  ${name//glob/word}   the first / every match replaced
    'as is'  "with $variables"  \$ (the escape character takes any meaning away)

The result is one word, even if a value has blanks in it. The rules are BuildKit's
(frontend/dockerfile/shell/lex.go), which are a part of POSIX's (XCU 2.2 and 2.6.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

_NAME = re.compile(r"\d+|[@*#?\-$!0]|[^\W\d]\w*")


def expand(
    word: Word, variables: Mapping[str, str], escape: str = "\\", *, quotes: bool = True
) -> str:
    """`word` as it is meant. Raises DockerfileError: an open quote, an unknown `${…}`.

    Without `quotes` they mean nothing, as in a here-document.
    """
    reader = _Reader(word, variables, escape, quotes)
    try:
        return reader.read_to_end()
    except RecursionError:  # `${a:-${b:-${c…`, hundreds deep
        raise reader.bad_substitution() from None


@dataclass(slots=True)
class _Reader:
    """Reads one word from left to right; every method leaves `at` behind what it has read."""

    word: Word
    variables: Mapping[str, str]
    escape: str
    quotes: bool = True
    at: int = 0

    @property
    def ahead(self) -> str:
        """The next character, or "" at the end."""
        return self.word.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.ahead
        self.at += 1
        return character

    def read_to_end(self) -> str:
        result = ""
        while self.ahead:
            result += self.read_part(keep_escapes=False)
        return result

    def read_until(self, stop: str, *, keep_escapes: bool = False) -> str:
        """All up to `stop`, which is taken too and may stand neither quoted nor escaped."""
        result = ""
        while self.ahead != stop:
            if not self.ahead:
                raise self.bad_substitution()
            result += self.read_part(keep_escapes=keep_escapes)
        self.at += 1
        return result

    def read_part(self, *, keep_escapes: bool) -> str:
        """A quoted stretch, a variable, an escaped character or a plain one."""
        character = self.take()
        if character == "'" and self.quotes:
            return self.read_single_quoted()
        if character == '"' and self.quotes:
            return self.read_double_quoted()
        if character == "$":
            return self.read_variable()
        if character == self.escape:
            return (character if keep_escapes else "") + self.take()
        return character

    def read_single_quoted(self) -> str:
        end = self.word.text.find("'", self.at)
        if end < 0:
            raise self.open_quote("'")
        start, self.at = self.at, end + 1
        return self.word.text[start:end]

    def read_double_quoted(self) -> str:
        """Variables count in here; only `"`, `$` and the escape itself can be escaped."""
        result = ""
        while (character := self.take()) != '"':
            if not character:
                raise self.open_quote('"')
            if character == "$":
                result += self.read_variable()
            elif character == self.escape and self.ahead in ('"', "$", self.escape):
                result += self.take()
            else:
                result += character
        return result

    def read_variable(self) -> str:
        """What follows a `$`; a `$` before anything else is itself."""
        if self.ahead == "{":
            self.at += 1
            return self.read_braces()
        name = self.read_name()
        return self.variables.get(name, "") if name else "$"

    def read_name(self) -> str:
        match = _NAME.match(self.word.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def read_braces(self) -> str:
        """What follows a `${`, the closing brace included."""
        name = self.read_name()
        operator = self.take() if name else ""
        value = self.variables.get(name)
        if operator == "}":
            return value or ""
        if operator == "/":
            return self.read_replacement(value or "")
        if operator and operator in "#%":
            return self.read_trim(operator, value or "")
        if operator == ":":
            operator, value = self.take(), value or None
        if not operator or operator not in "-+?":
            raise self.bad_substitution()
        return self.read_alternative(name, operator, value)

    def read_alternative(self, name: str, operator: str, value: str | None) -> str:
        """`-`, `+` and `?`; `value` is None when the variable counts as unset."""
        word = self.read_until("}")
        if operator == "+":
            return "" if value is None else word
        if value is None and operator == "?":
            raise DockerfileError(
                "{file}:{line}:{column}: {name}: {text}",
                name=name,
                text=word or "must be set",
                **self.word.place.facts(),
            )
        return word if value is None else value

    def read_trim(self, operator: str, value: str) -> str:
        """`#` and `%` cut the shortest match off the start or the end, doubled the longest."""
        longest = self.ahead == operator
        self.at += longest
        matches = self.glob(self.read_until("}", keep_escapes=True)).fullmatch
        cuts = range(len(value) + 1)
        if operator == "#":
            order = reversed(cuts) if longest else iter(cuts)
            return next((value[cut:] for cut in order if matches(value[:cut])), value)
        order = iter(cuts) if longest else reversed(cuts)
        return next((value[:cut] for cut in order if matches(value[cut:])), value)

    def read_replacement(self, value: str) -> str:
        every = self.ahead == "/"
        self.at += every
        pattern = self.glob(self.read_until("/", keep_escapes=True))
        word = self.read_until("}", keep_escapes=True)  # so does BuildKit
        replacement: Callable[[re.Match[str]], str] = lambda _match: word  # noqa: E731
        return pattern.sub(replacement, value, count=0 if every else 1)

    def glob(self, text: str) -> re.Pattern[str]:
        r"""A shell pattern of `*`, `?` and `\` as a regular expression."""
        parts = re.findall(r"\\.|.", text, re.DOTALL)
        if any(part[0] == "\\" and part[1:] not in ("*", "?", "\\", "}", "/") for part in parts):
            raise self.bad_substitution()
        meanings = {"*": ".*", "?": "."}
        return re.compile(
            "".join(meanings.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL
        )

    def open_quote(self, quote: str) -> DockerfileError:
        return DockerfileError(
            "{file}:{line}:{column}: a quote is opened and not closed: {word}",
            hint="close it with {quote}, or write {escape}{quote} for the character itself",
            word=self.word.text,
            quote=quote,
            escape=self.escape,
            **self.word.place.facts(),
        )

    def bad_substitution(self) -> DockerfileError:
        return DockerfileError(
            "{file}:{line}:{column}: not a variable: {word}",
            hint="write ${{name}} or ${{name:-default}}, with a closing brace",
            word=self.word.text,
            **self.word.place.facts(),
        )
