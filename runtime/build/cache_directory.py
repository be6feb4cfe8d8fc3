"""Cache directories: what `RUN --mount=type=cache` shows, kept from build to build.

    caches/<name>/fs          the files: a package manager's downloads, a compiler's objects
    caches/<name>/meta.json   the id that the Dockerfile gave
    caches/<name>/lock        held, as an flock, by every build that uses it
    caches/<name>/uses        how often that was: see `uses`

No layer holds these files and no cache key depends on them: a step must come out the same with
an empty one. `sharing` says who may write at once: `shared` everybody, `locked` one after the
other, `private` each a directory of its own, taken again by the next one that finds it free.

The kernel releases a lock when its holder dies, by kill -9 too. Docker's reference, "RUN
--mount=type=cache"; man 2 flock
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.build.uses import Uses, note_use, uses_of
from runtime.linux import tree
from runtime.snapshot.overlay import UNFINISHED, disk_bytes

if TYPE_CHECKING:  # every command clears up here first, and should start fast
    from runtime.dockerfile.mount import Sharing

NAME_LENGTH = 20


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """One of them, as `system df -v` lists it."""

    name: str
    id: str
    size_bytes: int
    in_use: bool
    uses: Uses


class CacheDirectories:
    """All cache directories of a state directory."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "caches"

    @contextlib.contextmanager
    def use(self, id: str, sharing: Sharing, fill: Callable[[Path], None]) -> Iterator[Path]:
        """The files of the cache `id`, for as long as the block lasts. `fill` begins a new one.

        Waits for `locked` ones.
        """
        name = hashlib.sha256(id.encode()).hexdigest()[:NAME_LENGTH]
        place, lock = self._take(name, id, sharing, fill)
        try:
            note_use(place)
            yield place / "fs"
        finally:
            os.close(lock)

    def all(self) -> list[CacheDirectory]:
        """Every one, by name."""
        return [self._described(name) for name in self._names()]

    def remove_unused(self) -> list[CacheDirectory]:
        """Delete all that no build holds; returns them."""
        gone = []
        for name in self._names():
            lock = self._lock(self._directory / name, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is None:
                continue
            try:
                gone.append(_read(self._directory / name, in_use=False))
                doomed = self._directory / f"{UNFINISHED}{secrets.token_hex(8)}"
                (self._directory / name).rename(doomed)  # at once, however long deleting takes
            finally:
                os.close(lock)
            tree.delete(doomed)
        return gone

    def _take(
        self, name: str, id: str, sharing: Sharing, fill: Callable[[Path], None]
    ) -> tuple[Path, int]:
        """A directory and the lock on it. A private one that is taken leads to the next."""
        how = {
            "shared": fcntl.LOCK_SH,
            "locked": fcntl.LOCK_EX,
            "private": fcntl.LOCK_EX | fcntl.LOCK_NB,
        }[sharing]
        number = 0
        while True:
            place = self._directory / (f"{name}-{number}" if number else name)
            self._create(place, id, fill)
            lock = self._lock(place, how)
            if lock is not None:
                return place, lock
            if sharing == "private":
                number += 1

    def _create(self, place: Path, id: str, fill: Callable[[Path], None]) -> None:
        """Have it there, whole: under a temporary name first, as a crash may come any time."""
        if place.exists():
            return
        self._directory.mkdir(mode=0o700, exist_ok=True)
        new = self._directory / f"{UNFINISHED}{secrets.token_hex(8)}"
        try:
            (new / "fs").mkdir(parents=True)
            (new / "lock").touch()
            (new / "meta.json").write_text(json.dumps({"id": id}))
            fill(new / "fs")
            with contextlib.suppress(OSError):  # somebody else was faster: theirs it is
                new.rename(place)
        finally:
            tree.delete(new)

    def _lock(self, place: Path, how: int) -> int | None:
        """A descriptor that holds the lock; None if it is taken, or the directory is gone."""
        try:
            descriptor = os.open(place / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, how)
            if os.path.samestat(os.fstat(descriptor), (place / "lock").stat()):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _described(self, name: str) -> CacheDirectory:
        place = self._directory / name
        lock = self._lock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            os.close(lock)
        return _read(place, in_use=lock is None)

    def _names(self) -> list[str]:
        return [name for name in listed(self._directory) if not name.startswith(UNFINISHED)]


def _read(place: Path, *, in_use: bool) -> CacheDirectory:
    id = json.loads((place / "meta.json").read_bytes())["id"]
    return CacheDirectory(place.name, id, disk_bytes(place / "fs"), in_use, uses_of(place))


def clear_unfinished(directory: Path) -> None:
    """Delete what a crash left half made or half deleted. Only while nobody else builds."""
    for name in listed(directory):
        if name.startswith(UNFINISHED):
            tree.delete(directory / name)


def listed(directory: Path) -> list[str]:
    """What is in a directory, sorted; one that is not there is empty."""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
