"""The content store: bytes by digest, on disk.

    blobs/sha256/<hex>    whole and durable, or not there; never changed, only deleted
    ingest/<random>       still being written

This is the `blobs` folder of an OCI image layout. A blob is written to `ingest`, checked,
flushed to the disk and then renamed, so that a crash at any moment leaves either no blob or the
whole one. Whoever reads a blob reads it verified: a disk that lies is found out.

Rule: names are digests and nothing else, links are never followed, and this file does not know
what a blob means (see `gc` for what refers to what).
image-spec: image-layout.md
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from runtime.errors import IntegrityError, InvalidInput, KernelError, NotFound
from runtime.oci.digest import Digest

DOCUMENT_LIMIT_BYTES = 32 << 20
"""The largest blob that `read` loads into memory: far above any manifest or config."""

_BUFFER_BYTES = 1 << 20


class ContentStore:
    """All blobs of a state directory. Safe for any number of threads and processes."""

    def __init__(self, root: Path) -> None:
        self.blobs = root / "blobs"
        self.ingest = root / "ingest"

    def writer(self, expected: Digest | None = None, size: int | None = None) -> Writer:
        """A new blob: `with store.writer() as blob: blob.write(…); blob.commit()`.

        With `expected` or `size` (bytes), `commit` refuses anything else.
        """
        return Writer(self, expected, size)

    def add(self, data: bytes) -> Digest:
        """Store `data`; return its digest."""
        with self.writer() as blob:
            blob.write(data)
            return blob.commit()[0]

    def read(self, digest: Digest) -> bytes:
        """A small blob's bytes, verified.

        Raises NotFound, IntegrityError, and InvalidInput above DOCUMENT_LIMIT_BYTES.
        """
        if (size := self.size(digest)) > DOCUMENT_LIMIT_BYTES:
            raise InvalidInput(
                "{digest} has {size} bytes: too large for a document", digest=digest, size=size
            )
        with self.open(digest) as blob:
            return blob.read()

    def open(self, digest: Digest, offset: int = 0) -> BinaryIO:
        """A blob as a stream that checks itself.

        Whoever reads to the end gets IntegrityError there if the bytes are not `digest`'s. A
        stream that begins in the middle, at `offset`, cannot know. Raises NotFound.
        """
        if offset:
            middle = io.FileIO(self._descriptor(digest))
            middle.seek(offset)
            return io.BufferedReader(middle, _BUFFER_BYTES)
        reader = io.BufferedReader(
            _VerifyingReader(self._descriptor(digest), digest), _BUFFER_BYTES
        )
        return cast(BinaryIO, reader)

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or would be."""
        return self.blobs / digest.algorithm / digest.hex

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there."""
        try:
            return stat.S_ISREG(self.path(digest).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def size(self, digest: Digest) -> int:
        """The blob's length in bytes. Raises NotFound."""
        descriptor = self._descriptor(digest)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def digests(self) -> Iterator[Digest]:
        """Every blob there is, sorted. Files that are not blobs are passed over."""
        for algorithm in ("sha256", "sha512"):
            with contextlib.suppress(FileNotFoundError):
                for name in sorted(os.listdir(self.blobs / algorithm)):
                    with contextlib.suppress(InvalidInput):
                        if self.has(digest := Digest(f"{algorithm}:{name}")):
                            yield digest

    def delete(self, digest: Digest) -> None:
        """Forget the blob; it is fine if it is not there."""
        with contextlib.suppress(FileNotFoundError):
            self.path(digest).unlink()

    def adopt(self, other: ContentStore, digest: Digest) -> None:
        """Move a blob here from another store on the same disk: it is there whole, or not yet.

        Raises NotFound.
        """
        place = self.path(digest)
        with _naming(self.blobs):
            _make_durable_directory(place.parent)
            try:
                other.path(digest).rename(place)
            except FileNotFoundError as cause:
                raise NotFound("no such blob: {digest}", digest=digest) from cause
            _sync_directory(place.parent)

    def take(self, file: Path, digest: Digest) -> None:
        """Make `file`, on the same disk, a blob: the caller has seen that its bytes are `digest`'s,
        and nobody writes to it any more. It is there whole and durable, or still where it was.

        Raises KernelError (ENOENT: there is no such file).
        """
        with _naming(file):
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, 0o444)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            place = self.path(digest)
            _make_durable_directory(place.parent)
            file.rename(place)
            _sync_directory(place.parent)

    def _descriptor(self, digest: Digest) -> int:
        """Opened without following a link, even of the directory: a blob is a plain file.

        O_NONBLOCK, so that a pipe put in its place is refused instead of waited for.
        """
        directory_flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
        file_flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            directory = os.open(self.path(digest).parent, directory_flags)
            try:
                blob = os.open(digest.hex, file_flags, dir_fd=directory)
            finally:
                os.close(directory)
        except OSError as cause:
            if cause.errno not in (ENOENT, ENOTDIR, ELOOP):
                raise KernelError("open", str(self.path(digest)), cause.errno or 0) from cause
            raise NotFound("no such blob: {digest}", digest=digest) from cause
        if stat.S_ISREG(os.fstat(blob).st_mode):
            return blob
        os.close(blob)
        raise NotFound("no such blob: {digest}", digest=digest)


