"""From logical lines to instructions.

A line is a keyword, flags (`--name=value`) and the rest; each instruction has its own way to
read the rest, and one function here. `PARSERS` is the language: what is not in it, is not
understood, and what the builder cannot carry out yet is refused by name in `NOT_YET`, because
an instruction that is silently ignored makes an image that lies.

The rules are BuildKit's (frontend/dockerfile/parser and instructions).
Rule: pure; reads no file, expands no variable.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.lexer import (
    Lexer,
    LogicalLine,
    split_blanks,
    split_quoted,
    unquote,
    word_pattern,
)
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_HERE_DOCUMENT = re.compile(r"\d*<<-?[^<]+")
_INSTRUCTION_KEYWORD = re.compile(r"\S+")


def parse(text: str, file: str = "Dockerfile") -> ins.Dockerfile:
    """The instructions of a Dockerfile; `file` is what error messages call it.

    Raises DockerfileError with the place of the first mistake.
    """
    lexer = Lexer(text, file)
    escape = lexer.directives.escape
    instructions = [parse_instruction(line, escape) for line in lexer]
    arguments, stages = _into_stages(instructions, file)
    return ins.Dockerfile(file, lexer.directives, arguments, stages)


def parse_instruction(line: LogicalLine, escape: str = "\\") -> ins.Instruction:
    """The instruction that one logical line spells. Raises DockerfileError."""
    statement = Statement.split(line, escape)
    keyword = statement.keyword.text.upper()
    if parser := PARSERS.get(keyword):
        return parser(statement)
    if keyword in NOT_YET:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} is not supported yet",
            name=keyword,
            hint=NOT_YET[keyword],
            **statement.keyword.place.facts(),
        )
    close = difflib.get_close_matches(keyword, [*PARSERS, *NOT_YET], n=1)
    raise DockerfileError(
        "{file}:{line}:{column}: unknown instruction: {name}",
        name=statement.keyword.text[:80],
        hint="did you mean {meant}?" if close else "a line that goes on needs a \\ at its end",
        meant=close[0] if close else "",
        **statement.keyword.place.facts(),
    )


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

    @classmethod
    def split(cls, line: LogicalLine, escape: str) -> Statement:
        """Keyword, flags, rest. Flags end at the first word without `--`, or at `--` itself."""
        keyword = _INSTRUCTION_KEYWORD.search(line.text)
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

    def require_rest(self, what: str) -> None:
        """Raises DockerfileError when nothing follows the keyword."""
        if not self.rest.text:
            raise DockerfileError(
                "{file}:{line}:{column}: {name} needs {what}",
                name=self.name,
                what=what,
                **self.keyword.place.facts(),
            )

    def read_flags(self, known: Iterable[str] = (), later: Iterable[str] = ()) -> dict[str, Word]:
        """The flags' values by name. `later` are docker's flags that are not carried out yet.

        Raises DockerfileError for any other, for a second one and for one without a value.
        """
        values: dict[str, Word] = {}
        for flag in self.flags:
            if flag.name not in known:
                raise _unknown_flag(self, flag, [*known], [*later])
            if not flag.value:
                raise DockerfileError(
                    "{file}:{line}:{column}: the flag --{flag} has no value",
                    hint="write --{flag}=value, with nothing around the =",
                    flag=flag.name,
                    **flag.place.facts(),
                )
            if flag.name in values:
                raise DockerfileError(
                    "{file}:{line}:{column}: the flag --{flag} stands here a second time",
                    hint="keep one of the two",
                    flag=flag.name,
                    **flag.place.facts(),
                )
            values[flag.name] = Word(flag.value, flag.place)
        return values


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
    close = difflib.get_close_matches(flag.name, known + later, n=1)
    return DockerfileError(
        "{file}:{line}:{column}: {name} has no flag --{flag}",
        hint="did you mean --{meant}?" if close else "",
        name=statement.name,
        flag=flag.name,
        meant=close[0] if close else "",
        **flag.place.facts(),
    )


# ── one function per instruction ─────────────────────────────────────────────────────────────


def _parse_from(statement: Statement) -> ins.From:
    statement.read_flags(later=("platform",))
    statement.require_rest("an image: FROM image [AS name]")
    words = statement.words
    if len(words) == 1:
        return ins.From(**statement.head, image=words[0])
    if len(words) != 3 or words[1].text.upper() != "AS":
        raise DockerfileError(
            "{file}:{line}:{column}: FROM takes an image, and maybe AS and a name",
            hint="FROM image  or  FROM image AS name",
            **words[1].place.facts(),
        )
    name = words[2].text.lower()
    if not _STAGE_NAME.fullmatch(name):
        raise DockerfileError(
            "{file}:{line}:{column}: not a name for a stage: {name}",
            hint="it begins with a letter; letters, digits, - _ and . may follow",
            name=words[2].text,
            **words[2].place.facts(),
        )
    return ins.From(**statement.head, image=words[0], name=name)


def _parse_run(statement: Statement) -> ins.Run:
    statement.read_flags(later=("mount", "network", "security", "device"))
    command = _command(statement)
    if command == ins.ExecForm(()):
        raise _empty_list(statement)
    return ins.Run(**statement.head, command=command)


def _parse_cmd(statement: Statement) -> ins.Cmd:
    statement.read_flags()
    return ins.Cmd(**statement.head, command=_command(statement))


def _parse_entrypoint(statement: Statement) -> ins.Entrypoint:
    statement.read_flags()
    return ins.Entrypoint(**statement.head, command=_command(statement))


def _parse_shell(statement: Statement) -> ins.Shell:
    statement.read_flags()
    statement.require_rest('a list of strings: SHELL ["/bin/sh", "-c"]')
    arguments = read_json_list(statement.rest)
    if arguments is None:
        raise DockerfileError(
            "{file}:{line}:{column}: SHELL takes a list of strings and nothing else",
            hint='SHELL ["/bin/sh", "-c"]',
            **statement.rest.place.facts(),
        )
    if not arguments:
        raise _empty_list(statement)
    return ins.Shell(**statement.head, arguments=arguments)


def _parse_copy(statement: Statement) -> ins.Copy:
    flags = statement.read_flags(("chown", "chmod"), later=("from", "link", "parents", "exclude"))
    _refuse_here_document(statement)
    listed = read_json_list(statement.rest)
    words = (
        statement.words
        if listed is None
        else tuple(Word(text, statement.rest.place) for text in listed)
    )
    if len(words) < 2:
        raise DockerfileError(
            "{file}:{line}:{column}: COPY takes at least a source and a destination",
            hint="COPY source… destination",
            **(statement.rest if words else statement.keyword).place.facts(),
        )
    *sources, destination = words
    return ins.Copy(
        **statement.head,
        sources=tuple(sources),
        destination=destination,
        chown=flags.get("chown"),
        chmod=flags.get("chmod"),
    )


def _parse_env(statement: Statement) -> ins.Env:
    statement.read_flags()
    return ins.Env(**statement.head, pairs=_pairs(statement))


def _parse_label(statement: Statement) -> ins.Label:
    statement.read_flags()
    return ins.Label(**statement.head, pairs=_pairs(statement))


def _parse_arg(statement: Statement) -> ins.Arg:
    statement.read_flags()
    statement.require_rest("a name: ARG name or ARG name=default")
    return ins.Arg(**statement.head, declarations=tuple(map(_declaration, statement.quoted_words)))


def _parse_workdir(statement: Statement) -> ins.Workdir:
    statement.read_flags()
    statement.require_rest("a path")
    return ins.Workdir(**statement.head, path=statement.rest)


def _parse_user(statement: Statement) -> ins.User:
    statement.read_flags()
    statement.require_rest("a user: USER name or USER name:group")
    return ins.User(**statement.head, user=statement.rest)


def _parse_expose(statement: Statement) -> ins.Expose:
    statement.read_flags()
    statement.require_rest("a port: EXPOSE 8000 or EXPOSE 53/udp")
    return ins.Expose(**statement.head, ports=statement.words)


def _parse_stop_signal(statement: Statement) -> ins.StopSignal:
    statement.read_flags()
    statement.require_rest("a signal: STOPSIGNAL SIGTERM")
    return ins.StopSignal(**statement.head, signal=statement.rest)


def _parse_maintainer(statement: Statement) -> ins.Maintainer:
    statement.read_flags()
    statement.require_rest("a name")
    return ins.Maintainer(**statement.head, name=statement.rest)


PARSERS: Mapping[str, Callable[[Statement], ins.Instruction]] = {
    "FROM": _parse_from,
    "RUN": _parse_run,
    "COPY": _parse_copy,
    "ENV": _parse_env,
    "ARG": _parse_arg,
    "WORKDIR": _parse_workdir,
    "USER": _parse_user,
    "CMD": _parse_cmd,
    "ENTRYPOINT": _parse_entrypoint,
    "LABEL": _parse_label,
    "EXPOSE": _parse_expose,
    "STOPSIGNAL": _parse_stop_signal,
    "SHELL": _parse_shell,
    "MAINTAINER": _parse_maintainer,
}

NOT_YET: Mapping[str, str] = {
    "ADD": "COPY does the same for files of the context",
    "VOLUME": "",
    "HEALTHCHECK": "",
    "ONBUILD": "",
}
"""Docker's other instructions, and what to do instead."""


