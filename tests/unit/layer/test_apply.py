"""From a tar to a layer directory and back again."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import zstandard

from runtime.content.store import ContentStore
from runtime.errors import IntegrityError, InvalidInput
from runtime.layer.apply import Applied, apply_layer
from runtime.layer.diff import changes_of_upper
from runtime.layer.limits import DEFAULT, Limits
from runtime.layer.tar import tree_layer, write_layer
from runtime.oci.digest import Digest

pytestmark = pytest.mark.needs("root")


def layer(root: Path) -> bytes:
    out = io.BytesIO()
    tree_layer(root, out, epoch=None)
    return out.getvalue()


def apply(data: bytes, target: Path, limits: Limits = DEFAULT) -> Applied:
    target.mkdir(exist_ok=True)
    return apply_layer(io.BytesIO(data), target, limits)


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    """What overlayfs might leave: every kind of file, deletions, and times to the nanosecond."""
    root = tmp_path / "upper"
    (root / "etc/empty").mkdir(parents=True)
    (root / "etc/hosts").write_bytes(b"127.0.0.1 localhost\n" * 100)
    os.link(root / "etc/hosts", root / "etc/hosts.link")
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    os.mkfifo(root / "pipe", 0o622)
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "etc/gone", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(root / "etc/empty", "trusted.overlay.opaque", b"y")
    os.setxattr(root / "etc/hosts", "user.note", b"\0binary")
    os.chown(root / "etc/hosts", 1000, 3_000_000)
    (root / "etc/hosts").chmod(0o6750)
    Path(os.fsdecode(os.fsencode(root) + b"/\xff" + b"n" * 200)).touch()
    return root


def test_a_layer_comes_back_as_it_went(tmp_path: Path, upper: Path) -> None:
    data = layer(upper)
    applied = apply(data, tmp_path / "target")
    assert applied == Applied(applied.diff_id, len(data), 10)
    assert applied.diff_id == Digest.of(data)
    assert layer(tmp_path / "target") == data


def test_what_follows_the_archive_belongs_to_the_digest(tmp_path: Path) -> None:
    data = bytes(1024) + b"padding" * 1000
    assert apply(data, tmp_path / "target").diff_id == Digest.of(data)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_layers_come_compressed_or_not(
    tmp_path: Path, upper: Path, compress: Callable[[bytes], bytes]
) -> None:
    data = layer(upper)
    assert apply(compress(data), tmp_path / "target").diff_id == Digest.of(data)


@pytest.mark.parametrize("damage", ["cut", "flip", "no gzip"])
def test_damaged_gzip(tmp_path: Path, upper: Path, damage: str) -> None:
    stored = bytearray(gzip.compress(layer(upper)))
    if damage == "cut":
        del stored[-20:]
    elif damage == "flip":
        stored[-8] ^= 1  # the checksum at the end: everything before it looks right
    else:
        stored[:2] = b"xx"
    with pytest.raises(InvalidInput, match=r"damaged|checksum"):
        apply_layer(io.BytesIO(bytes(stored)), tmp_path)


def test_a_damaged_blob_is_found_while_it_is_applied(tmp_path: Path, upper: Path) -> None:
    store = ContentStore(tmp_path / "state")
    with store.writer() as blob:
        write_layer(changes_of_upper(upper), blob, epoch=0)
        digest, size = blob.commit()
    store.path(digest).chmod(0o600)
    with open(store.path(digest), "r+b") as file:
        file.seek(size - 1)
        file.write(b"!")
    (tmp_path / "target").mkdir()
    with store.open(digest) as stream, pytest.raises(IntegrityError):
        apply_layer(stream, tmp_path / "target")


def test_limits(tmp_path: Path, upper: Path) -> None:
    data = layer(upper)
    with pytest.raises(InvalidInput, match="more than 1000 bytes"):
        apply(data, tmp_path / "a", Limits(bytes=1000))
    with pytest.raises(InvalidInput, match="more than 5 entries"):
        apply(data, tmp_path / "b", Limits(entries=5))
    with pytest.raises(InvalidInput, match="levels deep"):
        apply(data, tmp_path / "c", Limits(depth=1))
    assert apply(data, tmp_path / "d", Limits(bytes=len(data), entries=10, depth=3)).files == 10


class _Zeros(io.RawIOBase):
    """One file of `size` zeros as a tar, made up while it is read."""

    def __init__(self, size: int) -> None:
        member = tarfile.TarInfo("zeros")
        member.size = size
        self._header = member.tobuf(tarfile.GNU_FORMAT)
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._header:
            header, self._header = self._header, b""
            return header
        size = min(size, self._left)
        self._left -= size
        return bytes(size)


def test_memory_stays_flat(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        stream = cast(BinaryIO, _Zeros(64 << 20))
        assert apply_layer(stream, tmp_path).bytes == (64 << 20) + 512
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "zeros").stat().st_size == 64 << 20
