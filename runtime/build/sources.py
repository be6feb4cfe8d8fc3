"""Sources: what a COPY takes, as values, and a digest over them.

They come from the context, an image's layers, an unpacked archive or the Dockerfile itself;
each source brings what opens its files.

The digest decides whether the layer is made anew, so it holds what ends up in the layer and
nothing else: a fresh clone of the same files, or the same files touched, count as the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from runtime.build.step import Document
from runtime.dockerfile.ignore import Ignore
from runtime.dockerfile.source import Word

Kind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One thing to copy. `path` is where its reader finds it, `relative` below what COPY names
    ("" is that itself). `content` is a file's sha256 or a link's target. `owner` None: root.
    """

    path: str
    relative: str
    kind: Kind
    mode: int
    mtime_ns: int
    content: str = ""
    owner: tuple[int, int] | None = None
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


class Reader(Protocol):
    """Opens the files of a source."""

    def open_file(self, path: str) -> int:
        """A descriptor to read the file at `path`, which is a `SourceFile`'s."""


class Files(Reader, Protocol):
    """Where COPY looks: the context, or the files of an image."""

    def find(self, words: Iterable[Word]) -> tuple[Source, ...]:
        """What the words name, wildcards expanded. Raises DockerfileError, with the place."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one word of a COPY means: `files` begins with itself; directories precede contents.

    `path` is how it was named, from the top of where it comes from: wildcards are expanded, links
    are not followed.
    """

    word: Word
    name: str
    files: tuple[SourceFile, ...]
    reader: Reader
    path: str = ""

    @property
    def is_directory(self) -> bool:
        return self.files[0].kind == "directory"

    def kept_path(self) -> str:
        """What `--parents` keeps of the path: all of it, or what stands behind a `/./`."""
        before, pivot, _ = self.word.text.partition("/./")
        parents = posixpath.normpath(before).strip("/").split("/") if pivot else []
        skipped = len([part for part in parents if part not in ("", ".")])
        return "/".join(self.path.strip("/").split("/")[skipped:])

    def without(self, excludes: Ignore) -> Source:
        """The same, but for excluded files: by their paths in a directory, else by name."""
        own, *below = self.files
        if not self.is_directory:
            return replace(self, files=() if excludes.ignores(self.name) else self.files)
        kept = (each for each in below if not excludes.ignores(each.relative))
        return replace(self, files=(own, *kept))


def content_digest(sources: Iterable[Source], *, parents: bool = False) -> str:
    """A digest over what is copied: names, kinds, modes and bytes; no times.

    A directory's own name does not count, because only its contents are copied, unless `parents`
    are kept.
    """
    facts = [
        (
            source.kept_path() if parents else "" if source.is_directory else source.name,
            file.relative,
            file.kind,
            file.mode,
            file.content,
            file.owner,
            {name: value.hex() for name, value in file.xattrs.items()},
        )
        for source in sources
        for file in source.files
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Documents:
    """The reader of here-documents: there is nothing to find, only bytes to give."""

    contents: Mapping[str, bytes]

    def open_file(self, path: str) -> int:
        """A descriptor of a file in memory that holds the document. man 2 memfd_create"""
        descriptor = os.memfd_create(path)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(self.contents[path])
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor


def document_sources(documents: Iterable[Document]) -> tuple[Source, ...]:
    """Here-documents as sources: plain files of mode 644, as old as the build."""
    return tuple(
        Source(each.word, each.name, (_document_file(each),), Documents({each.name: each.content}))
        for each in documents
    )


def _document_file(document: Document) -> SourceFile:
    digest = hashlib.sha256(document.content).hexdigest()
    return SourceFile(document.name, "", "file", 0o644, time.time_ns(), digest)