# ── how the rest of a line is read ───────────────────────────────────────────────────────────


def _command(statement: Statement) -> ins.Command:
    """A JSON list is an exec form; everything else is a line for the shell."""
    statement.require_rest("a command")
    arguments = read_json_list(statement.rest)
    if arguments is not None:
        return ins.ExecForm(arguments)
    _refuse_here_document(statement)
    return ins.ShellForm(statement.rest)


def read_json_list(word: Word) -> tuple[str, ...] | None:
    """The strings of a JSON list; None if it is no JSON list: then a shell may read it.

    Raises DockerfileError if it is a list with anything but strings in it, as docker does.
    """
    if not word.text.startswith("["):
        return None
    try:
        values = json.loads(word.text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise DockerfileError(
            "{file}:{line}:{column}: a list here may hold strings only",
            hint='put every item in double quotes: ["sleep", "10"]',
            **word.place.facts(),
        )
    # JSON can spell half a character (\ud800), which is no text; it becomes a question mark.
    return tuple(value.encode("utf-8", "replace").decode() for value in values)


def _empty_list(statement: Statement) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {name} needs at least one string in its list",
        name=statement.name,
        **statement.rest.place.facts(),
    )


def _pairs(statement: Statement) -> tuple[ins.Pair, ...]:
    """`name=value…`, or the old form `name value`, where everything after the name counts."""
    statement.require_rest("a name and a value: name=value")
    words = statement.quoted_words
    if "=" in words[0].text:
        return tuple(_pair(statement, word) for word in words)
    name = statement.words[0]
    after = statement.start + len(name.text)
    value_start = (
        after + len(statement.line.text[after:]) - len(statement.line.text[after:].lstrip())
    )
    stop = statement.start + len(statement.rest.text)
    if value_start >= stop:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} needs a value for {variable}",
            hint="{name} {variable}=value",
            name=statement.name,
            variable=name.text,
            **name.place.facts(),
        )
    return (ins.Pair(name, statement.line.word(value_start, stop)),)


