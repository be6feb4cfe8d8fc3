"""Volumes: directories that outlive containers.

    volumes/<name>/_data      the contents; containers show this directory, it is never replaced
    volumes/<name>/filling    initial contents on their way from an image: not whole yet
    volumes/<name>/filled     the same, whole, on their way into _data

A volume is there when its row is. It is made directory first and row last, and removed row first
and directory last, so a directory without a row is nobody's: whoever makes a volume of that name
puts it aside, and `clear` deletes it. All changes of rows are transactions, and SQLite lets one
process after the other have one; so of a container that is created with a volume and a user who
removes that volume at the same moment, one is first and the other is told.

Initial contents are copied beside the volume and moved into it when all of them are there. A
copy that was killed is begun anew, a move that was killed is finished by whoever comes next, and
nothing that stands in the volume is ever replaced. An flock says who is at it.

Docker Engine API 1.47, Volume; moby: volume/service, daemon/create_unix.go
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from errno import ENOENT, ENOTDIR
from pathlib import Path

from runtime import journal
from runtime.container.bundle import Bundle
from runtime.container.points import DRIVER, Point, points_of, volumes_among
from runtime.database import Database, Row
from runtime.errors import Conflict, KernelError, NotFound
from runtime.linux import tree
from runtime.linux.files import open_in_root
from runtime.snapshot.overlay import Overlay

CONTENTS, FILLING, FILLED = "_data", "filling", "filled"
ASIDE = ".removed-"
"""How the name of a directory begins that is to be deleted. No volume is called so."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


class Volumes:
    """The volumes of one state directory."""

    def __init__(self, root: Path, database: Database) -> None:
        self.directory = root / "volumes"
        self._database = database

    def place(self, name: str) -> Path:
        """Where the contents of a volume of this name lie: one directory, from its first to its
        last day.
        """
        return self.directory / name / CONTENTS

    # ── Rows ─────────────────────────────────────────────────────────────────────────────────

    def find(self, name: str) -> Row | None:
        """Its row, if there is such a volume."""
        return self._database.one("SELECT * FROM volumes WHERE name = ?", name)

    def row(self, name: str) -> Row:
        """Its row. Raises NotFound."""
        row = self.find(name)
        if row is None:
            raise NotFound(
                "no such volume: {name}", hint="`onggi volume ls` lists all volumes", name=name
            )
        return row

    def rows(self) -> list[Row]:
        """All of them, by name."""
        return self._database.all("SELECT * FROM volumes ORDER BY name")

    def users(self) -> dict[str, list[str]]:
        """The ids of the containers that use a volume, whether they run or not, by its name."""
        found: dict[str, list[str]] = {}
        query = (
            "SELECT DISTINCT volume, container FROM mounts WHERE volume != '' ORDER BY container"
        )
        for row in self._database.all(query):
            found.setdefault(row["volume"], []).append(row["container"])
        return found

    # ── Making and holding ───────────────────────────────────────────────────────────────────

    def create(self, name: str, labels: Mapping[str, str], options: Mapping[str, str]) -> None:
        """An empty volume. One that is there already stays as it is."""
        self._database.atomically(lambda: self._ensure(name, labels, options))

    def claim(self, container_id: str, points: Sequence[Point]) -> None:
        """Write down the mount points of a container that is being created, and make those
        volumes that are not there. From now on nobody can remove them.
        """
        statement = "INSERT INTO mounts (container, destination, volume, point) VALUES (?, ?, ?, ?)"

        def claim() -> None:
            for point in points:
                if point.name:
                    self._ensure(point.name, point.labels, point.options)
                values = (container_id, point.destination, point.name, point.to_json())
                self._database.change(statement, *values)

        if points:
            self._database.atomically(claim)

    def _ensure(self, name: str, labels: Mapping[str, str], options: Mapping[str, str]) -> None:
        """In a transaction: make it, if it is not there."""
        if self.find(name) is not None:
            return
        self._put_aside(name)
        self.place(name).mkdir(parents=True)
        self.place(name).chmod(0o755)  # mkdir's mode went through the umask
        self._database.change(
            "INSERT INTO volumes (name, labels, options, created_ns) VALUES (?, ?, ?, ?)",
            *(name, json.dumps(dict(labels)), json.dumps(dict(options)), time.time_ns()),
        )
        journal.note(self._database, "volume", "create", name, {"driver": DRIVER})

    # ── Letting go and removing ──────────────────────────────────────────────────────────────

    def remove(self, name: str) -> None:
        """Delete it with its contents. Raises NotFound, Conflict when a container uses it."""
        if not self._database.atomically(lambda: self._forget(name)):
            self.row(name)
            raise Conflict(
                "remove {name}: volume is in use - [{users}]",
                hint="remove the containers first; stopped ones use it, too: onggi rm",
                name=name,
                users=", ".join(self.users().get(name, ())),
            )
        self.dispose([name])

    def note_prune(self, freed_bytes: int) -> None:
        """Tell the journal that those which nobody used were cleared away."""
        journal.note_prune(self._database, "volume", freed_bytes)

    def _forget(self, name: str) -> bool:
        """In a transaction: delete its row, if nobody uses it."""
        statement = (
            "DELETE FROM volumes WHERE name = ?"
            " AND NOT EXISTS (SELECT 1 FROM mounts WHERE volume = ?)"
        )
        if not self._database.change(statement, name, name):
            return False
        journal.note(self._database, "volume", "destroy", name, {"driver": DRIVER})
        return True

    def let_go(self, container_id: str, *, anonymous: bool) -> list[str]:
        """In a transaction: a container is no more. With `anonymous`, volumes without a name of
        their own that nobody else uses go with it: their names, for `dispose`.
        """
        points = points_of(self._database, container_id)
        self._database.change("DELETE FROM mounts WHERE container = ?", container_id)
        doomed = [each.name for each in volumes_among(points) if each.anonymous and anonymous]
        return [name for name in doomed if self._forget(name)]

    def release(self, container_id: str, *, anonymous: bool) -> None:
        """The same as a transaction of its own, for a container that never came to be."""
        self.dispose(
            self._database.atomically(lambda: self.let_go(container_id, anonymous=anonymous))
        )

    def dispose(self, names: Iterable[str]) -> None:
        """Delete the directories of volumes that have no row any more."""
        for name in names:

            def put_aside(name: str = name) -> Path | None:
                return None if self.find(name) is not None else self._put_aside(name)

            aside = self._database.atomically(put_aside)
            if aside is not None:
                tree.delete(aside)

    def _put_aside(self, name: str) -> Path | None:
        """In a transaction: take a directory that is nobody's out of the way, if there is one."""
        aside = self.directory / f"{ASIDE}{secrets.token_hex(8)}"
        try:
            (self.directory / name).rename(aside)
        except FileNotFoundError:
            return None
        return aside

    def clear(self) -> None:
        """Delete what killed processes have left. Only while nobody else is writing."""
        query = (
            "SELECT DISTINCT container FROM mounts"
            " WHERE container NOT IN (SELECT id FROM containers)"
        )
        for row in self._database.all(query):
            self.release(row["container"], anonymous=True)
        known = {row["name"] for row in self.rows()}
        for name in _listed(self.directory):
            if name.startswith(ASIDE):
                tree.delete(self.directory / name)
            elif name not in known:
                self.dispose([name])
            else:
                finish_move(self.directory / name)
                tree.delete(self.directory / name / FILLING)

    # ── Initial contents ─────────────────────────────────────────────────────────────────────

    def fill(self, points: Iterable[Point], overlay: Overlay, bundle: Bundle) -> None:
        """Give each empty volume what the image has at its place: files with owners, modes and
        attributes.

        The image's files are a stranger's: links in it are followed as the container would, and
        end in it. Raises Conflict where it has a file at that place, KernelError.
        """
        empty = [
            point
            for point in volumes_among(points)
            if point.copies and not os.listdir(self.place(point.name))
        ]
        if not empty:
            return
        from runtime.container.root import open_layers  # loads what only this needs

        root = open_layers(overlay, bundle)
        try:
            for point in empty:
                with _opened(root, point.destination) as source:
                    if source is not None:
                        fill_volume(self.directory / point.name, source)
        finally:
            os.close(root)

    def settle(self, container_id: str) -> None:
        """Finish what a killed process has begun to move into the volumes of a container."""
        query = "SELECT volume FROM mounts WHERE container = ? AND volume != ''"
        for row in self._database.all(query, container_id):
            finish_move(self.directory / row["volume"])


