"""Snapshots: an image's layers as directories, and a writable one on top.

Each layer is unpacked once into a directory of its own and never changes again; its name is
its ChainID, so images that share layers share directories. A container gets an empty
directory (`upper`), and overlayfs shows the pile as one tree:

    upper   what this container changed         snapshots/<container id>/fs
    lower   the image's last layer              snapshots/<chain id>/fs
    lower   the image's first layer             snapshots/<chain id>/fs

A snapshot is `fs` (the files), `work` (overlayfs's own, only in writable ones), `points` (only
for a build step with mounts) and `meta.json`. It is written under a temporary name and renamed
when it is whole, so there are no half snapshots; whatever still has a temporary name after a
crash is garbage.

Rule: this file makes and removes directories; it mounts nothing (see runtime/container/init).
Documentation/filesystems/overlayfs.rst; containerd docs/snapshotters.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from _thread import get_ident
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import Conflict, IntegrityError, NotFound
from runtime.linux import tree
from runtime.oci.digest import ChainID

KEY_LENGTH = 20
"""A layer's directory is named by this many hex digits of its ChainID. Overlayfs takes all
directories of a mount in one page of 4096 bytes: 128 names of 20 digits fit, 64 would not."""

UNFINISHED = ".new-"
"""Prefix of a snapshot that is being written."""

BUILD = "build-"
"""Prefix of a writable snapshot that belongs to a step of a build."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What to mount: `lower` newest first, `upper` and `work` for a writable tree."""

    lower: tuple[Path, ...]
    upper: Path | None = None
    work: Path | None = None


