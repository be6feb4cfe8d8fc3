"""What an overlay's directories hold, read from the host: the pile behind one tree of files.

A container's root is a pile: the image's layers, read-only, and one writable directory on top. The
kernel shows the pile as one tree; here the directories are looked at one by one, so that a lesson
can show what the kernel hides: a copied-up file, a file behind another, a whiteout.

Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lessons_lib.language import say
from runtime.engine.container import Container
from runtime.engine.image import Image
from runtime.layer.whiteout import is_opaque, is_whiteout


class Trace(Enum):
    """What one directory of the pile says about a name."""

    NOTHING = "nothing"
    FILE = "file"
    WHITEOUT = "whiteout"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One directory of the pile: a layer by its number from 1, or a container's writable one."""

    number: int
    made_by: str
    directory: Path
    writable: bool = False

    def trace(self, path: str) -> Trace:
        """What is in this directory under a path of the container."""
        place = self.directory / path.lstrip("/")
        try:
            status = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return Trace.NOTHING
        return Trace.WHITEOUT if is_whiteout(status) else Trace.FILE

    def hides_below(self, path: str) -> bool:
        """Whether no lower directory's `path` is seen, whatever is here: one of the folders that
        it is in was deleted, made anew (opaque), or is no folder here.
        """
        place = self.directory
        for name in path.strip("/").split("/")[:-1]:
            place /= name
            try:
                status = place.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            if not stat.S_ISDIR(status.st_mode) or is_opaque(os.fsencode(place)):
                return True
        return False

    def names(self, folder: str) -> frozenset[str]:
        """The names that it has in a folder of the container."""
        place = self.directory / folder.strip("/")
        return frozenset(os.listdir(place)) if place.is_dir() else frozenset()

    def first_line(self, path: str) -> str:
        """The beginning of a file: enough to tell two versions apart."""
        place = self.directory / path.lstrip("/")
        if not place.is_file() or place.is_symlink():
            return ""
        text = place.read_bytes()[:200].decode("utf-8", "replace")
        lines = " / ".join(text.split("\n")).strip(" /")
        return "".join(char if char.isprintable() else "·" for char in lines)


def made_by(created_by: str) -> str:
    """The instruction that made a layer, without what a builder writes around it.

    A base image's layers come from the host's own files, so what made them differs from host to
    host; that they do is all that is said.
    """
    if created_by.startswith("onggi bootstrap"):
        return say("overlay.from-this-host")
    return created_by.replace("RUN /bin/sh -c ", "RUN ") or "…"


def pile(thing: Image | Container) -> list[Shelf]:
    """The directories behind a container's or an image's files, the topmost first."""
    image = thing.image if isinstance(thing, Container) else thing
    shelves = [
        Shelf(number, made_by(layer.created_by), layer.files)
        for number, layer in enumerate(image.layers, start=1)
    ]
    if isinstance(thing, Container):
        shelves.append(Shelf(len(shelves) + 1, thing.name, thing.upper_path, True))
    return shelves[::-1]


def covering(shelves: list[Shelf], path: str) -> Shelf | None:
    """The shelf whose version of `path` is seen; None where it is not seen at all."""
    for shelf in shelves:
        trace = shelf.trace(path)
        if trace is Trace.FILE:
            return shelf
        if trace is Trace.WHITEOUT or shelf.hides_below(path):
            return None
    return None


def kept_paths(directory: Path, *, most: int) -> list[str]:
    """What is in a layer's directory, as the container names it: files, links, empty folders
    (with a / at their end) and whiteouts (with a − before them).

    Stops after `most`, since a base layer has thousands.
    """
    found: list[str] = []
    for folder, folders, files in os.walk(directory):
        folders.sort()
        if not folders and not files and folder != str(directory):
            found.append(f"/{Path(folder).relative_to(directory)}/")
        for name in sorted(files):
            place = Path(folder, name)
            path = f"/{place.relative_to(directory)}"
            found.append(f"−{path}" if is_whiteout(place.lstat()) else path)
        if len(found) >= most:
            break
    return found[:most]
