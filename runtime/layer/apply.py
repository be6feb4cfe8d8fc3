"""Applying layers: a tar in, a directory for overlayfs out.

    blob ──▶ decompressed ──▶ entries ──▶ LayerTarget ──▶ layer directory
             (compression)    (reader)    (path-safe)

The directory belongs to one layer alone: deletions are marked in it, not carried out. While the
tar is read its digest is computed, so the caller learns which layer it has really applied.

image-spec: layer.md "Applying Changesets"
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from runtime.layer.compression import BUFFER_BYTES, decompressed
from runtime.layer.layer_target import LayerTarget
from runtime.layer.limits import DEFAULT, Limits, too_large
from runtime.layer.reader import entries
from runtime.oci.digest import DiffID


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied: the digest and length of the uncompressed tar, and its entries."""

    diff_id: DiffID
    bytes: int
    files: int


def apply_layer(stream: BinaryIO, target: Path, limits: Limits = DEFAULT) -> Applied:
    """Unpack the tar `stream`, compressed or not, into the directory `target`.

    Writes nowhere but inside `target`, and uses memory that does not grow with the layer's
    content. `stream` is read to its end. Directories that the tar does not mention are made 0755.

    Raises UnsafePath when the layer tries to leave `target`, InvalidInput when it is damaged or
    larger than `limits`, KernelError. The target is then half filled: the caller throws it away.
    """
    measured = Measured(decompressed(stream, limits), limits.bytes)
    reader = cast(BinaryIO, io.BufferedReader(measured, BUFFER_BYTES))
    files = 0
    with LayerTarget(target, limits.depth) as tree:
        for entry, content in entries(reader):
            files += 1
            if files > limits.entries:
                raise too_large("entries", limits.entries)
            tree.place(entry, content)
    while reader.read(BUFFER_BYTES):
        pass  # padding after the end of the archive belongs to the digest
    return Applied(measured.diff_id(), measured.count, files)


class Measured(io.RawIOBase):
    """A stream that counts and hashes what passes, and ends a bomb early."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._hash = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._hash.update(data)
        self.count += len(data)
        if self.count > self._limit:
            raise too_large("bytes", self._limit)
        buffer[: len(data)] = data
        return len(data)

    def diff_id(self) -> DiffID:
        """The digest of all that was read."""
        return DiffID("sha256:" + self._hash.hexdigest())
