"""From an overlay's upper directory to changes, in one order."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

import pytest

from runtime.errors import KernelError
from runtime.layer.change import ChangeKind
from runtime.layer.diff import changes_of_upper
from runtime.linux.mount import mount, umount


def names(upper: Path) -> list[bytes]:
    return [change.name for change in changes_of_upper(upper)]


def test_parents_come_first_then_bytes_decide(tmp_path: Path) -> None:
    for name in ("b/z", "b/a", "a-b", "a/x", "B", "é"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == [b"B", b"a", b"a/x", b"a-b", b"b", b"b/a", b"b/z", "é".encode()]


def test_an_empty_upper_has_no_changes(tmp_path: Path) -> None:
    assert names(tmp_path) == []


def test_names_that_are_no_text(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).touch()
    [change] = changes_of_upper(tmp_path)
    assert change.name == b"\xff\xfe"
    assert os.fsencode(change.path) == b"/\xff\xfe"


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    [change] = changes_of_upper(tmp_path)
    assert change.path == PurePosixPath("/etc")
    assert stat.S_ISLNK(change.status.st_mode)


@pytest.mark.needs("root")
def test_deletions_come_before_additions(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.mknod(tmp_path / "z", stat.S_IFCHR, os.makedev(0, 0))
    assert [(c.name, c.kind) for c in changes_of_upper(tmp_path)] == [
        (b"z", ChangeKind.DELETED),
        (b"a", ChangeKind.PRESENT),
    ]


@pytest.mark.needs("root", "overlay")
def test_what_overlayfs_really_leaves(tmp_path: Path) -> None:
    lower, upper, work, merged = (tmp_path / n for n in ("lower", "upper", "work", "merged"))
    for directory in (lower / "old", lower / "replaced", upper, work, merged):
        directory.mkdir(parents=True)
    (lower / "old/file").write_text("deleted")
    (lower / "replaced/file").write_text("hidden")
    (lower / "edited").write_text("before")
    mount("overlay", merged, "overlay", data=f"lowerdir={lower},upperdir={upper},workdir={work}")
    try:
        (merged / "old/file").unlink()
        (merged / "replaced/file").unlink()
        (merged / "replaced").rmdir()
        (merged / "replaced").mkdir()
        (merged / "edited").write_text("after")
        (merged / "new").mkdir()
    finally:
        umount(merged)
    changes = {change.name: change for change in changes_of_upper(upper)}
    assert changes[b"old/file"].kind is ChangeKind.DELETED
    assert changes[b"replaced"].opaque
    assert not changes[b"old"].opaque
    assert list(changes) == [b"edited", b"new", b"old", b"old/file", b"replaced"]


def test_a_missing_upper_is_named(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="missing"):
        names(tmp_path / "missing")
