"""Uploads: blobs that arrive in pieces, over minutes and several connections.

    uploads/<id>    the bytes so far; the file's length is all that must be remembered

Bytes are hashed while they arrive, in a thread, so that the last request has only to compare.
After a restart the file is there and the half-finished hash is not: it is made again by reading
the file once. A connection that is cut in the middle loses nothing that has arrived.

Rule: an upload becomes a blob only when its digest has been compared, its bytes are on the disk
and its row is committed. Whoever is told "created" finds it there, whatever happens next.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from runtime.oci.digest import Digest
from runtime.registry.server.answers import Asked, Refused
from runtime.registry.server.inventory import Inventory

_READ_BYTES = 1 << 20
_FORGOTTEN_S = 7 * 24 * 3600
"""An upload to which nothing was added for this long is given up."""


class Uploads:
    """The uploads under way of one server."""

    def __init__(self, root: Path, inventory: Inventory) -> None:
        self._folder = root / "uploads"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._inventory = inventory
        self._naming = asyncio.Lock()
        self._known: dict[str, _Progress] = {}

    def begin(self, name: str) -> str:
        """A new upload that survives a restart; its id."""
        upload = str(uuid.uuid4())
        self._inventory.begin_upload(upload, name)
        self._path(upload).touch(mode=0o600)
        return upload

    async def whole(self, name: str, asked: Asked, digest: Digest) -> int:
        """A blob that comes in one request. Nobody can go on with it, so it has no row."""
        upload = str(uuid.uuid4())
        try:
            await self._write(upload, asked.body, digest.algorithm)
            return await self._finish(name, upload, digest)
        finally:
            self._forget(upload)

    def size(self, name: str, upload: str) -> int:
        """How many bytes are there. Raises Refused: there is no such upload."""
        if self._inventory.has_upload(upload, name):
            with contextlib.suppress(FileNotFoundError):
                return self._path(upload).stat().st_size
        raise Refused("BLOB_UPLOAD_UNKNOWN", "there is no such upload")

    async def append(
        self, name: str, upload: str, asked: Asked, check: Callable[[int], None]
    ) -> int:
        """Add a request's body to an upload; how many bytes it has then. `check` is told how many
        there are before, and may refuse.

        A client whose connection broke comes back before we have noticed. So the newest request
        has the upload, and the one before it is interrupted.
        """
        progress = self._progress(name, upload)
        progress.interrupt()
        async with progress.lock:
            progress.interrupt = asked.interrupt
            try:
                check(self.size(name, upload))
                await self._write(upload, asked.body, progress.algorithm)
                return self.size(name, upload)
            finally:
                progress.interrupt = _nobody

    async def finish(self, name: str, upload: str, digest: Digest) -> int:
        """Make an upload the blob `digest`; its size. Raises Refused for other bytes, and then
        the upload is over, too.
        """
        progress = self._progress(name, upload)
        async with progress.lock:
            self.size(name, upload)
            try:
                return await self._finish(name, upload, digest)
            finally:
                self.cancel(upload)

    def cancel(self, upload: str) -> None:
        """Give an upload up."""
        self._inventory.end_upload(upload)
        self._forget(upload)

    def clear(self) -> None:
        """Remove what nobody will go on with: files without a row, and those given up."""
        for file in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > _FORGOTTEN_S:
                    self._inventory.end_upload(file.name)
                if file.name not in self._inventory.uploads():
                    file.unlink()

    def _progress(self, name: str, upload: str) -> _Progress:
        """What is known of an upload. Raises Refused for one that a client has made up: nothing is
        kept for that.
        """
        self.size(name, upload)
        return self._known.setdefault(upload, _Progress())

    def _path(self, upload: str) -> Path:
        return self._folder / upload

    def _forget(self, upload: str) -> None:
        self._known.pop(upload, None)
        self._path(upload).unlink(missing_ok=True)

    async def _write(
        self, upload: str, body: Callable[[], AsyncIterator[bytes]], algorithm: str
    ) -> None:
        """Append the body. While one piece is hashed and written, the next one arrives."""
        progress = self._known.setdefault(upload, _Progress())
        with self._path(upload).open("ab", buffering=0) as file:
            await asyncio.to_thread(progress.catch_up, self._path(upload), algorithm)
            writing = asyncio.create_task(_nothing())
            try:
                async for piece in body():
                    await writing
                    writing = asyncio.create_task(asyncio.to_thread(progress.add, file, piece))
            finally:
                await writing

    async def _finish(self, name: str, upload: str, digest: Digest) -> int:
        path = self._path(upload)
        progress = self._known.setdefault(upload, _Progress())
        actual = await asyncio.to_thread(progress.digest, path, digest.algorithm)
        if actual != digest:
            raise Refused(
                "DIGEST_INVALID",
                "the bytes received are not those of this digest",
                {"expected": digest, "actual": actual},
            )
        await asyncio.to_thread(_flush, path)
        size = progress.size
        async with self._naming:  # one after the other here, instead of waiting inside SQLite
            await asyncio.to_thread(self._inventory.add_blob, name, digest, path, upload)
        return size


class _Progress:
    """How far the hash of an upload has come."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.interrupt: Callable[[], None] = _nobody
        self.algorithm = "sha256"
        self.size = 0
        self._hash = hashlib.new(self.algorithm)

    def add(self, file: BinaryIO, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
        self._hash.update(piece)
        self.size += len(piece)

    def catch_up(self, path: Path, algorithm: str) -> None:
        """Hash what the file has and the hash does not: after a restart, all of it."""
        length = path.stat().st_size
        if algorithm == self.algorithm and length == self.size:
            return
        self.algorithm, self.size, self._hash = algorithm, 0, hashlib.new(algorithm)
        with path.open("rb", buffering=0) as file:
            while piece := file.read(_READ_BYTES):
                self._hash.update(piece)
                self.size += len(piece)

    def digest(self, path: Path, algorithm: str) -> Digest:
        self.catch_up(path, algorithm)
        return Digest(f"{algorithm}:{self._hash.hexdigest()}")


def _nobody() -> None:
    """There is no request to interrupt."""


async def _nothing() -> None:
    """There is nothing to wait for."""


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
