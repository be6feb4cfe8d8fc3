"""Command lines, read as docker reads them: flags as values, and the parser for them.

Docker's flags are not quite argparse's: `--rm=false`, `-t=5`, `-aq`, no abbreviations, and for
`run` every word after the image belongs to the command inside, flags or not. The rules are
those of the POSIX-like parser that docker uses (github.com/spf13/pflag), in one pass.

    SWITCH  --all, -a, --all=false          WORD   --name web, --name=web
    LIST    -e A=1 -e B=2                   others are words that a reader turns into a value

Pure: this file prints nothing and knows no command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runtime.cli import units
from runtime.errors import InvalidInput


class UsageError(InvalidInput):
    """A command line that cannot be understood; docker ends with 125 then, for every command."""

    exit_code = 125


class EndsWithOne(InvalidInput):
    """Docker ends with 1 then, also where another refusal ends with 125."""


class WrongCount(EndsWithOne):
    """Too few or too many arguments."""


class Kind(NamedTuple):
    """What stands after a flag: `word` names it in the help, `read` makes the value of it or
    raises ValueError, and `refusal` is what is then said. `later`: such a flag is known, and
    refused, because what it asks for is not there yet. `elsewhere`: this host's engine does not
    have it, one that --host names may.
    """

    word: str
    read: Callable[[str], Any] = str
    refusal: str = ""
    repeats: bool = False
    later: bool = False
    elsewhere: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether no value need stand behind it."""
        return self.read is units.parse_truth


SWITCH = Kind("", units.parse_truth, "{flag} is either true or false, not {text}")
WORD = Kind("string")
LIST = Kind("list", repeats=True)
WHOLE = Kind("int", units.parse_whole, "{flag} takes a whole number, not {text}")
SIZE = Kind("bytes", units.parse_size, "{flag} takes a size such as 64m or 1g, not {text}")
CPUS = Kind("decimal", units.parse_cpus, "{flag} takes a number such as 0.5 or 2, not {text}")


def elsewhere(kind: Kind) -> Kind:
    """The same for a flag that only engines elsewhere may have."""
    return kind._replace(elsewhere=True)


class Flag(NamedTuple):
    """One flag. `short` is its letter or "". Without being given it is False, [] or `default`."""

    long: str
    short: str
    kind: Kind
    help: str
    default: Any = None

    @property
    def name(self) -> str:
        """The attribute of `Given` that holds the value: "no-trunc" → "no_trunc"."""
        return self.long.replace("-", "_")

    def absent(self) -> Any:
        """The value of a flag that was not given."""
        if self.kind.repeats:
            return []
        return bool(self.default) if self.kind.is_switch else self.default


HELP = Flag("help", "", SWITCH, "Print usage")


class Given:
    """What a command line said: `words`, and each flag as an attribute."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.words: list[str] = []
        self.elsewhere: list[str] = []
        """Flags among them that only engines elsewhere may have."""
        self.values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def parse(flags: Sequence[Flag], line: Sequence[str], *, interspersed: bool = True) -> Given:
    """Sort `line` into flags and words.

    Not `interspersed`: the first word ends the flags, what follows is kept as it is.
    Raises UsageError: an unknown flag, a value that is missing or not of its kind.
    """
    return _Reading((*flags, HELP), line).finish(interspersed)


class _Reading:
    """One pass over a command line."""

    def __init__(self, flags: Sequence[Flag], line: Sequence[str]) -> None:
        self.by_long = {flag.long: flag for flag in flags}
        self.by_short = {flag.short: flag for flag in flags if flag.short}
        self.rest = list(line)
        self.given = Given({flag.name: flag.absent() for flag in flags})

    def finish(self, interspersed: bool) -> Given:
        while self.rest:
            word = self.rest.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                self._long(word[2:])
            elif word.startswith("-") and word != "-":
                self._shorts(word[1:])
            else:
                self.given.words.append(word)
                if not interspersed:
                    break
        self.given.words += self.rest
        return self.given

    def _long(self, text: str) -> None:
        name, equals, value = text.partition("=")
        flag = self.by_long.get(name)
        if flag is None:
            raise self._unknown(name)
        self._take(flag, f"--{name}", value if equals else None)

    def _shorts(self, letters: str) -> None:
        """`-aq`, `-t5`, `-t=5`, `-t 5`: letters are switches up to one that takes a value."""
        for at, letter in enumerate(letters, start=1):
            flag = self.by_short.get(letter)
            if flag is None:
                raise UsageError(
                    "unknown flag: {letter} in {flag}", letter=repr(letter), flag=f"-{letters}"
                )
            after = letters[at:]
            if after.startswith("=") or (after and not flag.kind.is_switch):
                return self._take(flag, f"-{letter}", after.removeprefix("="))
            self._take(flag, f"-{letter}", None)
        return None

    def _take(self, flag: Flag, written: str, text: str | None) -> None:
        """Read the value that stands behind "=", or the next word; a switch needs neither."""
        if flag.kind.later:
            raise UsageError("not supported yet: {flag}", flag=written)
        if flag.kind.elsewhere:
            self.given.elsewhere.append(written)
        if text is None and flag.kind.is_switch:
            text = "true"
        if text is None:
            if not self.rest:
                raise UsageError("a value is missing after {flag}", flag=written)
            text = self.rest.pop(0)
        try:
            value = flag.kind.read(text)
        except ValueError as error:
            raise UsageError(flag.kind.refusal, flag=written, text=repr(text)) from error
        if flag.kind.repeats:
            self.given.values[flag.name].append(value)
        else:
            self.given.values[flag.name] = value

    def _unknown(self, name: str) -> UsageError:
        # Imported here: only a mistyped flag pays for it.
        from difflib import get_close_matches

        near = get_close_matches(name, self.by_long, n=1)
        if not near:
            return UsageError("unknown flag: {flag}", flag=f"--{name}")
        return UsageError(
            "unknown flag: {flag}", hint="did you mean --{near}?", flag=f"--{name}", near=near[0]
        )
