"""Commands between images and files: save, load, import.

An archive never goes to a terminal, and never comes from one. A file is written under another
name first, so that there is no half archive when something goes wrong.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given
from runtime.errors import InvalidInput, NotFound


@command(
    "[OPTIONS] IMAGE [IMAGE...]",
    Flag("output", "o", WORD, "Write to a file, instead of STDOUT"),
    least=1,
)
def save(given: Given) -> int:
    """One archive that docker, podman, skopeo and the like read; a name without a tag means all
    of its tags.
    """
    refuse_terminal(given.output)
    write_archive(open_engine().images.save(given.words), given.output)
    return 0


@command(
    "[OPTIONS]",
    Flag("input", "i", WORD, "Read from a tar archive file or an OCI layout, instead of STDIN"),
    Flag("quiet", "q", SWITCH, "Suppress the load output"),
    most=0,
)
def load(given: Given) -> int:
    """Archives of docker and of the OCI, compressed or not, and OCI layout directories."""
    if given.input is None and sys.stdin.isatty():
        raise InvalidInput(
            "there is no archive on standard input: it is a terminal",
            hint="give a file with -i, or redirect one: onggi load < images.tar",
        )
    data = cast(BinaryIO, sys.stdin.buffer) if given.input is None else Path(given.input)
    for image in open_engine().images.load(data):
        for name in () if given.quiet else image.tags or (None,):
            console.say(f"Loaded image: {name}" if name else f"Loaded image ID: {image.id}")
    return 0


@command(
    "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
    Flag("change", "c", LIST, "Apply Dockerfile instruction to the created image"),
    Flag("message", "m", WORD, "Set commit message for imported image"),
    least=1,
    most=2,
)
def import_tar(given: Given) -> int:
    """The files of a tar become an image of one layer; prints the image's id."""
    source, *name = given.words
    if source == "-" and sys.stdin.isatty():
        raise InvalidInput(
            "there is no archive on standard input: it is a terminal",
            hint="give a file, or redirect one: onggi import - < files.tar",
        )
    data: BinaryIO | Path | str = Path(source)
    if source == "-":
        data = cast(BinaryIO, sys.stdin.buffer)
    elif source.startswith(("http://", "https://")):
        data = source
    image = open_engine().images.import_image(
        data,
        name[0] if name else None,
        changes=given.change,
        message=given.message or f"Imported from {source}",
    )
    console.say(image.id)
    return 0


def refuse_terminal(output: str | None) -> None:
    """Raises InvalidInput: an archive would turn a terminal into noise."""
    if output is None and sys.stdout.isatty():
        raise InvalidInput(
            "an archive is not written to a terminal",
            hint="write to a file with -o, or redirect the output",
        )


def write_archive(pieces: Iterable[bytes], output: str | None) -> None:
    """Write to a file, which is there when it is whole, or to standard output."""
    if output is None:
        for piece in pieces:
            console.pass_on(piece)
        return
    with _replaced(Path(output)) as file:
        for piece in pieces:
            file.write(piece)


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` at the end of the block; a device is written to."""
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
        return
    if not path.parent.is_dir():
        raise NotFound("no such directory: {path}", path=path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(descriptor, "wb") as file:
            yield file
            os.fchmod(file.fileno(), 0o600)  # as docker does it: an image may hold secrets
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
