"""Staging: where an archive's files wait until it is known what they are.

An archive may come through a pipe, with the list of its contents at the very end. So every file
is taken in as it comes, under its digest, into a content store of its own below the real one's
`ingest`. What turns out to be part of a good image is adopted by the store with a rename; the
rest goes, and so does everything when the process is killed (see `content.gc.clear_ingest`).

An archive is somebody else's: a name that leads outside, comes twice or is no file is refused,
and a blob that is not what its name promises too.

Rule: names of the archive are only compared, never opened.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from runtime.content.store import ContentStore
from runtime.errors import IntegrityError, InvalidInput, NotFound, UnsafePath
from runtime.layer.compression import decompressed
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.reader import entries
from runtime.linux import tree
from runtime.oci.descriptor import Descriptor
from runtime.oci.digest import Digest

DOCUMENT_LIMIT_BYTES = 4 << 20
"""distribution-spec: the largest manifest that everybody takes."""

_MEMBERS_LIMIT = 100_000
_LINKS_LIMIT = 8
_CHUNK_BYTES = 1 << 20


class Staging:
    """The files of one archive: `with Staging(content) as staging: staging.receive(stream)`."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content
        self._files: dict[str, Digest] = {}
        self._links: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._content.ingest.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = Path(tempfile.mkdtemp(prefix="archive-", dir=self._content.ingest))
        self.store = ContentStore(self._place)
        return self

    def __exit__(self, *_: object) -> None:
        tree.delete(self._place)

    def receive(self, stream: BinaryIO) -> None:
        """Take in every file of a tar, compressed or not.

        Raises InvalidInput for a damaged or senseless archive, UnsafePath, IntegrityError for a
        blob with another content than its name says.
        """
        for number, (entry, content) in enumerate(entries(decompressed(stream)), start=1):
            if number > _MEMBERS_LIMIT:
                raise InvalidInput(
                    "the archive has more than {limit} files: this looks like a bomb",
                    limit=_MEMBERS_LIMIT,
                )
            self._receive(checked_name(entry.name), entry, content)

    def receive_layout(self, directory: Path) -> None:
        """Take in an OCI image layout that lies on the disk. Raises NotFound if it is none."""
        if not (directory / "oci-layout").is_file():
            raise NotFound(
                "no OCI image layout in {path}: there is no file oci-layout",
                hint="give an archive, or a directory such as `skopeo copy … oci:DIRECTORY` writes",
                path=directory,
            )
        for name in ("oci-layout", "index.json", "manifest.json"):
            if (directory / name).is_file():
                self._take(name, _chunks(directory / name))
        for path in sorted(directory.glob("blobs/*/*")):
            self._take(str(path.relative_to(directory)), _chunks(path))

    def has(self, name: str) -> bool:
        """Whether the archive has a file of that name."""
        return name in self._files

    def file(self, name: str) -> Digest:
        """The digest of the file that a name of the archive means, through links in it.

        Raises NotFound.
        """
        path = posixpath.normpath(name)
        for _ in range(_LINKS_LIMIT):
            if path in self._files:
                return self._files[path]
            if path not in self._links:
                break
            path = self._links[path]
        raise NotFound("the archive has no file {name}", name=name)

    def document(self, digest: Digest) -> bytes:
        """A manifest, an index or a config. Raises NotFound, InvalidInput when it is too large."""
        if (size := self._size(digest)) > DOCUMENT_LIMIT_BYTES:
            raise InvalidInput(
                "{digest} has {size} bytes: too large for a document", digest=digest, size=size
            )
        return self.store.read(digest)

    def check(self, descriptor: Descriptor) -> None:
        """Raises NotFound when the blob is missing, IntegrityError when its size is another."""
        if (size := self._size(descriptor.digest)) != descriptor.size:
            raise IntegrityError(
                "{digest} has another size than its descriptor says: {actual}, not {expected}",
                expected=str(descriptor.size),
                actual=str(size),
                digest=descriptor.digest,
            )

    def adopt(self, digest: Digest) -> None:
        """Give a blob to the real store, for good."""
        self._content.adopt(self.store, digest)

    def _size(self, digest: Digest) -> int:
        try:
            return self.store.size(digest)
        except NotFound as cause:
            raise NotFound(
                "the archive is not complete: it has no {digest}", digest=digest
            ) from cause

    def _receive(self, name: str, entry: Entry, content: Iterable[bytes]) -> None:
        match entry.kind:
            case EntryKind.DIRECTORY:
                pass
            case EntryKind.FILE:
                self._take(name, content)
            case EntryKind.SYMLINK:
                folder = posixpath.dirname(name)
                self._link(name, posixpath.join(folder, os.fsdecode(entry.link)))
            case EntryKind.HARD_LINK:
                self._link(name, os.fsdecode(entry.link))
            case _:
                raise InvalidInput("the archive holds {name}, which is no plain file", name=name)

    def _take(self, name: str, content: Iterable[bytes]) -> None:
        self._refuse_second(name)
        with self.store.writer(_promised(name)) as blob:
            for chunk in content:
                blob.write(chunk)
            self._files[name], _ = blob.commit()

    def _link(self, name: str, target: str) -> None:
        self._refuse_second(name)
        self._links[name] = posixpath.normpath(target)

    def _refuse_second(self, name: str) -> None:
        """Which of two would count, tools do not agree on."""
        if name in self._files or name in self._links:
            raise InvalidInput("the archive holds {name} twice", name=name)


def checked_name(name: bytes) -> str:
    """A member's name, without `./`. Raises UnsafePath."""
    parts = [part for part in os.fsdecode(name).split("/") if part not in ("", ".")]
    if ".." in parts or name.startswith(b"/"):
        raise UnsafePath(
            "the archive names {name!r}, which leads outside of it",
            hint="do not use this archive: it was made to attack its host, or is damaged",
            name=os.fsdecode(name),
        )
    return "/".join(parts)


def _promised(name: str) -> Digest | None:
    """What a file must hold that is named like a blob. image-layout.md, "Blobs"."""
    match name.split("/"):
        case ["blobs", algorithm, encoded]:
            return Digest(f"{algorithm}:{encoded}")
    return None


def _chunks(path: Path) -> Iterator[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
