"""What a command is: how it is called, which flags it takes, what it does, how it explains itself.

A command is declared on top of the function that carries it out and returns the exit code:

    @command("[OPTIONS] CONTAINER [CONTAINER...]", Flag("force", "f", SWITCH, "…"), least=1)
    def rm(given: Given) -> int:

Which words lead to it stands in commands.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from runtime.cli.flags import EndsWithOne, Flag, Given, UsageError, WrongCount, parse
from runtime.errors import OnggiError

SEE_HELP = "Usage:  {usage}\nRun 'onggi {path} --help' for more information"


class Command(NamedTuple):
    """`least` and `most` count words (`most` None: any number). Not `interspersed`: the first
    word ends the flags. `failure` is the exit code when the engine refuses.
    """

    usage: str
    flags: tuple[Flag, ...]
    act: Callable[[Given], int]
    least: int = 0
    most: int | None = None
    interspersed: bool = True
    failure: int = 1

    def understand(self, path: str, line: Sequence[str]) -> Given:
        """The flags and words of `line`; `path` is how the command was called ("image ls").

        Raises UsageError and WrongCount; their hint is the usage.
        """
        usage = f"onggi {path} {self.usage}".rstrip()
        try:
            given = parse(self.flags, line, interspersed=self.interspersed)
        except UsageError as error:
            hint = "\n".join(filter(None, (error.hint_template, SEE_HELP)))
            facts = {**error.facts, "usage": usage, "path": path}
            raise UsageError(error.template, hint=hint, **facts) from error
        if given.elsewhere:
            refuse_here(given.elsewhere[0])
        count = len(given.words)
        if not given.help and (count < self.least or (self.most is not None and count > self.most)):
            facts = {"usage": usage, "path": path, "least": self.least, "most": self.most}
            raise WrongCount(self._count_refusal(), hint=SEE_HELP, **facts)
        return given

    def _count_refusal(self) -> str:
        if self.most == 0:
            return "'onggi {path}' takes no arguments"
        if self.most is None:
            return "'onggi {path}' needs at least {least} argument(s)"
        if self.most == self.least:
            return "'onggi {path}' needs exactly {least} argument(s)"
        return "'onggi {path}' takes at most {most} argument(s)"

    def ends_with(self, error: OnggiError) -> int:
        """The exit code for `error`: its own if it has one (125, 126, 127), else `failure`."""
        if isinstance(error, EndsWithOne) or error.exit_code != 1:
            return error.exit_code
        return self.failure


def refuse_here(flag: str) -> None:
    """Raises UsageError for a flag that this host's engine does not have, if that is meant."""
    from runtime.cli import connection

    if connection.address() is None:
        raise UsageError("not supported yet: {flag}", flag=flag)


def command(
    usage: str,
    *flags: Flag,
    least: int = 0,
    most: int | None = None,
    interspersed: bool = True,
    failure: int = 1,
) -> Callable[[Callable[[Given], int]], Command]:
    """Make a command of the function below."""

    def made(act: Callable[[Given], int]) -> Command:
        return Command(usage, flags, act, least, most, interspersed, failure)

    return made
