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
import re
from collections.abc import Callable, Mapping

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.lexer import Lexer, LogicalLine
from runtime.dockerfile.source import Place, Word
from runtime.dockerfile.statement import (
    Statement,
    empty_list,
    read_command,
    read_declaration,
    read_json_list,
    read_pairs,
    refuse_here_document,
)
from runtime.errors import DockerfileError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


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


def _parse_from(statement: Statement) -> ins.From:
    statement.read_flags(later=("platform",))
    statement.require_rest("FROM image [AS name]")
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
    command = read_command(statement)
    if command == ins.ExecForm(()):
        raise empty_list(statement)
    return ins.Run(**statement.head, command=command)


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


def _parse_copy(statement: Statement) -> ins.Copy:
    flags = statement.read_flags(("chown", "chmod"), later=("from", "link", "parents", "exclude"))
    refuse_here_document(statement)
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
