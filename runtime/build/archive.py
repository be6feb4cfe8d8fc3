"""Archives: what ADD unpacks, and what it takes for a plain file.

Not the name decides but the bytes, as with docker: a tar, plain or compressed with gzip, bzip2,
xz or zstd, that has at least one entry. A compressed file that holds no tar stays as it is.
Dockerfile reference, "ADD"
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runtime.build.sources import Source
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError, InvalidInput, UnsafePath
from runtime.layer.apply import apply_layer
from runtime.layer.compression import decompressed
from runtime.layer.reader import entries


def is_archive(source: Source) -> bool:
    """Whether ADD unpacks this source. Only a file as such can be one, not one in a directory."""
    if source.files[0].kind != "file":
        return False
    with _opened(source) as file:
        try:
            return next(entries(decompressed(file)), None) is not None
        except InvalidInput:
            return False


def unpack_archive(source: Source, target: Path) -> None:
    """Unpack the archive into the empty directory `target` and nowhere else.

    Raises DockerfileError when it is damaged, or tries to write elsewhere.
    """
    with _opened(source) as file:
        try:
            apply_layer(file, target)
        except (InvalidInput, UnsafePath) as cause:
            raise _refused(source.word, cause) from cause


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    with os.fdopen(source.reader.open_file(source.files[0].path), "rb") as file:
        yield file


def _refused(word: Word, cause: Exception) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: the archive {path} cannot be unpacked: {cause}",
        hint="COPY takes it as the file it is",
        path=word.text,
        cause=cause,
        **word.place.facts(),
    )
