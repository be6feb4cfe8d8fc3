"""Sources: what a COPY takes from the context, as values, and a digest over them.

The digest decides whether the layer is made anew, so it holds what ends up in the layer and
nothing else: a fresh clone of the same files, or the same files touched, count as the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from runtime.dockerfile.source import Word

Kind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One thing to copy. `path` is below the context, `relative` below what COPY names ("" is
    that itself). `content` is a file's sha256 or a link's target.
    """

    path: str
    relative: str
    kind: Kind
    mode: int
    mtime_ns: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What one word of a COPY means: `files` begins with itself; directories precede contents."""

    word: Word
    name: str
    files: tuple[SourceFile, ...]

    @property
    def is_directory(self) -> bool:
        return self.files[0].kind == "directory"


def content_digest(sources: Iterable[Source]) -> str:
    """A digest over what is copied: names, kinds, modes and bytes; no times, no owners.

    A directory's own name does not count, because only its contents are copied.
    """
    facts = [
        (
            source.name if not source.is_directory else "",
            file.relative,
            file.kind,
            file.mode,
            file.content,
        )
        for source in sources
        for file in source.files
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
