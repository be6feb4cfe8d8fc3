"""The mounts of a RUN: what they show is found, put in its place, and taken away again.

    look(step)      what each mount shows, and a digest of it for the cache key
    furnish(step)   the mounts as the runtime-spec writes them, for as long as the command runs

Files of the context are copied, since the command may read but not change the context, and sees
nothing that .dockerignore keeps out. A directory of a stage or image is its layers, put together
once more, so it costs nothing however large it is. All that is written for the command lies in
snapshots of this build, which a crash leaves to `Snapshots.clear_unfinished`; in the container it
is mounted in its own mount namespace only, on mount points that are in no layer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runtime.build.cache_directory import CacheDirectories
from runtime.build.copy import copy_one
from runtime.build.image_files import ImageFiles
from runtime.build.sources import Files, Source, content_digest
from runtime.build.step import Document, RunCommand
from runtime.build.tree import Directory
from runtime.build.upper import Upper, set_times
from runtime.dockerfile.ignore import has_wildcard
from runtime.dockerfile.mount import RunMount
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError, UnsafePath
from runtime.oci.mounts import Mount
from runtime.snapshot.overlay import BUILD, Overlay, Snapshots

FindFiles = Callable[[Word | None], Files]
"""Where the files of a stage or image are found; without a name, those of the context."""

FORBIDDEN = ("bind", "nodev", "nosuid")
"""A device or set-user-ID program means nothing in what is mounted for a build."""

OWNER_ONLY = 0o400
"""The mode of a secret, unless it says another."""

SCRIPT_MODE = 0o755

COVERED = ("dev", "proc", "sys")
"""What a container mounts there hides the image's own."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A mount, and what it shows: a `source` to copy, or a `directory` of an image.

    `content` is what a cache key says of it. All are empty for a tmpfs, a secret and a cache that
    begins empty.
    """

    mount: RunMount
    source: Source | None = None
    directory: Directory | None = None
    content: str = ""


@dataclass(slots=True)
class Furniture:
    """What the command gets: `mounts` in their order, and variables that hold secrets."""

    mounts: list[Mount]
    env: list[str]


@dataclass(frozen=True, slots=True)
class Furnisher:
    """Furnishes the RUN steps of one build; `secrets` by id."""

    snapshots: Snapshots
    caches: CacheDirectories
    secrets: Mapping[str, bytes]
    epoch: int | None

    def look(self, step: RunCommand, files: FindFiles) -> tuple[Shown, ...]:
        """What the step's mounts show. Raises DockerfileError for what is not there."""
        return tuple(self._look(mount, files) for mount in step.mounts)

    @contextlib.contextmanager
    def furnish(self, step: RunCommand, key: str, shown: tuple[Shown, ...]) -> Iterator[Furniture]:
        """What the command on snapshot `key` gets, until the block ends. Raises DockerfileError
        for a secret that the build was not given.
        """
        furniture = Furniture([], [])
        with contextlib.ExitStack() as until_done:
            for each in shown:
                if each.mount.kind == "secret":
                    self._reveal(each.mount, furniture, until_done)
                else:
                    furniture.mounts.append(self._mount(each, until_done))
            if step.script:
                furniture.mounts.append(self._script(step.script, step.argv[0], until_done))
            self._make_points(key, furniture.mounts, step.instruction.source.place)
            yield furniture

    def _look(self, mount: RunMount, files: FindFiles) -> Shown:
        if mount.kind != "bind" and not mount.origin:
            return Shown(mount)
        origin = Word(mount.origin, mount.word.place) if mount.origin else None
        word = Word(_literal(mount.source or "."), mount.word.place)
        found = files(origin)
        directory = found.directory(word) if isinstance(found, ImageFiles) else None
        if directory and mount.kind == "bind":
            # Layers never change: a directory of an image is known by theirs.
            return Shown(mount, directory=directory, content=self._pile(directory))
        (source,) = found.find([word])
        return Shown(mount, source=source, content=content_digest([source]))

    def _mount(self, shown: Shown, until_done: contextlib.ExitStack) -> Mount:
        mount = shown.mount
        access = "ro" if mount.read_only else "rw"
        if mount.kind == "tmpfs":
            size = () if mount.size_bytes is None else (f"size={mount.size_bytes}",)
            return Mount(mount.target, "tmpfs", "tmpfs", ("nosuid", "nodev", *size))
        if mount.kind == "cache":
            place = until_done.enter_context(self._cache(shown))
        elif shown.directory:
            return self._overlay(shown.directory, mount.target, access, until_done)
        else:
            assert shown.source, "a bind mount shows something"
            scratch = self._scratch(until_done)
            assert scratch.upper
            place = self._copy(shown.source, scratch.upper)
        return Mount(mount.target, "bind", str(place), (*FORBIDDEN, access))

    def _overlay(
        self, directory: Directory, target: str, access: str, until_done: contextlib.ExitStack
    ) -> Mount:
        """A directory of an image, with a layer on top for what the command writes, if it may."""
        scratch = self._scratch(until_done)
        assert scratch.upper and scratch.work
        options = (
            f"lowerdir={self._pile(directory)}",
            f"upperdir={self._relative(scratch.upper)}",
            f"workdir={self._relative(scratch.work)}",
        )
        return Mount(target, "overlay", "overlay", ("nodev", "nosuid", access, *options))

    def _pile(self, directory: Directory) -> str:
        """The layers of a directory as overlayfs takes them, seen from the snapshots'."""
        return ":".join(map(self._relative, directory.layers))

    def _copy(self, source: Source, empty: Path) -> Path:
        """Copy what a mount shows into an empty directory; where it is there."""
        top = PurePosixPath("/") if source.is_directory else PurePosixPath("/", source.name)
        upper = Upper(Overlay((), empty))
        for file in source.files:
            copy_one(file, top / file.relative, source, None, None, upper)
        if self.epoch is not None:
            set_times(empty, self.epoch)
        return empty.joinpath(*top.parts[1:])

    @contextlib.contextmanager
    def _cache(self, shown: Shown) -> Iterator[Path]:
        mount = shown.mount

        def fill(place: Path) -> None:
            if shown.source:
                self._copy(shown.source, place)
            os.chown(place, mount.uid or 0, mount.gid or 0)
            place.chmod(0o755 if mount.mode is None else mount.mode)

        id = f"{mount.id}\n{shown.content}" if shown.content else mount.id
        with self.caches.use(id, mount.sharing, fill) as place:
            yield place

    def _reveal(
        self, mount: RunMount, furniture: Furniture, until_done: contextlib.ExitStack
    ) -> None:
        """A secret, as a file or a variable. One that is not required may be missing."""
        value = self.secrets.get(mount.id)
        if value is None:
            if mount.required:
                raise DockerfileError(
                    "{file}:{line}:{column}: the build was given no secret {id}",
                    hint="--secret id={id},src=FILE  or  --secret id={id},env=NAME",
                    id=mount.id,
                    **mount.word.place.facts(),
                )
            return
        if mount.env:
            furniture.env.append(f"{mount.env}={value.decode(errors='surrogateescape')}")
        if mount.target:
            mode = OWNER_ONLY if mount.mode is None else mount.mode
            place = self._write(value, mode, until_done)
            os.chown(place, mount.uid or 0, mount.gid or 0)
            options = (*FORBIDDEN, "ro")
            furniture.mounts.append(Mount(mount.target, "bind", str(place), options))

    def _script(self, script: Document, path: str, until_done: contextlib.ExitStack) -> Mount:
        place = self._write(script.content, SCRIPT_MODE, until_done)
        return Mount(path, "bind", str(place), (*FORBIDDEN, "ro"))

    def _write(self, content: bytes, mode: int, until_done: contextlib.ExitStack) -> Path:
        """A file of this build alone."""
        scratch = self._scratch(until_done)
        assert scratch.upper
        place = scratch.upper / "file"
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
        return place

    def _scratch(self, until_done: contextlib.ExitStack) -> Overlay:
        """An empty writable snapshot, gone when the command is."""
        key = new_key()
        until_done.callback(self.snapshots.remove, key)
        return self.snapshots.prepare(key, None)

    def _make_points(self, key: str, mounts: list[Mount], place: Place) -> None:
        """Have something to mount on for every mount, in a layer that is not kept.

        Its directories are copies of the image's, so that nothing else changes by them. What
        lies in another mount (/dev, or a mount before this one) needs no mount point here.
        Raises DockerfileError where nothing can be mounted.
        """
        if not mounts:
            return
        upper = Upper(self.snapshots.prepare_points(key))
        for at, each in enumerate(mounts):
            try:
                mounts[at] = replace(each, destination=str(_make_point(each, upper)))
            except (NotADirectoryError, IsADirectoryError, UnsafePath) as cause:
                raise DockerfileError(
                    "{file}:{line}:{column}: nothing can be mounted at {path}: {cause}",
                    hint="a directory goes over a directory, a file over a file",
                    path=each.destination,
                    cause=cause.strerror if isinstance(cause, OSError) else cause.message,
                    **place.facts(),
                ) from cause
        if self.epoch is not None:
            set_times(upper.directory, self.epoch)

    def _relative(self, path: Path) -> str:
        """As overlayfs takes it, seen from the snapshots' directory."""
        text = os.path.relpath(path, self.snapshots.directory)
        return "".join(f"\\{letter}" if letter in "\\:," else letter for letter in text)


def new_key() -> str:
    """A name for a snapshot of this build, which a crash leaves to `clear_unfinished`."""
    return f"{BUILD}{secrets.token_hex(8)}"


def _mismatch(is_file: bool) -> tuple[int, str]:
    number = errno.EISDIR if is_file else errno.ENOTDIR
    return number, os.strerror(number)


def _literal(path: str) -> str:
    """A path in which no character is a wildcard."""
    return re.sub(r"([*?\[\\])", r"\\\1", path) if has_wildcard(path) else path


def _make_point(mount: Mount, upper: Upper) -> PurePosixPath:
    """Where the mount belongs when the image's links are followed, and something there."""
    path = PurePosixPath(mount.destination)
    if path.parts[1] in COVERED:
        return path
    found = upper.tree.resolve(path)
    is_file = mount.type == "bind" and not Path(mount.source).is_dir()
    if found.entry is not None and is_file is found.is_directory:
        raise (IsADirectoryError if is_file else NotADirectoryError)(*_mismatch(is_file))
    if found.entry is None:
        upper.make_directories(found.path.parent if is_file else found.path)
        if is_file:
            upper.directory.joinpath(*found.path.parts[1:]).touch()
    return found.path
