"""`onggi`: the words of a command line, led to the function behind them.

The edge of the program. Every error of the engine ends here as one sentence and a hint; every
way to end has its exit code, docker's:

    0 done    1 refused    125 not understood, or `run` refused    126, 127 command not startable
    130 interrupted (Ctrl-C)    141 nobody reads the output any more (`onggi ps | head -1`)

Starting fast is part of the job: nothing is imported before it is known to be needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence

from runtime.cli import connection, console
from runtime.cli.commands import TOP, Noun, Verb
from runtime.cli.first_flags import FIRST_FLAGS
from runtime.cli.flags import UsageError, parse
from runtime.errors import InvalidInput, OnggiError

INTERRUPTED = 130
NOBODY_READS = 141


def main(line: Sequence[str] | None = None) -> int:
    """Carry out one command line (the process's own, unless given); returns the exit code."""
    console.prepare_streams()
    try:
        code = _lead(list(sys.argv[1:] if line is None else line))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return NOBODY_READS
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _refuse(_told_by_the_system(error))
    finally:
        console.leave()


def _lead(line: list[str]) -> int:
    """From the first words to a command, or to a help text."""
    connection.choose(None)
    if line and line[0].startswith("-") and line[0] not in ("--help", "-h", "--version", "-v"):
        try:
            line = _read_first_flags(line)
        except OnggiError as error:
            return _refuse(error)
    if not line or line[0] in ("--help", "-h", "help"):
        return _help(line[1:])
    if line[0] in ("--version", "-v"):
        console.say(f"Onggi version {version()}")
        return 0
    found = TOP.get(line[0])
    if isinstance(found, Verb):
        return _carry_out(line[0], found, line[1:])
    if found is None:
        return _refuse(_unknown(line[0], TOP, ""))
    return _lead_within(line[0], found, line[1:])


def _read_first_flags(line: list[str]) -> list[str]:
    """What stands before the command: it says which engine is meant. The rest of the line, or what
    stands for it. Raises UsageError.
    """
    try:
        given = parse(FIRST_FLAGS, line, interspersed=False)
    except UsageError as error:
        raise UsageError(error.template, hint="Run 'onggi --help'", **error.facts) from error
    connection.choose(given)
    if given.config:
        os.environ["DOCKER_CONFIG"] = given.config
    if given.help or given.version:
        return ["--help" if given.help else "--version"]
    return given.words


def version() -> str:
    """Of Onggi."""
    from runtime.engine.engine import version

    return version()


def _lead_within(name: str, noun: Noun, line: list[str]) -> int:
    if not line or line[0] in ("--help", "-h"):
        from runtime.cli import help as texts

        console.say(texts.of_noun(name, noun))
        return 0
    if line[0] not in noun.verbs:
        return _refuse(_unknown(line[0], noun.verbs, name))
    return _carry_out(f"{name} {line[0]}", noun.verbs[line[0]], line[1:])


def _carry_out(path: str, verb: Verb, line: list[str]) -> int:
    command = verb.load()
    try:
        given = command.understand(path, line)
        if given.help:
            from runtime.cli import help as texts

            console.say(texts.of_command(path, verb, command))
            return 0
        return command.act(given)
    except OnggiError as error:
        console.report(error)
        return command.ends_with(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _refuse(_told_by_the_system(error), command.failure)


def _help(words: list[str]) -> int:
    """`onggi help`, `onggi help image ls`."""
    if words:
        return _lead([*words, "--help"])
    from runtime.cli import help as texts

    console.say(texts.of_everything())
    return 0


def _refuse(error: OnggiError, code: int | None = None) -> int:
    console.report(error)
    return error.exit_code if code is None else code


NOT_YET = (
    *("compose", "node"),
    *("search", "secret", "service", "stack", "swarm"),
)
"""Docker's commands that a later version will have."""


def _unknown(word: str, known: Collection[str], noun: str) -> OnggiError:
    from difflib import get_close_matches

    path = f"{noun} {word}".strip()
    if word.startswith("-"):
        return UsageError("unknown flag: {flag}", hint="Run 'onggi --help'", flag=word)
    if path in NOT_YET:
        return InvalidInput(
            "not supported yet: onggi {path}",
            path=path,
        )
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    if near:
        meant = f"{noun} {near[0]}".strip()
        return InvalidInput(
            "unknown command: onggi {path}",
            hint="did you mean 'onggi {meant}'?",
            path=path,
            meant=meant,
        )
    help_for = f"onggi {noun}".strip()
    return InvalidInput(
        "unknown command: onggi {path}",
        hint="Run '{help_for} --help'",
        path=path,
        help_for=help_for,
    )


def _told_by_the_system(error: OSError) -> OnggiError:
    """A file or stream that the command itself could not read or write, and why."""
    if error.filename is None:
        return OnggiError("{reason}", reason=error.strerror or str(error))
    return OnggiError("{path}: {reason}", path=error.filename, reason=error.strerror)


if __name__ == "__main__":
    sys.exit(main())
