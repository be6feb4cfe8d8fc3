"""Seals: the proof that somebody has read both languages of a unit side by side.

A seal is a short hash of one language's text, kept in the unit's first line. As long as both
hashes fit, the two texts are the ones that were compared. When one text changes, its seal
breaks, and the other language has to be looked at before the build goes on.

    <!-- prose: question ko=3f9a1c2b en=88aa01cc -->
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish.source import Lesson, Prose

_OTHER: dict[Language, Language] = {"ko": "en", "en": "ko"}


def seal(text: str) -> str:
    """The first 32 bits of the text's SHA-256: enough to notice a change, short enough to read."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def broken(lesson: Lesson) -> Iterator[str]:
    """One sentence for each unit whose languages were not compared in their present form."""
    for unit in _prose(lesson):
        changed = [name for name in LANGUAGES if unit.seals[name] != seal(unit.text[name])]
        if not changed:
            continue
        where = f"notebooks/source/{lesson.name}.md:{unit.line}: “{unit.key}”"
        if not any(unit.seals.values()):
            yield f"{where}: nobody has compared its two languages yet"
        elif len(changed) == 1:
            yield f"{where}: {changed[0]} has changed; look at {_OTHER[changed[0]]}"
        else:
            yield f"{where}: both languages have changed; compare them"


def bless(text: str, lesson: Lesson, keys: Collection[str] = ()) -> str:
    """The source `text` of `lesson` with fitting seals on the units `keys` (none: on all).

    Raises KeyError, with its name, for a key that is no prose of this lesson.
    """
    units = {unit.key: unit for unit in _prose(lesson)}
    lines = text.split("\n")
    for key in keys or units:
        unit = units[key]
        seals = " ".join(f"{name}={seal(unit.text[name])}" for name in LANGUAGES)
        lines[unit.line - 1] = f"<!-- prose: {key} {seals} -->"
    return "\n".join(lines)


def _prose(lesson: Lesson) -> Iterator[Prose]:
    return (unit for unit in lesson.units if isinstance(unit, Prose))
