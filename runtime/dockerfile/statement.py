"""Statements: a logical line taken apart, and the few ways in which its rest is read.

    COPY --chown=app:app  a.txt b.txt /srv/
    keyword  flags        rest

The rest is words between blanks (COPY, FROM), words that may be quoted (ENV, ARG), a JSON list
or a line for a shell (RUN, CMD), or pairs of name and value (ENV, LABEL). Which one it is, the
instruction's parser knows. The rules are BuildKit's (frontend/dockerfile/parser).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runtime.dockerfile.instruction import (
    Command,
    Declaration,
    ExecForm,
    HereDocument,
    Pair,
    ShellForm,
)
from runtime.dockerfile.lexer import LogicalLine, split_blanks, split_quoted, unquote, word_pattern
from runtime.dockerfile.nearest import nearest
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError

_KEYWORD = re.compile(r"\S+")
_OLD_PAIR = re.compile(r"(?P<name>\S+)\s+(?P<value>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name=value` before an instruction's arguments; `value` is None without `=`."""

    name: str
    value: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Statement:
    """A logical line taken apart: what every instruction's parser gets."""

    line: LogicalLine
    escape: str
    keyword: Word
    flags: tuple[Flag, ...]
    rest: Word
    start: int  # offset of `rest` in the line
    documents: tuple[HereDocument, ...] = ()

    @classmethod
    def split(cls, line: LogicalLine, escape: str) -> Statement:
        """Keyword, flags, rest. Flags end at the first word without `--`, or at `--` itself."""
        keyword = _KEYWORD.search(line.text)
        assert keyword, "the lexer yields no blank line"
        end = keyword.end()
        flags: list[Flag] = []
        for match in word_pattern(escape).finditer(line.text, end):
            if not match[0].startswith("--"):
                break
            end = match.end()
            if match[0] == "--":
                break
            name, equals, value = unquote(match[0][2:], escape).partition("=")
            flags.append(Flag(name, value if equals else None, line.place(*match.span())))
        stop = len(line.text.rstrip())
        start = max(end, stop - len(line.text[end:stop].lstrip()))
        keyword_word = line.word(*keyword.span())
        return cls(line, escape, keyword_word, tuple(flags), line.word(start, stop), start)

    @property
    def head(self) -> dict[str, Any]:
        """The two fields every instruction begins with."""
        return {"source": self.line.source, "text": self.line.text.strip()}

    @property
    def name(self) -> str:
        """The instruction's name as the reference writes it."""
        return self.keyword.text.upper()

    @property
    def words(self) -> tuple[Word, ...]:
        """The rest, split at blanks; quotes mean nothing here (COPY, FROM, EXPOSE)."""
        return split_blanks(self.line, self.start)

    @property
    def quoted_words(self) -> tuple[Word, ...]:
        """The rest, split at blanks outside of quotes (ENV, LABEL, ARG)."""
        return split_quoted(self.line, self.start, self.escape)

    def word(self, start: int, end: int) -> Word:
        """A stretch of the rest, by offsets in it."""
        return self.line.word(self.start + start, self.start + end)

    def require_rest(self, usage: str) -> None:
        """Raises DockerfileError when nothing follows the keyword. `usage` shows what should."""
        if not self.rest.text:
            raise DockerfileError(
                "{file}:{line}:{column}: {name} says nothing else",
                hint="write it so: {usage}",
                name=self.name,
                usage=usage,
                **self.keyword.place.facts(),
            )

    def read_flags(
        self,
        known: Iterable[str] = (),
        later: Iterable[str] = (),
        switches: Iterable[str] = (),
        lists: Iterable[str] = (),
    ) -> dict[str, Word]:
        """The flags' values by name. `later` are docker's flags that are not carried out yet.

        `switches` may stand alone, which means true; `lists` may stand several times: their
        values are `flag_values`. Raises DockerfileError for any other flag, for a second one and
        for one without a value.
        """
        values: dict[str, Word] = {}
        for flag in self.flags:
            if flag.name not in (*known, *switches, *lists):
                raise _unknown_flag(self, flag, [*known, *switches, *lists], [*later])
            value = _switch(flag) if flag.name in switches else flag.value
            if not value:
                raise DockerfileError(
                    "{file}:{line}:{column}: the flag --{flag} has no value",
                    hint="write --{flag}=value, with nothing around the =",
                    flag=flag.name,
                    **flag.place.facts(),
                )
            if flag.name in values and flag.name not in lists:
                raise DockerfileError(
                    "{file}:{line}:{column}: the flag --{flag} stands here a second time",
                    hint="keep one of the two",
                    flag=flag.name,
                    **flag.place.facts(),
                )
            values[flag.name] = Word(value, flag.place)
        return values

    def flag_values(self, name: str) -> tuple[Word, ...]:
        """All values of a flag that may stand several times, once `read_flags` has seen them."""
        return tuple(
            Word(flag.value, flag.place) for flag in self.flags if flag.name == name and flag.value
        )


