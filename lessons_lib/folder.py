"""The folder of the lesson that is open: where its Dockerfiles and predictions lie.

It is `~/onggi-lessons/<lesson>`, or below `$ONGGI_LESSONS`. It is the same one in both languages
and after every restart, so a lesson can be continued where it was left.
"""

from __future__ import annotations

import os
from pathlib import Path

from lessons_lib.refusals import Refused

_open: list[Path] = []


def root() -> Path:
    """The folder above those of the lessons."""
    return Path(os.environ.get("ONGGI_LESSONS") or Path.home() / "onggi-lessons")


def enter(lesson: str) -> Path:
    """Make the lesson's folder the current one. Whoever writes there first, makes it."""
    _open[:] = [root() / lesson]
    return _open[0]


def leave() -> None:
    """Forget which lesson is open, as a restarted kernel does."""
    _open.clear()


def current() -> Path:
    """The open lesson's folder. Raises Refused before the first cell has run."""
    if not _open:
        raise Refused("folder.closed")
    return _open[0]
