"""Users: which numbers a name means, said by the container's own /etc/passwd.

    "" · "root" · "1000" · "student:staff" · "1000:1000"

Must be called inside the container's root, where no path leads to the host's files.
man 5 passwd, man 5 group; Dockerfile reference, "USER"
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import InvalidInput, NotFound

PASSWD = Path("/etc/passwd")
GROUP = Path("/etc/group")

LARGEST_NUMBER = 2**31 - 1
"""Docker's."""

LONGEST_NUMBER = 10
"""Digits; longer ones only begin with zeros, or are too large."""

LARGEST_FILE_BYTES = 10 * 1024 * 1024
"""What lies behind this in such a file is not read."""


@dataclass(frozen=True, slots=True)
class User:
    """Whom the kernel should take the process for, and where that one is at home."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


def find_user(text: str, groups: tuple[str, ...] = ()) -> User:
    """The user that `text` means, who is in `groups` besides.

    Raises NotFound for a name that the container does not know (a number needs no entry),
    InvalidInput for a number that is too large.
    """
    name, _, group = text.partition(":")
    name = name or "0"
    entry = _entry(PASSWD, name, key_field=2)
    if entry is None and not _is_number(name):
        raise NotFound(
            "no such user in the container: {name}",
            hint="create it in the Dockerfile, or give a number",
            name=name,
        )
    login = entry[0] if entry else ""
    gid = _find_group(group) if group else int(entry[3]) if entry else 0
    others = () if group else _groups_of(login)
    added = tuple(map(_find_group, groups))
    home = (entry[5] if entry else "") or "/"
    uid = int(entry[2] if entry else name)
    if max(uid, gid, *added) > LARGEST_NUMBER:
        raise InvalidInput(
            "a user or group number is larger than {largest}: {text}",
            largest=LARGEST_NUMBER,
            text=text,
        )
    return User(uid, gid, tuple(dict.fromkeys((gid, *others, *added))), home)


def _find_group(name: str) -> int:
    entry = _entry(GROUP, name, key_field=2)
    if entry is not None:
        return int(entry[2])
    if _is_number(name):
        return int(name)
    raise NotFound(
        "no such group in the container: {name}",
        hint="create it in the Dockerfile, or give a number",
        name=name,
    )


def _is_number(text: str) -> bool:
    """Digits that `int` takes: not "²", which is one to `str.isdigit`."""
    return text.isascii() and text.isdecimal()


def _is_id(text: str) -> bool:
    return _is_number(text) and len(text) <= LONGEST_NUMBER and int(text) <= LARGEST_NUMBER


def _groups_of(login: str) -> tuple[int, ...]:
    return tuple(
        int(fields[2]) for fields in _entries(GROUP, 4) if login and login in fields[3].split(",")
    )


def _entry(path: Path, wanted: str, *, key_field: int) -> list[str] | None:
    """The entry with that name, else the one with that number."""
    entries = _entries(path, 4 if path is GROUP else 7)
    by_name = (fields for fields in entries if fields[0] == wanted)
    by_number = (fields for fields in entries if fields[key_field] == wanted)
    return next(by_name, None) or next(by_number, None)


def _entries(path: Path, width: int) -> list[list[str]]:
    """The file's well-formed lines; an image without the file has none."""
    fields = (line.split(":") for line in _text(path).splitlines())
    numbers = slice(2, 3 if path is GROUP else 4)
    return [row for row in fields if len(row) >= width and all(map(_is_id, row[numbers]))]


def _text(path: Path) -> str:
    """The beginning of a file of the container, if it is a file: a named pipe would never end to
    be opened, and a device never to be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.read(descriptor, LARGEST_FILE_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)