class Snapshots:
    """All snapshots of a state directory. Every method is safe against a crash in its middle."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "snapshots"

    def prepare(self, key: str, parent: ChainID | None) -> Overlay:
        """A new writable snapshot on top of `parent` (None: on nothing).

        Raises Conflict if `key` is taken, NotFound if `parent` is not unpacked.
        """
        lower = self.chain(parent)
        with self._new(key, parent) as place:
            (place / "work").mkdir(mode=0o700)
        return self._writable(key, lower)

    def overlay(self, key: str) -> Overlay:
        """The writable snapshot that `prepare` made. Raises NotFound."""
        return self._writable(key, self.chain(self._parent(key)))

    def prepare_points(self, key: str) -> Overlay:
        """A layer between the writable snapshot `key` and what is below it, as its `upper`.

        It is for mount points that must be there and that no layer should keep: it is seen
        together with the snapshot and goes with it.
        """
        (self.directory / key / "points").mkdir(mode=0o755)
        return Overlay(self.chain(self._parent(key)), self.directory / key / "points")

    def view(self, parent: ChainID | None) -> Overlay:
        """An image's layers, to be read only. Raises NotFound."""
        return Overlay(self.chain(parent))

    def commit(self, key: str, chain_id: ChainID) -> None:
        """Make a writable snapshot the immutable one of `chain_id`.

        Its files stay where they are: the directory gets another name. If another build has
        made the same layer meanwhile, that one stays and this one goes.
        """
        place = self.directory / key
        if self.has(chain_id):
            return self.remove(key)
        _write_meta(place, parent=self._parent(key), chain_id=chain_id)
        tree.delete(place / "work")
        tree.delete(place / "points")
        try:
            place.rename(self._place(chain_id))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            self.remove(key)
        return None

    def unpack(
        self, chain_id: ChainID, parent: ChainID | None, write: Callable[[Path], None]
    ) -> None:
        """Make the snapshot of `chain_id` with what `write(directory)` puts there.

        Does nothing if it exists. If `write` raises, nothing is left.
        """
        if self.has(chain_id):
            return
        self.chain(parent)
        with self._new(self._place(chain_id).name, parent, chain_id, may_exist=True) as place:
            write(place / "fs")

    def has(self, chain_id: ChainID) -> bool:
        """Whether the layer is unpacked. Raises IntegrityError if another one has its key."""
        with contextlib.suppress(FileNotFoundError):
            found = _read_meta(self._place(chain_id))["chain_id"]
            if found != chain_id:
                raise IntegrityError(
                    "two layers have the same short name: {expected} and {actual}",
                    expected=chain_id,
                    actual=str(found),
                )
            return True
        return False

    def chain(self, chain_id: ChainID | None) -> tuple[Path, ...]:
        """The directories of a chain of layers, newest first. Raises NotFound."""
        directories: list[Path] = []
        while chain_id is not None:
            place = self._place(chain_id)
            directories.append(place / "fs")
            chain_id = self._parent(place.name)
        return tuple(directories)

    def files(self, chain_id: ChainID) -> Path:
        """The directory with one layer's own files."""
        return self._place(chain_id) / "fs"

    def remove(self, key: str | ChainID) -> None:
        """Forget a snapshot. Removing what is not there is no error.

        The rename makes it disappear at once; deleting its files may take long and be
        interrupted.
        """
        place = self._place(key) if isinstance(key, ChainID) else self.directory / key
        doomed = self.directory / f"{UNFINISHED}removed-{place.name}-{os.getpid()}-{get_ident()}"
        with contextlib.suppress(FileNotFoundError):
            place.rename(doomed)
        tree.delete(doomed)

    def keys(self) -> Iterator[str]:
        """The names of all writable snapshots."""
        return (name for name, chain_id in self._all() if chain_id is None)

    def chain_ids(self) -> Iterator[ChainID]:
        """All immutable layers."""
        return (chain_id for _, chain_id in self._all() if chain_id is not None)

    def below_builds(self) -> set[ChainID]:
        """Every layer that a build under way stands on."""
        found: set[ChainID] = set()
        for key in self.keys():
            with contextlib.suppress(NotFound):  # the step has just ended
                parent = self._parent(key) if key.startswith(BUILD) else None
                while parent and parent not in found:
                    found.add(parent)
                    parent = self._parent(self._place(parent).name)
        return found

    def usage(self, key: str | ChainID) -> int:
        """Bytes on the disk that this snapshot alone needs (its blocks, hard links once)."""
        place = self._place(key) if isinstance(key, ChainID) else self.directory / key
        return disk_bytes(place / "fs")

    def clear_unfinished(self, *, builds: bool) -> None:
        """Delete what a crash left half made; with `builds`, also the snapshots of builds.

        Only for a caller who knows that nobody is writing (ARCHITECTURE.md, writers.lock).
        """
        for name in _listed(self.directory):
            if name.startswith(UNFINISHED) or (builds and name.startswith(BUILD)):
                tree.delete(self.directory / name)

    def _place(self, key: str) -> Path:
        """A layer's directory has a short name; a writable one's is its key."""
        return self.directory / (key.hex[:KEY_LENGTH] if isinstance(key, ChainID) else key)

    def _writable(self, key: str, lower: tuple[Path, ...]) -> Overlay:
        place = self.directory / key
        points = place / "points"
        if points.exists():
            lower = (points, *lower)
        return Overlay(lower, place / "fs", place / "work")

    def _parent(self, key: str) -> ChainID | None:
        try:
            parent = _read_meta(self.directory / key)["parent"]
        except FileNotFoundError:
            raise NotFound(
                "no such snapshot: {key}",
                hint="its image was removed or never unpacked; get or build the image again",
                key=key,
            ) from None
        return ChainID(parent) if parent else None

    @contextlib.contextmanager
    def _new(
        self,
        key: str,
        parent: ChainID | None,
        chain_id: ChainID | None = None,
        *,
        may_exist: bool = False,
    ) -> Iterator[Path]:
        """A directory with an empty `fs`, which gets its name when the block ends well."""
        self.directory.mkdir(mode=0o700, exist_ok=True)  # there may be set-user-ID programs
        # A name for this thread alone: others may be unpacking the same layer just now.
        place = self.directory / f"{UNFINISHED}{key}-{os.getpid()}-{get_ident()}"
        tree.delete(place)
        place.mkdir()
        try:
            (place / "fs").mkdir()
            (place / "fs").chmod(0o755)
            _write_meta(place, parent=parent, chain_id=chain_id)
            yield place
            place.rename(self.directory / key)
        except OSError as error:
            tree.delete(place)
            if (self.directory / key).exists() and isinstance(error, OSError):
                if may_exist:
                    return
                raise Conflict("a snapshot has this name already: {key}", key=key) from error
            raise
        except BaseException:
            tree.delete(place)
            raise

    def _all(self) -> Iterator[tuple[str, ChainID | None]]:
        for name in _listed(self.directory):
            if not name.startswith(UNFINISHED):
                with contextlib.suppress(FileNotFoundError):
                    chain_id = _read_meta(self.directory / name)["chain_id"]
                    yield name, ChainID(chain_id) if chain_id else None


def disk_bytes(directory: Path) -> int:
    """Bytes that a tree takes on the disk: allocated blocks, each inode once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for status in _statuses(directory):
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * 512
    return total


def content_bytes(directory: Path) -> int:
    """What the files of a tree hold, each once, and directories nothing: docker's size of a volume,
    which is 0 of an empty one. moby: pkg/directory
    """
    sizes = {
        (status.st_dev, status.st_ino): status.st_size
        for status in _statuses(directory)
        if not stat.S_ISDIR(status.st_mode)
    }
    return sum(sizes.values())


def _statuses(directory: Path) -> Iterator[os.stat_result]:
    """Of everything in a tree, and of itself; what lies deeper than a path can say is left out."""
    pending = [os.fspath(directory)]
    while pending:
        with contextlib.suppress(OSError):
            folder = pending.pop()
            yield os.lstat(folder)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False)


def _write_meta(place: Path, *, parent: ChainID | None, chain_id: ChainID | None) -> None:
    """Through a temporary name, so that a reader never sees half of it."""
    new = place / "meta.json.new"
    new.write_text(json.dumps({"parent": parent, "chain_id": chain_id}))
    new.rename(place / "meta.json")


def _read_meta(place: Path) -> dict[str, str | None]:
    meta: dict[str, str | None] = json.loads((place / "meta.json").read_bytes())
    return meta


def _listed(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