def fill_volume(volume: Path, source: int) -> None:
    """Copy an open directory into an empty volume, wholly or not at all.

    What is seen of a copy that is killed is nothing: it lies beside the volume until it is whole.
    A volume that has something in it is left alone.
    """
    with _locked(volume):
        _move(volume)
        if os.listdir(volume / CONTENTS):
            return
        filling = volume / FILLING
        tree.delete(filling)
        filling.mkdir()
        copy_tree(source, filling)
        filling.rename(volume / FILLED)
        _move(volume)


def finish_move(volume: Path) -> None:
    """See `fill_volume`: what was whole when its copier was killed goes where it belongs."""
    if (volume / FILLED).exists():
        with _locked(volume):
            _move(volume)


def _move(volume: Path) -> None:
    """Move what is whole into the volume; nothing there is replaced. Doing it again, after half
    of it, does the rest.
    """
    filled, contents = volume / FILLED, volume / CONTENTS
    if not filled.exists():
        return
    for name in os.listdir(filled):
        if not os.path.lexists(contents / name):
            (filled / name).rename(contents / name)
    status = filled.stat()
    os.chown(contents, status.st_uid, status.st_gid)
    contents.chmod(status.st_mode & 0o7777)
    for name in os.listxattr(filled):
        os.setxattr(contents, name, os.getxattr(filled, name))
    os.utime(contents, ns=(status.st_atime_ns, status.st_mtime_ns))
    tree.delete(filled)


def copy_tree(source: int, target: Path) -> None:
    """Copy an open directory, itself included: as a layer would carry it, and by the same two
    who read and write layers, so that nothing in it leads out. Raises KernelError, Conflict.
    """
    from runtime.layer.reader import entries
    from runtime.layer.stream import stream_of
    from runtime.layer.tar import tar_of_files
    from runtime.layer.target import Target
    from runtime.layer.walk import Tree

    with Tree(os.dup(source)) as files, Target(target) as copy:
        itself = filter(None, [files.find(b".")])
        found = ((each.name, each) for each in itertools.chain(itself, files.walk()))
        for entry, content in entries(stream_of(tar_of_files(found))):
            copy.place(entry, content)


@contextlib.contextmanager
def _opened(root: int, path: str) -> Iterator[int | None]:
    """A directory of the container's; None if it has none there. Raises Conflict for a file."""
    try:
        source = open_in_root(root, path, _DIRECTORY)
    except KernelError as cause:
        if cause.errno == ENOENT:
            yield None
            return
        if cause.errno == ENOTDIR:
            raise Conflict(
                "{path} is a file in the image: a volume needs a directory",
                hint="choose another path, or mount a single file of the host's",
                path=path,
            ) from cause
        raise
    try:
        yield source
    finally:
        os.close(source)


@contextlib.contextmanager
def _locked(volume: Path) -> Iterator[None]:
    """Nobody else fills this volume. The kernel lets go of it however its holder ends."""
    descriptor = os.open(volume, _DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _listed(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []
