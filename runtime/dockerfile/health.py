"""HEALTHCHECK: how to see whether a container is well.

    HEALTHCHECK --interval=30s --timeout=5s CMD curl -f http://localhost/
    HEALTHCHECK NONE        forgets the base image's

The values go into the image's config; whoever runs the image may act on them. Durations are
Go's: `1m30s`, `500ms`. BuildKit's frontend/dockerfile/instructions, parseHealthcheck;
https://pkg.go.dev/time#ParseDuration
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from runtime.dockerfile.instruction import ExecForm, HealthCheck
from runtime.dockerfile.source import Word
from runtime.dockerfile.statement import Statement, read_command
from runtime.errors import DockerfileError

DURATIONS = ("interval", "timeout", "start-period", "start-interval")
SMALLEST_NS = 1_000_000
"""Docker refuses shorter durations; 0 means its default."""

LONGEST_DURATION = 100
"""Characters; of thousands of digits the pattern would be tried from each of them on."""

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LARGEST_NS = 2**63 - 1


def read_health_check(statement: Statement) -> HealthCheck:
    """The whole instruction. Raises DockerfileError."""
    flags = statement.read_flags((*DURATIONS, "retries"))
    statement.require_rest("HEALTHCHECK CMD command")
    kind, *more = statement.words
    if kind.text.upper() == "NONE" and not more:
        return HealthCheck(**statement.head, command=None)
    start = statement.rest.text.find(kind.text) + len(kind.text)
    rest = statement.rest.text[start:]
    offset = start + len(rest) - len(rest.lstrip())
    command = replace(
        statement,
        rest=statement.word(offset, len(statement.rest.text)),
        start=statement.start + offset,
    )
    if kind.text.upper() != "CMD" or not more or (form := read_command(command)) == ExecForm(()):
        raise DockerfileError(
            "{file}:{line}:{column}: HEALTHCHECK takes CMD and a command, or NONE alone",
            hint="HEALTHCHECK CMD command",
            **statement.rest.place.facts(),
        )
    times: dict[str, Any] = {
        f"{name.replace('-', '_')}_ns": _duration(flags[name])
        for name in DURATIONS
        if name in flags
    }
    retries = _retries(flags["retries"]) if "retries" in flags else 0
    return replace(HealthCheck(**statement.head, command=form, retries=retries), **times)


def parse_duration(text: str) -> int | None:
    """Nanoseconds of a duration that is not negative; None if it is none."""
    from decimal import Decimal  # slow to import, and seldom needed

    text = text.removeprefix("+")
    if text == "0":
        return 0
    if len(text) > LONGEST_DURATION:
        return None
    parts = [*_PART.finditer(text)]
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    total = sum(int(Decimal(part[1]) * _UNITS_NS[part[2]]) for part in parts)
    return total if total <= _LARGEST_NS else None


def _duration(word: Word) -> int:
    nanoseconds = parse_duration(word.text)
    if nanoseconds is None or 0 < nanoseconds < SMALLEST_NS:
        raise DockerfileError(
            "{file}:{line}:{column}: not a duration: {text}",
            hint="write it with a unit, such as 30s or 1m30s; the shortest is 1ms",
            text=word.text,
            **word.place.facts(),
        )
    return nanoseconds


def _retries(word: Word) -> int:
    if not re.fullmatch(r"\+?\d{1,9}", word.text, re.ASCII):
        raise DockerfileError(
            "{file}:{line}:{column}: the number of retries cannot be {text}",
            hint="it is a whole number from 0 upwards",
            text=word.text,
            **word.place.facts(),
        )
    return int(word.text)
