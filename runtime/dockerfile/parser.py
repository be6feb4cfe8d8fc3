"""From logical lines to instructions.

A line is a keyword, flags (`--name=value`) and the rest; each instruction has its own way to
read the rest, and one function here. `PARSERS` is the language: what is not in it, is not
understood. A flag that the builder cannot carry out yet is refused by name (`later`), because
what is silently ignored makes an image that lies.

The rules are BuildKit's (frontend/dockerfile/parser and instructions).
Rule: pure; reads no file, expands no variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.files import read_add, read_copy
from runtime.dockerfile.health import read_health_check
from runtime.dockerfile.here_document import is_announced, take_documents, with_lines
from runtime.dockerfile.lexer import Lexer, LogicalLine
from runtime.dockerfile.nearest import nearest
from runtime.dockerfile.run import read_run
from runtime.dockerfile.source import Place, Word
from runtime.dockerfile.statement import (
    Statement,
    empty_list,
    read_command,
    read_declaration,
    read_json_list,
    read_pairs,
)
from runtime.errors import DockerfileError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


def parse(text: str, file: str = "Dockerfile") -> ins.Dockerfile:
    """The instructions of a Dockerfile; `file` is what error messages call it.

    Raises DockerfileError with the place of the first mistake.
    """
    lexer = Lexer(text, file)
    escape = lexer.directives.escape
    instructions = [parse_instruction(line, escape, lexer) for line in lexer]
    arguments, stages = _into_stages(instructions, file)
    return ins.Dockerfile(file, lexer.directives, arguments, stages)


def parse_lines(text: str, file: str) -> tuple[ins.Instruction, ...]:
    """Instructions that stand in no Dockerfile: those of ONBUILD, and of `commit --change`."""
    lexer = Lexer(text, file)
    return tuple(parse_instruction(line, lexer.directives.escape, lexer) for line in lexer)


def parse_instruction(
    line: LogicalLine, escape: str = "\\", lexer: Lexer | None = None
) -> ins.Instruction:
    """The instruction that one logical line spells. Raises DockerfileError.

    `lexer` has the lines that follow, for here-documents; None: there are none.
    """
    statement = Statement.split(line, escape)
    if parser := PARSERS.get(statement.name):
        if statement.name in WITH_DOCUMENTS and lexer:
            documents = take_documents(lexer, line, statement.quoted_words)
            line = with_lines(line, lexer) if documents else line
            statement = replace(statement, line=line, documents=documents)
        return parser(statement)
    meant = nearest(statement.name, PARSERS)
    raise DockerfileError(
        "{file}:{line}:{column}: unknown instruction: {name}",
        name=statement.keyword.text[:80],
        hint="did you mean {meant}?" if meant else "a line that goes on needs a \\ at its end",
        meant=meant,
        **statement.keyword.place.facts(),
    )


def _parse_from(statement: Statement) -> ins.From:
    platform = statement.read_flags(("platform",)).get("platform")
    statement.require_rest("FROM image [AS name]")
    words = statement.words
    if len(words) == 1:
        return ins.From(**statement.head, image=words[0], platform=platform)
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
    return ins.From(**statement.head, image=words[0], name=name, platform=platform)


def _parse_cmd(statement: Statement) -> ins.Cmd:
    statement.read_flags()
    return ins.Cmd(**statement.head, command=read_command(statement))


def _parse_entrypoint(statement: Statement) -> ins.Entrypoint:
    statement.read_flags()
    return ins.Entrypoint(**statement.head, command=read_command(statement))


def _parse_shell(statement: Statement) -> ins.Shell:
    statement.read_flags()
    statement.require_rest('SHELL ["/bin/sh", "-c"]')
    arguments = read_json_list(statement.rest)
    if arguments is None:
        raise DockerfileError(
            "{file}:{line}:{column}: SHELL takes a list of strings and nothing else",
            hint='SHELL ["/bin/sh", "-c"]',
            **statement.rest.place.facts(),
        )
    if not arguments:
        raise empty_list(statement)
    return ins.Shell(**statement.head, arguments=arguments)


def _parse_env(statement: Statement) -> ins.Env:
    statement.read_flags()
    return ins.Env(**statement.head, pairs=read_pairs(statement))


def _parse_label(statement: Statement) -> ins.Label:
    statement.read_flags()
    return ins.Label(**statement.head, pairs=read_pairs(statement))


def _parse_arg(statement: Statement) -> ins.Arg:
    statement.read_flags()
    statement.require_rest("ARG name=default")
    return ins.Arg(
        **statement.head, declarations=tuple(map(read_declaration, statement.quoted_words))
    )


def _parse_workdir(statement: Statement) -> ins.Workdir:
    statement.read_flags()
    statement.require_rest("WORKDIR /path")
    return ins.Workdir(**statement.head, path=statement.rest)


def _parse_user(statement: Statement) -> ins.User:
    statement.read_flags()
    statement.require_rest("USER name:group")
    return ins.User(**statement.head, user=statement.rest)


def _parse_expose(statement: Statement) -> ins.Expose:
    statement.read_flags()
    statement.require_rest("EXPOSE 8000/tcp")
    return ins.Expose(**statement.head, ports=statement.words)


def _parse_volume(statement: Statement) -> ins.Volume:
    statement.read_flags()
    statement.require_rest("VOLUME /path")
    listed = read_json_list(statement.rest)
    if listed is None:
        return ins.Volume(**statement.head, paths=statement.words)
    if not listed:
        raise empty_list(statement)
    paths = tuple(Word(text, statement.rest.place) for text in listed)
    return ins.Volume(**statement.head, paths=paths)


def _parse_onbuild(statement: Statement) -> ins.OnBuild:
    """The instruction is parsed now, so that a mistake in it shows here and not at others'."""
    statement.read_flags()
    statement.require_rest("ONBUILD COPY . /app")
    inner = Statement.split(statement.line.tail(statement.start), statement.escape)
    has_document = inner.name in WITH_DOCUMENTS and any(map(is_announced, inner.quoted_words))
    if inner.name in ("ONBUILD", "FROM", "MAINTAINER") or has_document:
        raise DockerfileError(
            "{file}:{line}:{column}: this cannot stand after ONBUILD: {what}",
            what="<<" if has_document else inner.name,
            **inner.keyword.place.facts(),
        )
    parse_instruction(inner.line, statement.escape)
    return ins.OnBuild(**statement.head, trigger=statement.rest)