def _pair(statement: Statement, word: Word) -> ins.Pair:
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
    return ins.Pair(name, value)


def _declaration(word: Word) -> ins.Declaration:
    name, value = _split_at_equals(word)
    if not name.text:
        raise DockerfileError(
            "{file}:{line}:{column}: {name} needs a name before the =",
            name="ARG",
            **word.place.facts(),
        )
    return ins.Declaration(name, value if "=" in word.text else None)


def _split_at_equals(word: Word) -> tuple[Word, Word]:
    name, _, value = word.text.partition("=")
    return Word(name, word.place), Word(value, word.place)


def _refuse_here_document(statement: Statement) -> None:
    """Refuse a word such as `<<EOF`; `<<<` and the `<<` in `$((1<<n))` are the shell's own."""
    for word in statement.quoted_words:
        if _HERE_DOCUMENT.fullmatch(word.text):
            raise DockerfileError(
                "{file}:{line}:{column}: here-documents are not supported yet",
                hint="join the commands with && \\ , or COPY a script",
                **word.place.facts(),
            )


def _into_stages(
    instructions: list[ins.Instruction], file: str
) -> tuple[tuple[ins.Arg, ...], tuple[ins.Stage, ...]]:
    """Group by FROM. Before the first FROM only ARG may stand, and there must be one."""
    arguments: list[ins.Arg] = []
    stages: list[tuple[ins.From, list[ins.Instruction]]] = []
    for instruction in instructions:
        if isinstance(instruction, ins.From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, ins.Arg):
            arguments.append(instruction)
        else:
            raise DockerfileError(
                "{file}:{line}:{column}: before the first FROM only ARG may stand",
                hint="begin with FROM and the image to build on, or FROM scratch",
                **instruction.source.place.facts(),
            )
    if not stages:
        raise DockerfileError(
            "{file}:{line}:{column}: there is no FROM in this file",
            hint="begin with FROM and the image to build on, or FROM scratch",
            **Place(file, 1, (1, 1), "").facts(),
        )
    grouped = (ins.Stage(i, base, tuple(rest)) for i, (base, rest) in enumerate(stages))
    return tuple(arguments), tuple(grouped)
