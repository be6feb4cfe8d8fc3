"""The host's end of `cp`: its files as a tar, and a tar as files.

The tar may come from a container that means harm. It is unpacked by `layer.target`, which writes
nowhere but in the directory that it is given and follows no link there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from runtime.errors import NotFound
from runtime.exchange.places import Place, Plan
from runtime.layer.reader import entries
from runtime.layer.tar import tar_of_files
from runtime.layer.target import Target
from runtime.layer.walk import Found, Tree


def source(path: str, *, follow: bool) -> Place:
    """What is to be copied; a link itself, unless `follow`. Raises NotFound."""
    lookup = os.stat if follow or path.endswith(("/", "/.")) else os.lstat
    try:
        return Place(path, True, stat.S_ISDIR(lookup(path).st_mode))
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise NotFound("no such file: {path}", path=path) from cause


def destination(path: str) -> Place:
    """Where it is to go; a link there means what it leads to. Raises NotFound for a directory
    above it that is not there.
    """
    real = os.path.realpath(path) if Path(path).is_symlink() else path
    if path.endswith("/") and not real.endswith("/"):
        real += "/"
    found = Place(real, os.path.lexists(real.rstrip("/") or "/"), os.path.isdir(real))
    parent = found.split()[0]
    if not found.exists and not os.path.isdir(parent):
        raise NotFound("no such directory: {path}", path=parent)
    return found


def read(place: Place, name: bytes, *, follow: bool) -> Iterator[bytes]:
    """A file or directory as a tar in pieces, in which it is called `name`."""
    real = os.path.realpath(place.path) if follow or place.asserts_directory else place.path
    parent, base = (real, ".") if place.is_directory else os.path.split(real)
    with Tree(Path(parent or ".")) as tree:
        found = tree.find(os.fsencode(base))
        if found is None:
            raise NotFound("no such file: {path}", path=place.path)
        yield from tar_of_files(_files(tree, name, found))


def _files(tree: Tree, name: bytes, found: Found) -> Iterator[tuple[bytes, Found]]:
    yield name, found
    if found.is_directory:
        for each in tree.walk():
            yield name + b"/" + each.name, each


def write(tar: BinaryIO, plan: Plan, *, keep_owners: bool) -> None:
    """Unpack as planned; what it makes belongs to the caller, unless owners are kept.

    Raises Conflict where a file would replace a directory or the reverse, UnsafePath.
    """
    owner = None if keep_owners else (os.geteuid(), os.getegid())
    with Target(Path(plan.directory), owner=owner, keeps_kinds=True, powerless=True) as target:
        for entry, content in entries(tar):
            target.place(plan.rename(entry), content)


def counted(pieces: Iterable[bytes], total: list[int]) -> Iterator[bytes]:
    """The pieces as they are; how many bytes they were is added to `total`."""
    for piece in pieces:
        total[0] += len(piece)
        yield piece
