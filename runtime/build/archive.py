"""Archives: what ADD unpacks, and what it takes for a plain file.

Not the name decides but the bytes, as with docker: a tar, plain or compressed with gzip, bzip2
or xz, that has at least one entry. A compressed file that holds no tar stays as it is.
Dockerfile reference, "ADD"
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from runtime.build.sources import Source
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError, InvalidInput, UnsafePath
from runtime.layer.apply import apply_layer
from runtime.layer.reader import entries

_OPENERS: tuple[tuple[bytes, Callable[[BinaryIO], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError)


def is_archive(source: Source) -> bool:
    """Whether ADD unpacks this source. Only a file as such can be one, not one in a directory."""
    if source.files[0].kind != "file":
        return False
    with _opened(source) as tar:
        try:
            return next(entries(tar), None) is not None
        except (InvalidInput, *_DAMAGE):
            return False


def unpack_archive(source: Source, target: Path) -> None:
    """Unpack the archive into the empty directory `target` and nowhere else.

    Raises DockerfileError when it is damaged, or tries to write elsewhere.
    """
    with _opened(source) as tar:
        try:
            apply_layer(tar, target)
        except (InvalidInput, UnsafePath, *_DAMAGE) as cause:
            raise _refused(source.word, cause) from cause


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """The tar in the file, uncompressed."""
    with os.fdopen(source.reader.open_file(source.files[0].path), "rb") as file:
        magic = file.peek(6)
        decompress = next((each for begin, each in _OPENERS if magic.startswith(begin)), None)
        if decompress is None:
            yield file
        else:
            with decompress(file) as plain:
                yield plain


def _refused(word: Word, cause: Exception) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: the archive {path} cannot be unpacked: {cause}",
        hint="COPY takes it as the file it is",
        path=word.text,
        cause=cause,
        **word.place.facts(),
    )
