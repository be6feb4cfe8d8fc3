"""Where a copy goes: docker's rules for `cp`, without looking at any file.

    SRC is a file       DEST is there, a file          it is replaced
                        DEST is there, a directory     DEST/SRC's name
                        DEST is not there              it becomes DEST; not if that ends with /
    SRC is a directory  DEST is there, a file          refused
                        DEST is there, a directory     DEST/SRC's name; with SRC/. what is in it
                        DEST is not there              it becomes DEST

What is copied travels as a tar, whose names all begin with that of SRC. So the answer is a
directory to unpack in, and the name to write there instead.

Pure: moby pkg/archive/copy.go, PrepareArchiveCopy; docker cp, "Extended description"
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from runtime.errors import Conflict, NotFound
from runtime.layer.entry import Entry, EntryKind


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a copy: its path as it was written, and what is there."""

    path: str
    exists: bool
    is_directory: bool = False

    @property
    def asserts_directory(self) -> bool:
        """Whether the path itself says that it is a directory."""
        return self.path.endswith(("/", "/.")) or self.path in (".", "..")

    def split(self) -> tuple[str, str]:
        """The directory and the name in it; `DIR/.` is the name "." in DIR."""
        if self.path.endswith("/.") or self.path == ".":
            return posixpath.normpath(self.path), "."
        directory, base = posixpath.split(posixpath.normpath(self.path))
        return directory or ".", base or "."


@dataclass(frozen=True, slots=True)
class Plan:
    """Unpack in `directory`, with `name` where the tar says `old_name`."""

    directory: str
    old_name: bytes
    name: bytes

    def rename(self, entry: Entry) -> Entry:
        """The entry under its new name; so is the first name of a hard link."""
        renamed = replace(entry, name=self._renamed(entry.name))
        if entry.kind is EntryKind.HARD_LINK:
            return replace(renamed, link=self._renamed(entry.link))
        return renamed

    def _renamed(self, name: bytes) -> bytes:
        rest = name[len(self.old_name) :] if name.startswith(self.old_name) else b"/" + name
        return self.name + rest


def plan_copy(source: Place, tar_name: str, destination: Place) -> Plan:
    """Where a tar of `source` goes, whose names begin with `tar_name`.

    Raises Conflict for a directory onto a file, NotFound for a directory that is not there.
    """
    directory, name = destination.split()
    if destination.exists and destination.is_directory:
        directory, name = destination.path, source.split()[1]
    elif destination.exists and source.is_directory:
        raise Conflict("a directory cannot be copied onto a file: {path}", path=destination.path)
    elif not source.is_directory and destination.asserts_directory:
        raise NotFound(
            "no such directory: {path}",
            hint="without the slash at its end it would become a file of that name",
            path=destination.path,
        )
    old_name, new_name = (each.encode(errors="surrogateescape") for each in (tar_name, name))
    return Plan(directory, old_name, new_name)
