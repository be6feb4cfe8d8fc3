"""Uses: how often builds used something that is kept for them, and when.

<place>/meta.json   written once: as old as the thing
<place>/uses        a byte for each use: several builds may add theirs at once
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Uses:
    """Times in nanoseconds since 1970."""

    made_ns: int
    last_ns: int
    count: int


def note_use(place: Path) -> None:
    """One more use, now. Raises FileNotFoundError when the thing has been removed."""
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(place / "uses", how, 0o600)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)


def uses_of(place: Path) -> Uses:
    """All of them until now. Raises FileNotFoundError when the thing has been removed."""
    made_ns = (place / "meta.json").stat().st_mtime_ns
    try:
        uses = (place / "uses").stat()
    except FileNotFoundError:  # made by an Onggi that did not count
        return Uses(made_ns, made_ns, 0)
    return Uses(made_ns, uses.st_mtime_ns, uses.st_size)
