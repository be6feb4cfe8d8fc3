"""Sizes and times between what people write and what the engine counts.

Pure: the clock's reading comes in as an argument. The wording and the rounding are docker's
(github.com/docker/go-units), so that a table reads the same whichever of the two prints it.
"""

from __future__ import annotations

import re
from datetime import datetime


def human_size(size_bytes: float, digits: int = 4) -> str:
    """Decimal units, at most `digits` significant digits: 4260000 → "4.26MB"."""
    return _size(size_bytes, 1000, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), digits)


def binary_size(size_bytes: float) -> str:
    """Powers of 1024, as memory is counted: 4194304 → "4MiB"."""
    return _size(size_bytes, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"), 4)


def _size(size: float, base: int, units: tuple[str, ...], digits: int) -> str:
    unit = 0
    while size >= base and unit < len(units) - 1:
        size /= base
        unit += 1
    return f"{size:.{digits}g}{units[unit]}"


def human_ago(then: datetime | None, now: datetime) -> str:
    """ "5 seconds ago"; "N/A" for a moment that nobody recorded."""
    from runtime.engine.durations import human_duration  # a help text must not load the engine

    return f"{human_duration((now - then).total_seconds())} ago" if then else "N/A"


def local_time(moment: datetime, fraction: str = "") -> str:
    """ "2026-01-31 12:00:00 +0900 KST", as Go prints a time; `fraction` as `fraction_of` says."""
    return moment.astimezone().strftime(f"%Y-%m-%d %H:%M:%S{fraction} %z %Z")


def fraction_of(timestamp: str) -> str:
    """What an RFC 3339 moment has below a second, ".25", without zeros at its end."""
    found = re.search(r"\.\d*[1-9]", timestamp)
    return found.group() if found else ""


def parse_time(text: str | None) -> datetime | None:
    """An RFC 3339 moment as the engine writes it; None for no moment and for Go's zero time.

    Go writes nanoseconds, Python reads microseconds: the rest is cut off.
    """
    if not text or text.startswith("0001-01-01"):
        return None
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text)
    return datetime.fromisoformat(cut.replace("Z", "+00:00"))


def parse_size(text: str) -> int:
    """Bytes from "64m", "1.5g", "512k" or "1024": binary units, as `--memory` counts.

    Raises ValueError.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)(?:i?b)?", text, re.IGNORECASE)
    if not match:
        raise ValueError(text)
    power = "kmgtp".find(match[2].lower()) + 1 if match[2] else 0
    return int(float(match[1]) * 1024**power)


def parse_swap(text: str) -> int:
    """Memory and swap together: a size, or -1 for no limit. Raises ValueError."""
    return -1 if text == "-1" else parse_size(text)


def parse_duration(text: str) -> int:
    """Nanoseconds of Go's durations, such as "1m30s"; not negative. Raises ValueError."""
    from runtime.dockerfile import health  # seldom wanted

    nanoseconds = health.parse_duration(text)
    if nanoseconds is None:
        raise ValueError(text)
    return nanoseconds


def parse_cpus(text: str) -> float:
    """A number of CPUs such as "0.5" or "2". Raises ValueError."""
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text, re.ASCII):
        raise ValueError(text)
    return float(text)


def parse_whole(text: str) -> int:
    """A whole number, negative ones too. Raises ValueError."""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):  # int() also reads " 7", "1_000", "７"
        raise ValueError(text)
    return int(text)


def parse_truth(text: str) -> bool:
    """Go's truth values: 1, t, T, true, True, TRUE and their opposites. Raises ValueError."""
    if text in ("1", "t", "T", "true", "True", "TRUE"):
        return True
    if text in ("0", "f", "F", "false", "False", "FALSE"):
        return False
    raise ValueError(text)
