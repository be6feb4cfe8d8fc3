"""The content store: whole or absent, verified when read, never through a link."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.content.store import DOCUMENT_LIMIT_BYTES, ContentStore
from runtime.errors import IntegrityError, InvalidInput, KernelError, NotFound
from runtime.linux.mount import mount, umount
from runtime.oci.digest import Digest

ABSENT = Digest.of(b"nobody wrote this")


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


def everything(store: ContentStore) -> list[str]:
    root = store.blobs.parent
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


def test_what_is_added_is_read_back(store: ContentStore) -> None:
    digest = store.add(b"hello")
    assert digest == Digest.of(b"hello")
    assert store.read(digest) == b"hello"
    assert store.has(digest)
    assert store.size(digest) == 5
    assert list(store.digests()) == [digest]
    assert everything(store) == [f"blobs/sha256/{digest.hex}"]
    assert store.path(digest).read_bytes() == b"hello"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=6))
def test_writing_in_pieces(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    store = ContentStore(tmp_path_factory.mktemp("store"))
    with store.writer() as blob:
        for piece in pieces:
            assert blob.write(piece) == len(piece)
        digest, size = blob.commit()
    assert (digest, size) == (Digest.of(b"".join(pieces)), len(b"".join(pieces)))
    with store.open(digest) as stream:
        assert stream.read() == b"".join(pieces)


def test_without_commit_nothing_stays(store: ContentStore) -> None:
    with store.writer() as blob:
        blob.write(b"half")
    with pytest.raises(ZeroDivisionError), store.writer() as blob:
        blob.write(b"half")
        blob.write(b"%d" % (1 // 0))
    assert everything(store) == []


def test_before_commit_nothing_is_visible(store: ContentStore) -> None:
    with store.writer() as blob:
        blob.write(b"hello")
        assert list(store.digests()) == []
        blob.commit()
    assert list(store.digests()) == [Digest.of(b"hello")]


def test_the_wrong_bytes_are_refused(store: ContentStore) -> None:
    with pytest.raises(IntegrityError) as refusal, store.writer(Digest.of(b"good")) as blob:
        blob.write(b"evil")
        blob.commit()
    assert refusal.value.expected == Digest.of(b"good")
    assert refusal.value.actual == Digest.of(b"evil")
    assert everything(store) == []


@pytest.mark.parametrize("data", [b"four.", b"fou"])
def test_the_wrong_size_is_refused(store: ContentStore, data: bytes) -> None:
    with pytest.raises(IntegrityError, match="expected 4 bytes"), store.writer(size=4) as blob:
        blob.write(data)
        blob.commit()
    assert everything(store) == []


def test_more_bytes_than_promised_stop_at_once(store: ContentStore) -> None:
    with store.writer(size=4) as blob, pytest.raises(IntegrityError):
        blob.write(b"12345")


def test_sha512_when_it_is_expected(store: ContentStore) -> None:
    digest = Digest("sha512:" + hashlib.sha512(b"hello").hexdigest())
    with store.writer(digest) as blob:
        blob.write(b"hello")
        blob.commit()
    assert store.read(digest) == b"hello"
    assert list(store.digests()) == [digest]


def test_damage_on_the_disk_is_found_when_reading(store: ContentStore) -> None:
    digest = store.add(b"hello")
    store.path(digest).chmod(0o600)
    store.path(digest).write_bytes(b"hellO")
    with pytest.raises(IntegrityError, match="damaged"):
        store.read(digest)
    with store.open(digest) as stream:
        assert stream.read(5) == b"hellO"
        with pytest.raises(IntegrityError):
            stream.read(1)


def test_adding_again_heals_damage(store: ContentStore) -> None:
    digest = store.add(b"hello")
    store.path(digest).unlink()
    store.path(digest).write_bytes(b"")
    store.add(b"hello")
    assert store.read(digest) == b"hello"


def test_absent_blobs(store: ContentStore) -> None:
    assert not store.has(ABSENT)
    store.delete(ABSENT)
    for ask in (store.read, store.open, store.size):
        with pytest.raises(NotFound, match="no such blob"):
            ask(ABSENT)


def test_delete(store: ContentStore) -> None:
    digest = store.add(b"hello")
    store.delete(digest)
    assert not store.has(digest)
    assert list(store.digests()) == []


def test_documents_have_a_limit(store: ContentStore) -> None:
    digest = store.add(b"x")
    store.path(digest).chmod(0o644)
    os.truncate(store.path(digest), DOCUMENT_LIMIT_BYTES + 1)
    with pytest.raises(InvalidInput, match="too large"):
        store.read(digest)


def test_a_link_is_not_a_blob(store: ContentStore, tmp_path: Path) -> None:
    digest = store.add(b"hello")
    store.path(digest).rename(tmp_path / "elsewhere")
    store.path(digest).symlink_to(tmp_path / "elsewhere")
    assert not store.has(digest)
    assert list(store.digests()) == []
    with pytest.raises(NotFound):
        store.read(digest)


def test_a_linked_directory_is_not_followed(store: ContentStore, tmp_path: Path) -> None:
    digest = store.add(b"hello")
    (store.blobs / "sha256").rename(tmp_path / "elsewhere")
    (store.blobs / "sha256").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotFound):
        store.read(digest)


def test_a_pipe_in_place_of_a_blob_does_not_block(store: ContentStore) -> None:
    digest = store.add(b"hello")
    store.path(digest).unlink()
    os.mkfifo(store.path(digest))
    assert not store.has(digest)
    with pytest.raises(NotFound):
        store.read(digest)


def test_foreign_files_are_passed_over(store: ContentStore) -> None:
    digest = store.add(b"hello")
    (store.blobs / "sha256" / "README").touch()
    assert list(store.digests()) == [digest]


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KernelError, match="ingest"):
        ContentStore(tmp_path / "file").add(b"hello")


@pytest.mark.needs("root")
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    mount("tmpfs", tmp_path, "tmpfs", data="size=2m")
    try:
        store = ContentStore(tmp_path)
        kept = store.add(b"before")
        with pytest.raises(KernelError, match="No space left on device") as refusal:
            store.add(b"x" * (3 << 20))
        assert refusal.value.errno == errno.ENOSPC
        assert everything(store) == [f"blobs/sha256/{kept.hex}"]
    finally:
        umount(tmp_path)
