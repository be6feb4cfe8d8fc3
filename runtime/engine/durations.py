"""Times as people say them, in docker's words and with docker's rounding.

Pure: the clock's reading comes in as an argument. github.com/docker/go-units, duration.go
"""

from __future__ import annotations

import re

MINUTE, HOUR, DAY = 60, 3600, 86400
LAST_NS = 2**63 - 1
"""The last moment that is counted in nanoseconds: in the year 2262."""


def human_duration(seconds: float) -> str:
    """How long, in one unit: 3 → "3 seconds", 4000 → "About an hour"."""
    whole, hours = int(seconds), int(seconds / HOUR + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole < MINUTE:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if whole < HOUR:
        return "About a minute" if whole < 2 * MINUTE else f"{whole // MINUTE} minutes"
    if hours <= 1:
        return "About an hour"
    for limit_days, unit_hours, name in ((2, 1, "hours"), (14, 24, "days"), (60, 168, "weeks")):
        if hours < limit_days * 24:
            return f"{hours // unit_hours} {name}"
    days = hours // 24
    return f"{days // 30} months" if days < 730 else f"{int(seconds / DAY) // 365} years"


def moment_ns(text: str, now_ns: int) -> int:
    """Nanoseconds since 1970 of a moment that a filter names: seconds since 1970, RFC 3339 (a
    date is enough; without a zone it is this host's), or how long ago (10m, 1h30m).

    Raises ValueError.
    """
    from datetime import datetime

    from runtime.dockerfile.health import parse_duration

    if re.fullmatch(r"\d+(\.\d{1,9})?", text, re.ASCII):
        whole, _, fraction = text.partition(".")
        moment = int(whole) * 10**9 + int(fraction.ljust(9, "0"))
        if moment > LAST_NS:
            raise ValueError(text)
        return moment
    if (ago := parse_duration(text)) is not None:
        return now_ns - ago
    shape = re.fullmatch(
        r"(\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d){1,2})?)(?:\.(\d{1,9}))?(.*)", text, re.ASCII
    )
    if shape is None:
        raise ValueError(text)
    date = datetime.fromisoformat(shape[1] + shape[3].replace("Z", "+00:00"))
    return int(date.timestamp()) * 10**9 + int((shape[2] or "").ljust(9, "0"))
