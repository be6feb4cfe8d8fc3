"""What users write, as the engine's values: commands, variables, labels, signals, sizes.

Pure: each function parses, or raises InvalidInput with an example of what would be right.
"""

from __future__ import annotations

import math
import re
import shlex
import signal as signals
from collections.abc import Iterable, Mapping

from runtime.errors import InvalidInput

Command = str | Iterable[str] | None
Environment = Mapping[str, str] | Iterable[str] | None

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)  # "int" takes no more than 4300 digits
_POWER = {letter: power for power, letter in enumerate(("", "k", "m", "g", "t", "p"))}


def as_arguments(command: Command) -> tuple[str, ...]:
    """A command as argv; a text is split as a shell would, without its expansions.

    Raises InvalidInput for an unfinished quotation.
    """
    if command is None:
        return ()
    if not isinstance(command, str):
        return tuple(map(str, command))
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidInput(
            "the command cannot be split into words: {command}: {reason}",
            hint="close the quotation, or give a list of words",
            command=command,
            reason=str(error),
        ) from error


def as_environment(variables: Environment) -> tuple[str, ...]:
    """Variables as NAME=value entries. Raises InvalidInput for an entry without a name."""
    if isinstance(variables, Mapping):
        variables = [f"{name}={value}" for name, value in variables.items()]
    entries = tuple(variables or ())
    for entry in entries:
        if not entry.partition("=")[0] or "=" not in entry or "\0" in entry:
            raise InvalidInput(
                "not an environment variable: {entry!r}",
                hint="write NAME=value",
                entry=entry,
            )
    return entries


def as_labels(labels: Mapping[str, str] | Iterable[str] | None) -> dict[str, str]:
    """Labels as a mapping; a bare name gets an empty value. Raises InvalidInput without a name."""
    if labels is None or isinstance(labels, Mapping):
        found = {str(name): str(value) for name, value in (labels or {}).items()}
    else:
        found = dict(entry.partition("=")[::2] for entry in labels)
    if any(not name.strip() for name in found):
        raise InvalidInput("invalid label: its name is empty", hint="write name=value")
    return found


def as_text(value: object) -> str:
    """A text, or a number as one (`user=1000`)."""
    return str(value)


def is_whole(text: str) -> bool:
    """Whether `int` takes it, and everybody else: not " 7", "1_000" or "７"."""
    return _WHOLE.fullmatch(text) is not None


def as_whole(value: str | int) -> int:
    """A whole number. Raises InvalidInput."""
    if not isinstance(value, bool | float) and is_whole(str(value)):
        return int(value)
    raise InvalidInput(
        "not a whole number: {text!r}", hint="for example: 10", text=str(value)[:100]
    )


def signal_number(signal: str | int) -> int:
    """SIGTERM, TERM or 15 → 15. Raises InvalidInput."""
    text = str(signal).upper()
    name = text if text.startswith("SIG") else "SIG" + text
    known = {each.name: each.value for each in signals.Signals}
    number = int(text) if is_whole(text) else known.get(name, 0)
    if not 1 <= number <= 64:
        raise InvalidInput(
            "no such signal: {signal}", hint="for example: SIGTERM, KILL, 9", signal=signal
        )
    return number


def as_bytes(size: str | int | None) -> int:
    """64m, 1.5g, 512KiB or a number → bytes; None → 0. A letter means a power of 1024."""
    if size is None or isinstance(size, int):
        return size or 0
    shape = _SIZE.fullmatch(size.strip())
    number = float(shape[1]) * 1024 ** _POWER[shape[2].lower()] if shape else math.inf
    if math.isinf(number):
        raise InvalidInput("not a size: {text!r}", hint="for example: 64m, 1.5g", text=size[:100])
    return int(number)