class Writer:
    """A blob being written. Leaving the `with` block without `commit` leaves nothing behind."""

    def __init__(self, store: ContentStore, expected: Digest | None, size: int | None) -> None:
        self._store = store
        self._expected = expected
        self._expected_size = size
        self._algorithm = expected.algorithm if expected else "sha256"
        self._hash = hashlib.new(self._algorithm)
        self._size = 0

    def __enter__(self) -> Self:
        with _naming(self._store.ingest):
            self._store.ingest.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._store.ingest)
        self._file = open(descriptor, "wb", buffering=_BUFFER_BYTES)
        self._temporary: Path | None = Path(name)
        return self

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append `data`; return its length.

        Raises IntegrityError as soon as there are more bytes than promised, and KernelError
        (ENOSPC) when the disk is full.
        """
        self._size += len(data)
        if self._expected_size is not None and self._size > self._expected_size:
            raise self._wrong_size()
        with _naming(self._store.ingest):
            self._file.write(data)
        self._hash.update(data)
        return len(data)

    def reread(self) -> BinaryIO:
        """What has been written so far, from its beginning: to look at it before `commit`."""
        assert self._temporary is not None, "it has been committed"
        with _naming(self._store.ingest):
            self._file.flush()
            return self._temporary.open("rb")

    def verify(self) -> None:
        """Raises IntegrityError when what was written is not what was expected."""
        if self._expected_size not in (None, self._size):
            raise self._wrong_size()
        if self._expected not in (None, self.digest):
            raise IntegrityError(
                "the bytes received are not those of {expected}: they are {actual}",
                expected=str(self._expected),
                actual=str(self.digest),
            )

    @property
    def size(self) -> int:
        """How many bytes have been written."""
        return self._size

    @property
    def digest(self) -> Digest:
        """The digest of what has been written so far."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")

    def commit(self) -> tuple[Digest, int]:
        """Make the blob durable and visible; return its digest and size.

        Raises IntegrityError when it is not what was expected, KernelError when the disk is full.
        """
        self.verify()
        digest = self.digest
        with _naming(self._store.blobs):
            self._publish(self._store.path(digest))
        return digest, self._size

    def _publish(self, place: Path) -> None:
        assert self._temporary is not None, "a blob is committed once"
        self._file.flush()
        os.fchmod(self._file.fileno(), 0o444)
        os.fsync(self._file.fileno())
        _make_durable_directory(place.parent)
        # Over an older copy too: if that one was damaged, this heals it.
        self._temporary.rename(place)
        self._temporary = None
        _sync_directory(place.parent)

    def _wrong_size(self) -> IntegrityError:
        return IntegrityError(
            "expected {expected} bytes, received {actual}",
            expected=str(self._expected_size),
            actual=str(self._size),
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing flushes, and on a full disk that fails again: what went wrong is known by then.
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)


class _VerifyingReader(io.RawIOBase):
    """Reads a file and, at its end, compares what was read with the digest."""

    def __init__(self, descriptor: int, digest: Digest) -> None:
        self._file = io.FileIO(descriptor)
        self._digest = digest
        self._hash = hashlib.new(digest.algorithm)

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._hash.update(memoryview(buffer)[:count])
        if count == 0 and len(buffer) and self._hash.hexdigest() != self._digest.hex:
            raise IntegrityError(
                "a blob on this disk is damaged: {expected} holds {actual}",
                expected=str(self._digest),
                actual=f"{self._digest.algorithm}:{self._hash.hexdigest()}",
            )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextlib.contextmanager
def _naming(place: Path) -> Iterator[None]:
    """Let a failing write say where: a full disk, a folder that may not be written."""
    try:
        yield
    except KernelError:
        raise
    except OSError as cause:
        raise KernelError("write", str(place), cause.errno or 0) from cause


def _make_durable_directory(directory: Path) -> None:
    missing = [d for d in (directory.parent, directory) if not d.is_dir()]
    for new in missing:
        new.mkdir(mode=0o755, exist_ok=True)
        _sync_directory(new.parent)


def _sync_directory(directory: Path) -> None:
    """A new name is durable only when the directory that holds it is. man 2 fsync"""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
