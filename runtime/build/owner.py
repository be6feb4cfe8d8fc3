"""Owners: which numbers `--chown=name:group` means, said by the image's own files.

man 5 passwd, man 5 group; Dockerfile reference, "COPY --chown"
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from runtime.build.tree import ImageTree
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

PASSWD = PurePosixPath("/etc/passwd")
GROUP = PurePosixPath("/etc/group")


class Owner(NamedTuple):
    """Numbers are all that the kernel and a layer know."""

    uid: int
    gid: int


ROOT = Owner(0, 0)


def find_owner(word: Word | None, tree: ImageTree) -> Owner:
    """`user`, `user:group`, as names or numbers; nothing is root.

    Without a group: a named user's own one, else the number of the user, as docker does.
    Raises DockerfileError for a name that the image does not know.
    """
    if word is None or not word.text:
        return ROOT
    user, _, group = word.text.partition(":")
    owner = _find_user(user or "0", tree.read_text(PASSWD))
    if owner is None:
        raise DockerfileError(
            "{file}:{line}:{column}: the image knows no user {name}",
            hint="create it with RUN before this line, or give a number",
            name=user,
            **word.place.facts(),
        )
    if not group:
        return owner
    gid = _find_group(group, tree.read_text(GROUP))
    if gid is None:
        raise DockerfileError(
            "{file}:{line}:{column}: the image knows no group {name}",
            hint="create it with RUN before this line, or give a number",
            name=group,
            **word.place.facts(),
        )
    return Owner(owner.uid, gid)


def _find_user(name: str, passwd: str) -> Owner | None:
    for entry in _entries(passwd):
        if entry[0] == name and entry[3:] and entry[3].isdigit():
            return Owner(int(entry[2]), int(entry[3]))
    return Owner(int(name), int(name)) if name.isdigit() else None


def _find_group(name: str, group: str) -> int | None:
    for entry in _entries(group):
        if entry[0] == name:
            return int(entry[2])
    return int(name) if name.isdigit() else None


def _entries(text: str) -> list[list[str]]:
    """The well-formed lines: at least name, password and number."""
    rows = (line.split(":") for line in text.splitlines())
    return [row for row in rows if len(row) >= 3 and row[2].isdigit()]
