"""Commands that carry files out of a container and in: cp, export."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, cast

from runtime.cli import console, units
from runtime.cli.archives import refuse_terminal, write_archive
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.flags import SWITCH, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.exchange import local
from runtime.exchange.places import Place, plan_copy
from runtime.layer.stream import stream_of

if TYPE_CHECKING:
    from runtime.cli.connection import AnyContainer

STREAM = "-"
_LINKS = 40
_IS_DIRECTORY, _IS_LINK = 1 << 31, 1 << 27  # os.FileMode of Go


@command(
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-  or  SRC_PATH|- CONTAINER:DEST_PATH",
    Flag("archive", "a", SWITCH, "Archive mode (copy all uid/gid information)"),
    Flag("follow-link", "L", SWITCH, "Always follow symbol link in SRC_PATH"),
    Flag("quiet", "q", SWITCH, "Suppress progress output during copy"),
    least=2,
    most=2,
)
def cp(given: Given) -> int:
    """Between a container, running or not, and this host; - is a tar on standard input/output."""
    (source_name, source), (target_name, target) = map(split, given.words)
    if bool(source_name) == bool(target_name):
        raise InvalidInput(
            "one of the two must be in a container, and only one",
            hint="write a path in a container as CONTAINER:PATH",
        )
    container = open_engine().containers.get(source_name or target_name)
    copied = [0]
    if source_name:
        copy_out(container, source, target, given, copied)
    else:
        copy_in(container, source, target, given, copied)
    if not given.quiet and sys.stdout.isatty() and target != STREAM:
        told = translate("Successfully copied {size} to {target}")
        console.warn(told.format(size=units.human_size(copied[0]), target=given.words[1]))
    return 0


def split(word: str) -> tuple[str, str]:
    """Container and path; no container where it is a path of this host: `/a:b`, `./a:b`, `a`."""
    name, colon, path = word.partition(":")
    if word.startswith("/") or not colon or name.startswith("."):
        return "", word
    return name, path


def copy_out(
    container: AnyContainer, source: str, target: str, given: Given, copied: list[int]
) -> None:
    """From the container to this host, or as a tar to standard output."""
    name = source
    if given.follow_link:
        source = followed(container, source)
    if target == STREAM:
        refuse_terminal(None)
        pieces, _ = container.get_archive(source)
        return write_archive(pieces, None)
    destination = local.destination(target)
    pieces, found = container.get_archive(source)
    there = Place(name, True, bool(found["mode"] & _IS_DIRECTORY))
    tar_name = "." if found["name"] == "/" else found["name"]
    plan = plan_copy(there, tar_name, destination)
    tar = stream_of(local.counted(pieces, copied))
    return local.write(tar, plan, keep_owners=given.archive)


def copy_in(
    container: AnyContainer, source: str, target: str, given: Given, copied: list[int]
) -> None:
    """From this host, or a tar on standard input, to the container."""
    destination = place_in(container, target)
    owner = None if given.archive else (0, 0)
    if source == STREAM:
        if not destination.is_directory:
            raise Conflict("{path} is no directory in the container", path=target)
        tar = cast(BinaryIO, sys.stdin.buffer)
        container.put_archive(destination.path, tar, keeps_kinds=True)
        return
    there = local.source(source, follow=given.follow_link)
    plan = plan_copy(there, there.split()[1], destination)
    pieces = local.read(there, plan.name, follow=given.follow_link)
    counted = local.counted(pieces, copied)
    container.put_archive(plan.directory, counted, owner=owner, keeps_kinds=True)


def followed(container: AnyContainer, path: str) -> str:
    """The path that a link leads to, and one that is no link itself. Raises NotFound."""
    for _ in range(_LINKS):
        found = container.stat_path(path)
        if not found["mode"] & _IS_LINK:
            break
        path = found["linkTarget"]
    return path


def place_in(container: AnyContainer, path: str) -> Place:
    """Where something is to go in the container; a link there means what it leads to."""
    path = "/" + path.lstrip("/")
    try:
        real = followed(container, path)
        found = container.stat_path(real)
    except NotFound:
        return Place(path, False)
    return Place(real, True, bool(found["mode"] & _IS_DIRECTORY))


@command(
    "[OPTIONS] CONTAINER",
    Flag("output", "o", WORD, "Write to a file, instead of STDOUT"),
    least=1,
    most=1,
)
def export(given: Given) -> int:
    """Its files as one tar, without what is mounted in it; `onggi import` makes an image of it."""
    refuse_terminal(given.output)
    write_archive(open_engine().containers.get(given.words[0]).export(), given.output)
    return 0
