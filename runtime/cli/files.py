"""Files that flags name: variables, labels, and the file that a container's id goes to.

An env file has a NAME=value a line, and nothing more: no quotes, no escapes, no `export`. Lines
that begin with # are notes; a NAME alone takes our own value, if we have one.

github.com/docker/cli/pkg/kvfile
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runtime.errors import Conflict, InvalidInput

Lookup = Callable[[str], str | None]


def read_variables(paths: Sequence[str], entries: Sequence[str]) -> list[str]:
    """The variables of --env-file, then those of -e; each as NAME=value.

    A name without a value takes our own, or is left out if we have none; "" is kept, for the
    engine to refuse.
    """
    return [
        *(f"{name}={value}" for path in paths for name, value in read_pairs(path, os.environ.get)),
        *(own_value(entry) for entry in entries if "=" in entry or entry in ("", *os.environ)),
    ]


def own_value(entry: str) -> str:
    """NAME=value as it is, NAME with our own value."""
    return entry if "=" in entry or not entry else f"{entry}={os.environ[entry]}"


def read_labels(paths: Sequence[str], entries: Sequence[str]) -> list[str]:
    """The labels of --label-file, then those of -l."""
    return [*(f"{name}={value}" for path in paths for name, value in read_pairs(path)), *entries]


def read_profiles(options: Sequence[str]) -> list[str]:
    """Security options, with the text of a profile in place of its file: the engine opens none.

    Raises OSError, InvalidInput.
    """
    return [_read_profile(option) for option in options]


def _read_profile(option: str) -> str:
    name, equals, value = option.partition("=")
    if name != "seccomp" or not equals or value in ("unconfined", "builtin", ""):
        return option
    try:
        return f"seccomp={Path(value).read_bytes().decode().strip()}"
    except UnicodeDecodeError as error:
        raise InvalidInput("{path}:{line}: not UTF-8 text", path=value, line=1) from error


def read_pairs(path: str, lookup: Lookup | None = None) -> Iterator[tuple[str, str]]:
    """The lines of a file of variables or labels; `lookup` gives a bare name its value.

    Raises InvalidInput, with the number of the line.
    """
    data = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            line = raw.decode().removesuffix("\r").lstrip()
        except UnicodeDecodeError as error:
            raise InvalidInput("{path}:{line}: not UTF-8 text", path=path, line=number) from error
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            name = name.rstrip()
        if not name or name != "".join(name.split()):
            raise InvalidInput(
                "{path}:{line}: not a name: {name!r}",
                hint="write NAME=value, with no blanks in the name",
                path=path,
                line=number,
                name=name,
            )
        if not equals:
            found = lookup(name) if lookup else None
            if found is None:
                continue
            value = found
        yield name, value


@contextlib.contextmanager
def id_file(path: str | None) -> Iterator[Callable[[str], None]]:
    """--cidfile: a function that writes the id. The file must not exist, and it does not stay
    if nothing was written. Raises Conflict, OSError.
    """
    if not path:
        yield lambda container_id: None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError as error:
        raise Conflict(
            "container ID file found: {path}",
            hint="make sure the other container isn't running, or delete the file",
            path=path,
        ) from error
    written = False

    def write(container_id: str) -> None:
        nonlocal written
        os.write(descriptor, container_id.encode())
        written = True

    try:
        yield write
    finally:
        os.close(descriptor)
        if not written:
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
