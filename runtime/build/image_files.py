"""The files of an image as sources of COPY --from, and of an archive that ADD has unpacked.

They are read out of the layers (`tree`), which never change. A path is followed as a container
of that image would follow it; links inside of a copied directory are copied as links. Unlike
the context's, these files have owners and attributes that mean something: they are kept.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from runtime.build.sources import Kind, Source, SourceFile
from runtime.build.tree import Directory, Entry, ImageTree, Resolved
from runtime.dockerfile.ignore import ANY_DEPTH, has_wildcard, path_pattern
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError, UnsafePath
from runtime.layer.entry import is_content

_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
}


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """What `tree` shows; `name` is what the Dockerfile calls it."""

    tree: ImageTree
    name: str

    def find(self, words: Iterable[Word]) -> tuple[Source, ...]:
        """The sources of a COPY, wildcards expanded. Raises DockerfileError, with the place."""
        words = tuple(words)
        sources = tuple(source for word in words for source in self._find(word))
        if not sources:
            raise self._nothing(words[0], " ".join(word.text for word in words))
        return sources

    def open_file(self, path: str) -> int:
        """A descriptor to read the file at `path`, which holds no link."""
        entry = self.tree.resolve(PurePosixPath(path), follow_last=False).entry
        assert entry, "layers do not change"
        return os.open(entry.host, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def whole(self, word: Word) -> Source:
        """All there is, as one source."""
        return self._source(word, "", self.tree.resolve(PurePosixPath("/")))

    def directory(self, word: Word) -> Directory | None:
        """The directory that a path without wildcards names; None if it is something else."""
        entry = self._resolve(posixpath.join("/", word.text), word).entry
        return entry.directory if entry else None

    def _resolve(self, path: str, word: Word) -> Resolved:
        """Where a path leads. Raises DockerfileError when there is nothing."""
        try:
            found = self.tree.resolve(PurePosixPath(posixpath.normpath(path)))
        except (NotADirectoryError, UnsafePath):
            raise self._nothing(word, path) from None
        if found.entry is None:
            raise self._nothing(word, path)
        return found

    def _find(self, word: Word) -> Iterator[Source]:
        path = posixpath.normpath("/" + word.text.lstrip("/"))
        for each in self._matches(path):
            source = self._source(word, posixpath.basename(each), self._resolve(each, word))
            yield replace(source, path=each)

    def _matches(self, path: str) -> Iterator[str]:
        """The paths that a pattern matches; one without wildcards is itself."""
        if has_wildcard(path):
            yield from self._glob("/", path.strip("/").split("/"))
        else:
            yield path

    def _glob(self, directory: str, parts: list[str]) -> Iterator[str]:
        pattern, *rest = parts
        if pattern == ANY_DEPTH and rest:
            yield from self._glob(directory, rest)
            pattern, rest = "*", parts
        try:
            regex = path_pattern(pattern)
            entry = self.tree.resolve(PurePosixPath(directory)).entry
        except (NotADirectoryError, UnsafePath, re.error):  # it matches nothing
            return
        names = self.tree.names(entry.directory) if entry and entry.directory else []
        for name in filter(regex.fullmatch, names):
            path = posixpath.join(directory, name)
            yield from self._glob(path, rest) if rest else (path,)

    def _source(self, word: Word, name: str, found: Resolved) -> Source:
        assert found.entry
        return Source(word, name, tuple(self._walk(found.path, "", found.entry, word)), self)

    def _walk(
        self, path: PurePosixPath, relative: str, entry: Entry, word: Word
    ) -> Iterator[SourceFile]:
        """An entry and all below it, directories before what is in them."""
        yield _described(path, relative, entry, word)
        for name in self.tree.names(entry.directory) if entry.directory else ():
            below = self.tree.resolve(path / name, follow_last=False).entry
            assert below, "names lists what is there"
            yield from self._walk(path / name, posixpath.join(relative, name), below, word)

    def _nothing(self, word: Word, path: str) -> DockerfileError:
        return DockerfileError(
            "{file}:{line}:{column}: there is no {path} in {origin}",
            hint="paths are those of the image: they begin at its /",
            path=path,
            origin=self.name,
            **word.place.facts(),
        )


def _described(path: PurePosixPath, relative: str, entry: Entry, word: Word) -> SourceFile:
    status = entry.status
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise DockerfileError(
            "{file}:{line}:{column}: {path} is a socket, a pipe or a device",
            hint="only files, directories and links can be copied",
            path=path,
            **word.place.facts(),
        )
    content = ""
    if kind == "symlink":
        content = str(entry.host.readlink())
    elif kind == "file":
        with entry.host.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    attributes = {
        name: os.getxattr(entry.host, name, follow_symlinks=False)
        for name in os.listxattr(entry.host, follow_symlinks=False)
        if is_content(name) and kind == "file"
    }
    return SourceFile(
        path=str(path),
        relative=relative,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        mtime_ns=status.st_mtime_ns,
        content=content,
        owner=(status.st_uid, status.st_gid),
        xattrs=attributes,
    )
