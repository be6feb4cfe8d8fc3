"""A directory being filled: one entry after the other, in any order, replacing each other."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.errors import InvalidInput, KernelError, UnsafePath
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.layer_target import LayerTarget as Target
from runtime.layer.whiteout import is_opaque, is_whiteout
from runtime.linux.mount import mount, umount

pytestmark = pytest.mark.needs("root")

Place = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def fill(root: Path, *entries: Entry | tuple[Entry, bytes]) -> None:
    with Target(root, depth_limit=16) as target:
        for item in entries:
            entry, content = item if isinstance(item, tuple) else (item, b"")
            target.place(entry, [content])


def file(name: bytes, content: bytes = b"") -> tuple[Entry, bytes]:
    return Entry(name, EntryKind.FILE, mode=0o644), content


def directory(name: bytes, mtime_ns: int = 0) -> Entry:
    return Entry(name, EntryKind.DIRECTORY, mode=0o755, mtime_ns=mtime_ns)


def symlink(name: bytes, target: bytes) -> Entry:
    return Entry(name, EntryKind.SYMLINK, link=target)


def hard_link(name: bytes, target: bytes) -> Entry:
    return Entry(name, EntryKind.HARD_LINK, link=target)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_missing_parents_are_made(root: Path) -> None:
    previous = os.umask(0o077)
    try:
        fill(root, file(b"a/b/c", b"deep"))
    finally:
        os.umask(previous)
    assert (root / "a/b/c").read_bytes() == b"deep"
    assert mode(root / "a") == mode(root / "a/b") == 0o755


def test_metadata(root: Path) -> None:
    entry = Entry(
        b"tool", EntryKind.FILE, mode=0o6755, uid=1, gid=2, mtime_ns=5, xattrs={"user.a": b"b"}
    )
    fill(root, (entry, b"x"))
    status = (root / "tool").stat()
    assert (status.st_uid, status.st_gid, status.st_mtime_ns) == (1, 2, 5)
    assert mode(root / "tool") == 0o6755
    assert os.getxattr(root / "tool", "user.a") == b"b"


def test_a_directorys_time_outlives_its_content(root: Path) -> None:
    fill(root, directory(b"d", mtime_ns=7), file(b"d/a"), file(b"d/b"), directory(b".", mtime_ns=9))
    assert (root / "d").stat().st_mtime_ns == 7
    assert root.stat().st_mtime_ns == 9


def test_names_may_start_with_a_dot(root: Path) -> None:
    fill(root, directory(b"./etc"), file(b"./etc//hosts"))
    assert (root / "etc/hosts").is_file()


def test_special_files(root: Path) -> None:
    fill(
        root,
        Entry(b"null", EntryKind.CHARACTER_DEVICE, mode=0o666, device=(1, 3)),
        Entry(b"disk", EntryKind.BLOCK_DEVICE, mode=0o660, device=(8, 0), gid=6),
        Entry(b"pipe", EntryKind.FIFO, mode=0o622, mtime_ns=3),
        Entry(b"link", EntryKind.SYMLINK, link=b"/etc/passwd", uid=4, mtime_ns=4),
    )
    assert (root / "null").lstat().st_rdev == os.makedev(1, 3)
    assert stat.S_ISBLK((root / "disk").lstat().st_mode)
    assert stat.S_ISFIFO((root / "pipe").lstat().st_mode)
    assert [mode(root / name) for name in ("null", "disk", "pipe")] == [0o666, 0o660, 0o622]
    link = (root / "link").lstat()
    assert (os.readlink(root / "link"), link.st_uid, link.st_mtime_ns) == ("/etc/passwd", 4, 4)


@pytest.mark.parametrize(
    "first",
    [file(b"x", b"old"), directory(b"x"), symlink(b"x", b"y"), Entry(b"x", EntryKind.FIFO)],
)
def test_the_last_entry_of_a_name_wins(root: Path, first: Entry | tuple[Entry, bytes]) -> None:
    fill(root, first, file(b"x", b"new"))
    assert (root / "x").read_bytes() == b"new"
    assert not (root / "x").is_symlink()


def test_replacing_a_file_leaves_its_other_names_alone(root: Path) -> None:
    fill(root, file(b"a", b"1"), hard_link(b"b", b"a"), file(b"a", b"2"))
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"2", b"1")


def test_a_full_directory_is_replaced_by_a_file(root: Path) -> None:
    fill(root, file(b"d/e/f"), file(b"d", b"file"))
    assert (root / "d").read_bytes() == b"file"


def test_a_directory_is_kept_and_described_anew(root: Path) -> None:
    fill(root, directory(b"d"), file(b"d/f"), Entry(b"d", EntryKind.DIRECTORY, mode=0o700))
    assert (root / "d/f").exists()
    assert mode(root / "d") == 0o700


def test_a_directory_replaces_a_link_to_one(root: Path) -> None:
    fill(root, directory(b"real"), symlink(b"d", b"real"), directory(b"d"), file(b"d/f"))
    assert not (root / "real/f").exists()
    assert (root / "d/f").exists()


def test_hard_links(root: Path) -> None:
    fill(root, file(b"a/file", b"1"), hard_link(b"b/link", b"a/file"), symlink(b"s", b"a"))
    assert (root / "a/file").samefile(root / "b/link")
    fill(root, hard_link(b"t", b"s"))
    assert (root / "t").is_symlink()


@pytest.mark.parametrize("target", [b"missing", b"a", b"no/such", b".", b"file", b"link"])
def test_hard_links_to_nothing_of_this_layer(root: Path, target: bytes) -> None:
    with pytest.raises(InvalidInput, match="no file of this layer"):
        fill(root, directory(b"a"), file(b"file/below"), hard_link(b"link", target))


def test_a_whiteout_becomes_overlayfs_mark(root: Path) -> None:
    fill(root, file(b"etc/.wh.motd"), file(b".wh.opt"))
    assert is_whiteout((root / "etc/motd").lstat())
    assert is_whiteout((root / "opt").lstat())
    assert not list(root.rglob(".wh.*"))


def test_an_opaque_mark_becomes_an_attribute(root: Path) -> None:
    fill(root, file(b"etc/.wh..wh..opq"), file(b"etc/new"))
    assert is_opaque(os.fsencode(root / "etc"))
    assert sorted(os.listdir(root / "etc")) == ["new"]


def test_book_keeping_of_aufs_is_passed_over(root: Path) -> None:
    fill(root, file(b".wh..wh.plnk/5.6"), file(b".wh..wh.aufs"))
    assert not (root / ".wh..wh.aufs").exists()


@pytest.mark.parametrize("whiteout_first", [True, False])
def test_a_whiteout_spares_what_the_layer_brings(root: Path, whiteout_first: bool) -> None:
    """layer.md: whiteouts apply to lower layers only. So the directory hides what was below."""
    entries = [file(b".wh.d"), directory(b"d"), file(b"d/new")]
    fill(root, *(entries if whiteout_first else reversed(entries)))
    assert (root / "d/new").is_file()
    assert is_opaque(os.fsencode(root / "d"))


def test_a_whiteout_under_an_unmentioned_parent(root: Path) -> None:
    fill(root, file(b".wh.d"), file(b"d/new"))
    assert is_opaque(os.fsencode(root / "d"))
    assert mode(root / "d") == 0o755


def test_a_file_in_place_of_a_whiteout_and_the_other_way_round(root: Path) -> None:
    fill(root, file(b".wh.a"), file(b"a", b"1"), file(b"b", b"2"), file(b".wh.b"))
    assert (root / "a").read_bytes() == b"1"
    assert (root / "b").read_bytes() == b"2"


def test_names_that_no_kernel_takes(root: Path) -> None:
    with pytest.raises(KernelError, match="File name too long"):
        fill(root, file(b"n" * 256))
    with pytest.raises(InvalidInput, match="too much"):
        fill(root, file(b"/".join([b"n" * 200] * 15 + [b"n" * 2000])))
    with pytest.raises(InvalidInput, match="17 levels"):
        fill(root, file(b"d/" * 16 + b"f"))


@pytest.mark.parametrize("name", [b".", b"./", b"/"])
def test_the_root_has_metadata_too(root: Path, name: bytes) -> None:
    fill(root, Entry(name, EntryKind.DIRECTORY, mode=0o711, mtime_ns=7))
    assert (mode(root), root.stat().st_mtime_ns) == (0o711, 7)


@pytest.mark.parametrize("name", [b".", b"./", b"/"])
def test_the_root_is_no_file(root: Path, name: bytes) -> None:
    with pytest.raises(UnsafePath):
        fill(root, file(name))


def test_a_full_disk_is_named(root: Path) -> None:
    mount("tmpfs", root, "tmpfs", data="size=1m")
    try:
        with pytest.raises(KernelError, match=r"big.*No space left on device"):
            fill(root, file(b"big", bytes(2 << 20)))
    finally:
        umount(root)


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = os.listdir("/proc/self/fd")
    fill(root, file(b"a/b/c"), directory(b"d"), hard_link(b"l", b"a/b/c"), file(b".wh.x"))
    with pytest.raises(UnsafePath):
        fill(root, file(b"../x"))
    assert os.listdir("/proc/self/fd") == before