def _parse_stop_signal(statement: Statement) -> ins.StopSignal:
    statement.read_flags()
    statement.require_rest("STOPSIGNAL SIGTERM")
    return ins.StopSignal(**statement.head, signal=statement.rest)


def _parse_maintainer(statement: Statement) -> ins.Maintainer:
    statement.read_flags()
    statement.require_rest("MAINTAINER name")
    return ins.Maintainer(**statement.head, name=statement.rest)


PARSERS: Mapping[str, Callable[[Statement], ins.Instruction]] = {
    "FROM": _parse_from,
    "RUN": read_run,
    "COPY": read_copy,
    "ADD": read_add,
    "ENV": _parse_env,
    "ARG": _parse_arg,
    "WORKDIR": _parse_workdir,
    "USER": _parse_user,
    "CMD": _parse_cmd,
    "ENTRYPOINT": _parse_entrypoint,
    "LABEL": _parse_label,
    "EXPOSE": _parse_expose,
    "VOLUME": _parse_volume,
    "HEALTHCHECK": read_health_check,
    "ONBUILD": _parse_onbuild,
    "STOPSIGNAL": _parse_stop_signal,
    "SHELL": _parse_shell,
    "MAINTAINER": _parse_maintainer,
}

WITH_DOCUMENTS = frozenset({"RUN", "COPY", "ADD"})
"""Where `<<EOF` announces a here-document."""


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
