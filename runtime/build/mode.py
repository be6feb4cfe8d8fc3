"""Modes: what `--chmod` makes of a file's own, in octal or in chmod's letters.

    755          exactly that
    u=rwX,go=rX  letters: for whom, how (`=` set, `+` add, `-` take away), what
    +x           nobody named: for all of them

`X` is `x` for directories and for files that somebody may execute already. Rule: pure.
man 1 chmod; POSIX.1-2017, chmod, "Extended Description"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OCTAL = re.compile(r"[0-7]{3,4}")
_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<actions>(?:[-+=](?:[rwxXst]*|[ugo]))+)")
_ACTION = re.compile(r"([-+=])([rwxXst]*|[ugo])(?=[-+=]|$)")

_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_SET_ID = {"u": 0o4000, "g": 0o2000}
_STICKY = 0o1000


@dataclass(frozen=True, slots=True)
class Mode:
    """`text` is as it was written; `exact` is its number, None for letters."""

    text: str
    exact: int | None = None

    @classmethod
    def parse(cls, text: str) -> Mode | None:
        """None if it is no mode."""
        if _OCTAL.fullmatch(text):
            return cls(text, int(text, 8))
        if text and all(_CLAUSE.fullmatch(clause) for clause in text.split(",")):
            return cls(text)
        return None

    def of(self, own: int, *, is_directory: bool) -> int:
        """What it makes of the mode `own`."""
        if self.exact is not None:
            return self.exact
        for clause in self.text.split(","):
            match = _CLAUSE.fullmatch(clause)
            assert match, "a mode is made by `parse`"
            who = set(match["who"].replace("a", "ugo") or "ugo")
            for operator, letters in _ACTION.findall(match["actions"]):
                own = _changed(own, who, operator, letters, is_directory)
        return own


def _changed(own: int, who: set[str], operator: str, letters: str, is_directory: bool) -> int:
    """`own` after one action, such as `+x`."""
    bits = sum(_class_bits(own, letters, is_directory) << _SHIFTS[each] for each in who)
    if "s" in letters:
        bits |= sum(_SET_ID.get(each, 0) for each in who)
    if "t" in letters:
        bits |= _STICKY
    if operator == "-":
        return own & ~bits
    if operator == "=":
        own &= ~sum(7 << _SHIFTS[each] for each in who)
        if not is_directory:  # chmod leaves a directory's set-ID bits alone here
            own &= ~sum(_SET_ID.get(each, 0) for each in who)
    return own | bits


def _class_bits(own: int, letters: str, is_directory: bool) -> int:
    """The three bits that the letters mean for each of user, group and others."""
    if letters in _SHIFTS:  # "g=u": as another class has them
        return own >> _SHIFTS[letters] & 7
    may_execute = is_directory or bool(own & 0o111)
    plain = letters.replace("X", "x" if may_execute else "")
    return sum(_BITS[letter] for letter in set(plain) & set(_BITS))
