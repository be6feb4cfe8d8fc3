"""Downloads: what `ADD https://…` has fetched, kept for the next build.

The next build asks the server whether its file has changed instead of getting it again. With
`--checksum` nobody is asked when the kept file is the wanted one.

    downloads/<name>/content      the bytes
    downloads/<name>/meta.json    address, file name, ETag, Last-Modified, sha256
    downloads/<name>/uses         how often a build had it: see `uses`

What was too large, too slow or cut off is an error and leaves nothing. How a server is asked is
another file's business (`web`), which is imported when one is.
Dockerfile reference, "ADD --checksum"
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.build.cache_directory import listed
from runtime.build.sources import Source, SourceFile
from runtime.build.uses import Uses, note_use, uses_of
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError, IntegrityError, OnggiError
from runtime.linux import tree
from runtime.snapshot.overlay import UNFINISHED

if TYPE_CHECKING:
    from runtime.build.web import Answer

NAME_LENGTH = 20
LARGEST_BYTES = 16 << 30
MODE = 0o600
"""BuildKit's, for what has no mode of its own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a download. `mtime_s` is the server's Last-Modified, else 1970."""

    address: str
    name: str
    sha256: str
    size_bytes: int
    etag: str = ""
    last_modified: str = ""
    mtime_s: int = 0


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The reader of one file that is open already: whoever removes it takes nothing away."""

    descriptor: int

    def open_file(self, _path: str) -> int:
        """A descriptor of its own, at the beginning."""
        return os.open(f"/proc/self/fd/{self.descriptor}", os.O_RDONLY | os.O_CLOEXEC)


class Downloads:
    """All that builds of a state directory have downloaded."""

    def __init__(self, root: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._directory = root / "downloads"
        self._largest_bytes = largest_bytes

    @contextlib.contextmanager
    def fetch(self, word: Word, checksum: str = "") -> Iterator[Source]:
        """The file at the address `word`, as a source of ADD, while the block lasts.

        `checksum` is `algorithm:hex`. Raises DockerfileError when the file cannot be had, or is
        another one.
        """
        try:
            descriptor, kept = self._open(word.text, checksum)
        except OnggiError as cause:
            raise _failed(word, cause) from cause
        try:
            mtime_ns = kept.mtime_s * 10**9
            file = SourceFile(kept.name, "", "file", MODE, mtime_ns, kept.sha256)
            yield Source(word, kept.name, (file,), OpenFile(descriptor))
        finally:
            os.close(descriptor)

    def all(self) -> dict[str, tuple[Kept, Uses]]:
        """Every download that is kept, by the name of its directory."""
        found = {}
        for name in self._names():
            with contextlib.suppress(FileNotFoundError):  # it has just been removed
                found[name] = self._read(name), uses_of(self._directory / name)
        return found

    def remove(self) -> dict[str, Kept]:
        """Forget all of them; returns them."""
        gone = {name: kept for name, (kept, _) in self.all().items()}
        for name in gone:
            doomed = self._directory / f"{UNFINISHED}{secrets.token_hex(8)}"
            with contextlib.suppress(FileNotFoundError):
                (self._directory / name).rename(doomed)
                tree.delete(doomed)
        return gone

    def _open(self, address: str, checksum: str) -> tuple[int, Kept]:
        """The newest file that this address has, open, and what is known of it."""
        name = hashlib.sha256(address.encode()).hexdigest()[:NAME_LENGTH]
        kept = self._kept(name)
        if kept and checksum:
            descriptor = self._open_content(name)
            if digest_of(descriptor, checksum) == checksum:
                return descriptor, kept
            os.close(descriptor)
            kept = None
        from runtime.build import web  # slow to import

        known = (kept.etag, kept.last_modified) if kept else ("", "")
        with web.ask(address, *known) as answer:
            if not (answer.is_unchanged and kept):
                kept = self._keep(name, answer, checksum)
        return self._open_content(name), kept

    def _keep(self, name: str, answer: Answer, checksum: str) -> Kept:
        """Store what the server sends, and then its name: a crash between leaves nothing."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        new = self._directory / f"{UNFINISHED}{secrets.token_hex(8)}"
        new.mkdir()
        try:
            with (new / "content").open("wb+") as file:
                size_bytes = answer.receive(file, self._largest_bytes)
                _check(file.fileno(), checksum)
                sha256 = digest_of(file.fileno(), "sha256:").removeprefix("sha256:")
            kept = Kept(
                address=answer.address,
                name=answer.file_name,
                sha256=sha256,
                size_bytes=size_bytes,
                etag=answer.header("ETag"),
                last_modified=answer.header("Last-Modified"),
                mtime_s=answer.modified_s,
            )
            (new / "meta.json").write_text(json.dumps(asdict(kept)))
            old = self._directory / f"{UNFINISHED}{secrets.token_hex(8)}"
            with contextlib.suppress(FileNotFoundError):
                (self._directory / name).rename(old)
            with contextlib.suppress(OSError):  # another build was faster with the same file
                new.rename(self._directory / name)
            tree.delete(old)
            return kept
        finally:
            tree.delete(new)

    def _open_content(self, name: str) -> int:
        """A use of it."""
        place = self._directory / name
        note_use(place)
        return os.open(place / "content", os.O_RDONLY | os.O_CLOEXEC)

    def _kept(self, name: str) -> Kept | None:
        with contextlib.suppress(FileNotFoundError):
            return self._read(name)
        return None

    def _read(self, name: str) -> Kept:
        return Kept(**json.loads((self._directory / name / "meta.json").read_bytes()))

    def _names(self) -> list[str]:
        return [name for name in listed(self._directory) if not name.startswith(UNFINISHED)]


def digest_of(descriptor: int, checksum: str) -> str:
    """The digest of an open file by the algorithm that `checksum` names."""
    algorithm = checksum.partition(":")[0]
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _check(descriptor: int, checksum: str) -> None:
    if checksum and (actual := digest_of(descriptor, checksum)) != checksum:
        raise IntegrityError(
            "its checksum is {actual}, not {expected}", expected=checksum, actual=actual
        )


def _failed(word: Word, cause: OnggiError) -> DockerfileError:
    return DockerfileError(
        "{file}:{line}:{column}: {address} cannot be downloaded: {reason}",
        address=word.text,
        reason=cause.message,
        **word.place.facts(),
    )
