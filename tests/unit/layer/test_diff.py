"""From an overlay's upper directory, or two trees, to changes, in one order."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import KernelError
from runtime.layer.apply import apply_layer
from runtime.layer.change import ChangeKind
from runtime.layer.diff import changes_between, changes_of_upper
from runtime.layer.tar import write_layer
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


# ── Two trees ────────────────────────────────────────────────────────────────────────────────

HOUR_NS = 3_600_000_000_000


def between(old: Path, new: Path) -> list[tuple[str, str]]:
    return [(c.kind.value, os.fsdecode(c.name)) for c in changes_between(old, new)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = tmp_path / "old"
    for name in ("kept/a", "kept/b", "gone/x", "was-directory/y", "deep/er/file"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
        os.utime(root / name, ns=(HOUR_NS, HOUR_NS))
    (root / "link").symlink_to("kept/a")
    os.utime(root / "link", ns=(HOUR_NS, HOUR_NS), follow_symlinks=False)
    return root


@pytest.fixture
def new(tmp_path: Path, old: Path) -> Path:
    subprocess.run(["cp", "-a", old, tmp_path / "new"], check=True)
    return tmp_path / "new"


def test_a_copy_has_no_changes(old: Path, new: Path) -> None:
    assert between(old, new) == []


def test_a_change_brings_its_directories_along(old: Path, new: Path) -> None:
    (new / "deep/er/file").write_text("longer than before")
    assert between(old, new) == [
        ("present", "deep"),
        ("present", "deep/er"),
        ("present", "deep/er/file"),
    ]


def test_content_decides_where_times_are_vague(old: Path, new: Path) -> None:
    (new / "kept/a").write_text("tpek/a")  # as long as before
    os.utime(new / "kept/a", ns=(HOUR_NS, HOUR_NS))
    assert ("present", "kept/a") in between(old, new)


def test_deletions_and_replacements(old: Path, new: Path) -> None:
    shutil.rmtree(new / "gone")
    shutil.rmtree(new / "was-directory")
    (new / "was-directory").write_text("a file")
    (new / "kept/a").unlink()
    (new / "kept/a").mkdir()
    (new / "link").unlink()
    (new / "link").symlink_to("kept/b")
    assert between(old, new) == [
        ("deleted", "gone"),
        ("present", "kept"),
        ("present", "kept/a"),
        ("present", "link"),
        ("present", "was-directory"),
    ]


@pytest.mark.needs("root")
def test_owners_modes_and_attributes_are_changes(old: Path, new: Path) -> None:
    os.chown(new / "kept/a", 1, 1)
    (new / "kept/b").chmod(0o4755)
    os.setxattr(new / "deep/er", "user.note", b"new")
    assert [name for _, name in between(old, new)] == [
        *("deep", "deep/er", "kept", "kept/a", "kept/b")
    ]


_SMALL_TREE = st.dictionaries(
    st.sampled_from(["a", "a/b", "a/b/c", "a/d", "e", "e/f"]),
    st.sampled_from(["file", "other", "directory", "link"]),
)


def _make(root: Path, files: dict[str, str]) -> Path:
    root.mkdir()
    for name, kind in sorted(files.items()):
        path = root / name
        if not path.parent.is_dir() or path.parent.is_symlink():
            continue
        if kind == "directory":
            path.mkdir()
        elif kind == "link":
            path.symlink_to("nowhere")
        else:
            path.write_text(kind)
    return root


def _seen(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): (
            os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_text()
        )
        for path in sorted(root.rglob("*"))
    }


@settings(max_examples=40, deadline=None)
@given(_SMALL_TREE, _SMALL_TREE)
@pytest.mark.needs("root", "overlay")
def test_the_old_tree_and_the_difference_are_the_new_tree(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, str], after: dict[str, str]
) -> None:
    """As overlayfs sees it, whose opinion is the one that counts."""
    home = tmp_path_factory.mktemp("trees")
    old, new = _make(home / "old", before), _make(home / "new", after)
    tar = io.BytesIO()
    write_layer(changes_between(old, new), tar, epoch=None)
    (home / "layer").mkdir()
    (home / "merged").mkdir()
    apply_layer(io.BytesIO(tar.getvalue()), home / "layer")
    mount("overlay", home / "merged", "overlay", data=f"lowerdir={home}/layer:{old}")
    try:
        assert _seen(home / "merged") == _seen(new)
    finally:
        umount(home / "merged")
