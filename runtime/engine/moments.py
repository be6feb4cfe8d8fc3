"""Points in time as docker's --since, --until and SDK write them → nanoseconds since 1970.

    2026-11-23T21:41:05.123456789Z · 2026-11-23T21:41 · 2026-11-23 · 1795470065.25 · 10m · 1h30m

Without a zone a date is the local one. Pure but for that. Go: time.ParseDuration
"""

from __future__ import annotations

import re
from datetime import datetime

from runtime.engine.durations import LAST_NS
from runtime.errors import InvalidInput

Moment = datetime | int | float | str

_DURATION = re.compile(r"-?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_UNIT_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_SECONDS = re.compile(r"(\d+)(?:\.(\d{1,9}))?")
LONGEST = 100
"""Characters of a moment: a client may send thousands of digits."""
_FRACTION = re.compile(r"(T\d\d:\d\d:\d\d)\.(\d{1,9})")


def as_nanoseconds(moment: Moment, now_ns: int) -> int:
    """A duration is so long before `now_ns`. Raises InvalidInput."""
    found = _nanoseconds(moment, now_ns)
    if abs(found) > LAST_NS:
        raise _no_moment(str(moment))
    return found


def _nanoseconds(moment: Moment, now_ns: int) -> int:
    if isinstance(moment, datetime):
        return round(moment.timestamp() * 10**6) * 10**3
    if isinstance(moment, int):
        return moment * 10**9
    if isinstance(moment, float):
        return round(moment * 10**9)
    if len(moment) > LONGEST:
        raise _no_moment(moment)
    if shape := _SECONDS.fullmatch(moment):
        return int(shape[1]) * 10**9 + int((shape[2] or "").ljust(9, "0"))
    if _DURATION.fullmatch(moment):
        length = sum(round(float(n) * _UNIT_NS[unit]) for n, unit in _PART.findall(moment))
        return now_ns + length if moment.startswith("-") else now_ns - length
    return _from_date(moment)


def _from_date(text: str) -> int:
    """datetime knows microseconds only, a log's times are finer."""
    fraction = _FRACTION.search(text)
    try:
        whole = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
        seconds = round(whole.timestamp())
    except (ValueError, OverflowError, OSError) as error:
        raise _no_moment(text) from error
    return seconds * 10**9 + int((fraction[2] if fraction else "").ljust(9, "0"))


def _no_moment(text: str) -> InvalidInput:
    return InvalidInput(
        "not a point in time: {text!r}",
        hint="for example: 10m, 2026-11-23T21:41:05Z, or seconds since 1970",
        text=text[:LONGEST],
    )