def _switch(flag: Flag) -> str:
    """ "true" or "false". Raises DockerfileError for anything else."""
    value = "true" if flag.value is None else flag.value.lower()
    if value not in ("true", "false"):
        raise DockerfileError(
            "{file}:{line}:{column}: the flag --{flag} is either true or false, not {value}",
            flag=flag.name,
            value=flag.value,
            **flag.place.facts(),
        )
    return value


def _unknown_flag(
    statement: Statement, flag: Flag, known: list[str], later: list[str]
) -> DockerfileError:
    if flag.name in later:
        return DockerfileError(
            "{file}:{line}:{column}: {name} --{flag} is not supported yet",
            name=statement.name,
            flag=flag.name,
            **flag.place.facts(),
        )
    meant = nearest(flag.name, known + later)
    return DockerfileError(
        "{file}:{line}:{column}: {name} has no flag --{flag}",
        hint="did you mean --{meant}?" if meant else "",
        name=statement.name,
        flag=flag.name,
        meant=meant,
        **flag.place.facts(),
    )


def read_command(statement: Statement) -> Command:
    """A JSON list is an exec form; everything else is a line for the shell."""
    statement.require_rest(f"{statement.name} command")
    arguments = read_json_list(statement.rest)
    if arguments is not None:
        return ExecForm(arguments)
    return ShellForm(statement.rest)


def read_json_list(word: Word) -> tuple[str, ...] | None:
    """The strings of a JSON list; None if it is no JSON list: then a shell may read it.

    Raises DockerfileError if it is a list with anything but strings in it, as docker does.
    """
    if not word.text.startswith("["):
        return None
    try:
        values = json.loads(word.text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise DockerfileError(
            "{file}:{line}:{column}: a list here may hold strings only",
            hint='put every item in double quotes: ["sleep", "10"]',
            **word.place.facts(),
        )
    # JSON can spell half a character (\ud800), which is no text; as in Go, it becomes U+FFFD.
    return tuple(
        value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for value in values
    )


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which are no JSON. Raises ValueError."""
    raise ValueError(name)


def refuse_variable(origin: Word) -> Word:
    """What `from` names, as it is: which stages a build needs must be known before any of them
    is planned, so docker expands nothing in it. Raises DockerfileError.
    """
    if re.search(r"\$.", origin.text):
        raise DockerfileError(
            "{file}:{line}:{column}: --from takes no variable: {word}",
            hint="name the image in a stage of its own: FROM {word} AS name",
            word=origin.text,
            **origin.place.facts(),
        )
    return origin


def empty_list(statement: Statement) -> DockerfileError:
    """The error for `[]` where something must be run."""
    return DockerfileError(
        "{file}:{line}:{column}: {name} needs at least one string in its list",
        name=statement.name,
        **statement.rest.place.facts(),
    )


def read_pairs(statement: Statement) -> tuple[Pair, ...]:
    """`name=value…`, or the old form `name value`, where everything after the name counts."""
    statement.require_rest(f"{statement.name} name=value")
    words = statement.quoted_words
    if "=" in words[0].text:
        return tuple(_pair(statement, word) for word in words)
    old_form = _OLD_PAIR.fullmatch(statement.rest.text)
    if old_form is None:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} needs a value for {variable}",
            hint="{name} {variable}=value",
            name=statement.name,
            variable=words[0].text,
            **words[0].place.facts(),
        )
    spans = (old_form.span(group) for group in ("name", "value"))
    return (Pair(*(statement.word(*span) for span in spans)),)


def _pair(statement: Statement, word: Word) -> Pair:
    if "=" not in word.text:
        raise DockerfileError(
            "{file}:{line}:{column}: there is no = in {word}",
            hint="write name=value, and put quotes around a value with blanks",
            word=word.text,
            **word.place.facts(),
        )
    name, value = _split_at_equals(word)
    if not name.text:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} needs a name before the =",
            name=statement.name,
            **word.place.facts(),
        )
    return Pair(name, value)


def read_declaration(word: Word) -> Declaration:
    """`name`, or `name=default`, of an ARG."""
    name, value = _split_at_equals(word)
    if not name.text:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} needs a name before the =",
            name="ARG",
            **word.place.facts(),
        )
    return Declaration(name, value if "=" in word.text else None)


def _split_at_equals(word: Word) -> tuple[Word, Word]:
    name, _, value = word.text.partition("=")
    return Word(name, word.place), Word(value, word.place)
