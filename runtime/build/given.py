"""What a build is given: a context and a Dockerfile, from wherever they come.

    build DIRECTORY                  its files, its Dockerfile
    build -f other/Dockerfile DIR    a Dockerfile that may lie elsewhere
    build - < context.tar.gz         an archive: unpacked as safely as a layer, gone afterwards
    build - < Dockerfile             no files at all
    build -f - DIR < Dockerfile      the files of DIR

Which of the two a stream is, its first bytes say. A Dockerfile *of* the context is looked for in
it, and no link in the context leads that search out. `NAME.dockerignore` beside the Dockerfile is
for that one alone, `.dockerignore` in the context for all others.
Docker's reference, "docker buildx build"; Dockerfile reference, ".dockerignore file"
"""

from __future__ import annotations

import contextlib
import io
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from runtime.build.context import Context, decode
from runtime.build.mounts import new_key
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.ignore import Ignore
from runtime.dockerfile.parser import parse
from runtime.errors import InvalidInput, KernelError, NotFound, UnsafePath
from runtime.layer.apply import apply_layer
from runtime.layer.compression import BUFFER_BYTES, decompressed
from runtime.layer.header import BLOCK_BYTES, typeflag_of
from runtime.layer.stream import stream_of
from runtime.snapshot.overlay import Snapshots

DOCKERFILE = "Dockerfile"
LARGEST_DOCKERFILE_BYTES = 16 << 20

Stream = BinaryIO


@contextlib.contextmanager
def open_given(
    snapshots: Snapshots,
    context: Path | Stream,
    dockerfile: str | Stream | None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Context, ins.Dockerfile]]:
    """The context, what its .dockerignore says already known to it, and the parsed Dockerfile.
    `check` is called between two pieces of an archive, and ends it by what it raises.

    Raises NotFound, InvalidInput, DockerfileError.
    """
    came_in = False
    with contextlib.ExitStack() as until_done:
        if not isinstance(context, Path):
            came_in = True
            context, dockerfile = until_done.enter_context(
                _received(snapshots, context, dockerfile, check)
            )
        elif context.is_file():
            file = until_done.enter_context(context.open("rb"))
            context = until_done.enter_context(
                _unpacked(snapshots, _checked(decompressed(file), check))
            )
            dockerfile = within(dockerfile)
        opened = until_done.enter_context(Context(context))
        try:
            name, text = _read_dockerfile(opened, context, dockerfile)
        except NotFound as cause:
            if came_in:  # where it was unpacked to says nothing to anybody
                raise NotFound(
                    "cannot locate specified Dockerfile: {name}", name=dockerfile or DOCKERFILE
                ) from cause
            raise
        opened.ignore = _read_ignore(opened, context, dockerfile)
        yield opened, parse(text, name)


@contextlib.contextmanager
def _received(
    snapshots: Snapshots,
    stream: BinaryIO,
    dockerfile: str | Stream | None,
    check: Callable[[], None],
) -> Iterator[tuple[Path, str | Stream | None]]:
    """A stream as a context and a Dockerfile: it is either an archive or a Dockerfile."""
    plain = decompressed(stream)
    beginning = cast(io.BufferedReader, plain).peek(BLOCK_BYTES)[:BLOCK_BYTES]
    if is_tar(beginning):
        with _unpacked(snapshots, _checked(plain, check)) as place:
            yield place, within(dockerfile)
    elif dockerfile is None:
        with empty_place(snapshots) as place:
            yield place, plain
    else:
        raise InvalidInput(
            "the build context that came in is not an archive",
            hint="tar -c . | onggi build -   or, a Dockerfile alone:   onggi build - < Dockerfile",
        )


def within(dockerfile: str | Stream | None) -> str | Stream | None:
    """The Dockerfile of an archive is a file of the archive, whatever its path looks like: whoever
    sends one in has no business with files of this host.
    """
    if isinstance(dockerfile, str):
        return posixpath.normpath(f"/{dockerfile}").lstrip("/")
    return dockerfile


def _checked(stream: BinaryIO, check: Callable[[], None]) -> BinaryIO:
    """The same stream, uncompressed already: a few bytes may unfold to hours of work."""

    def pieces() -> Iterator[bytes]:
        while data := stream.read(BUFFER_BYTES):
            check()
            yield data

    return stream_of(pieces())


@contextlib.contextmanager
def _unpacked(snapshots: Snapshots, stream: BinaryIO) -> Iterator[Path]:
    """An archive as a directory, for as long as the block lasts."""
    with empty_place(snapshots) as place:
        try:
            apply_layer(stream, place)
        except (InvalidInput, UnsafePath) as cause:
            raise InvalidInput(
                "the build context cannot be unpacked: {cause}",
                hint="it is a tar, plain or compressed with gzip, bzip2, xz or zstd",
                cause=cause.message,
            ) from cause
        yield place


@contextlib.contextmanager
def empty_place(snapshots: Snapshots) -> Iterator[Path]:
    """A directory of this build, which a crash leaves to `Snapshots.clear_unfinished`."""
    key = new_key()
    place = snapshots.prepare(key, None).upper
    assert place
    try:
        yield place
    finally:
        snapshots.remove(key)


def is_tar(beginning: bytes) -> bool:
    """Whether a tar begins like this. One with no entry begins with zeros."""
    if len(beginning) < BLOCK_BYTES:
        return False
    try:
        return not any(beginning) or bool(typeflag_of(beginning))
    except InvalidInput:
        return False


def _read_dockerfile(
    opened: Context, context: Path, dockerfile: str | Stream | None
) -> tuple[str, str]:
    """What error messages call the Dockerfile, and its text."""
    if dockerfile is not None and not isinstance(dockerfile, str):
        return DOCKERFILE, decode(dockerfile.read(LARGEST_DOCKERFILE_BYTES), DOCKERFILE)
    name = dockerfile or DOCKERFILE
    try:
        if _is_elsewhere(name):
            return name, decode((context / name).read_bytes(), name)
        return name, decode(opened.read(name), name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, KernelError) as cause:
        raise NotFound(
            "there is no file {name} in the build context: {path}",
            hint="write one there, or name another one with -f",
            name=name,
            path=context,
        ) from cause


def _read_ignore(opened: Context, context: Path, dockerfile: str | Stream | None) -> Ignore:
    """The .dockerignore for this Dockerfile; one that ignores nothing if there is none."""
    if dockerfile is None or isinstance(dockerfile, str):
        own = f"{dockerfile or DOCKERFILE}.dockerignore"
        with contextlib.suppress(OSError):
            data = (context / own).read_bytes() if _is_elsewhere(own) else opened.read(own)
            return Ignore.parse(decode(data, posixpath.basename(own)), posixpath.basename(own))
    with contextlib.suppress(OSError):
        return Ignore.parse(decode(opened.read(".dockerignore"), ".dockerignore"))
    return Ignore()


def _is_elsewhere(name: str) -> bool:
    """Whether the caller, and no file of the context, names a file of this host."""
    return name.startswith("/") or posixpath.normpath(name).startswith("..")
