"""Trees: what a recipe names is written, exactly that, and the same on every host."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.bootstrap.tree import File, Folder, Link, Tree, link_to, merged, write_tree
from runtime.errors import KernelError

EPOCH = 1_000_000_000


def path(text: str) -> PurePosixPath:
    return PurePosixPath(text)


def found(directory: Path) -> dict[str, str]:
    """What lies in a directory: `mode content`, or where a link leads."""
    seen = {}
    for place in sorted(directory.rglob("*")):
        mode = f"{stat.S_IMODE(place.lstat().st_mode):o}"
        if place.is_symlink():
            text = f"-> {place.readlink()}"
        else:
            text = f"{mode} /" if place.is_dir() else f"{mode} {place.read_text()}"
        seen[str(place.relative_to(directory))] = text
    return seen


def test_a_tree_is_written_as_it_was_told(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("copied")
    source.chmod(0o4777)
    target.mkdir()
    tree = Tree.of(
        [
            File(path("/usr/bin/tool"), source, 0o755),
            File(path("/etc/name"), b"written"),
            File(path("/etc/later"), lambda: b"computed"),
            Link(path("/bin"), "usr/bin"),
            Folder(path("/tmp"), 0o1777),
        ]
    )
    before = os.umask(0o077)
    try:
        write_tree(tree, target, epoch=EPOCH)
    finally:
        os.umask(before)
    assert found(target) == {
        "bin": "-> usr/bin",
        "etc": "755 /",
        "etc/later": "644 computed",
        "etc/name": "644 written",
        "tmp": "1777 /",
        "usr": "755 /",
        "usr/bin": "755 /",
        "usr/bin/tool": "755 copied",
    }
    assert {p.lstat().st_mtime for p in (target, *target.rglob("*"))} == {EPOCH}


@pytest.mark.needs("root")
def test_a_folder_may_belong_to_somebody_else(tmp_path: Path) -> None:
    write_tree(Tree.of([Folder(path("/home/student"), owner=1000)]), tmp_path, epoch=EPOCH)
    owned = (tmp_path / "home/student").stat()
    assert (owned.st_uid, owned.st_gid, (tmp_path / "home").stat().st_uid) == (1000, 1000, 0)


def test_each_entry_is_told_when_it_is_written(tmp_path: Path) -> None:
    done: list[int] = []
    tree = Tree.of([File(path("/a/b/c"), b""), Link(path("/d"), "a")])
    write_tree(tree, tmp_path, epoch=EPOCH, written=done.append)
    assert done == [1, 2, 3, 4]


def test_a_source_that_went_away_is_named(tmp_path: Path) -> None:
    tree = Tree.of([File(path("/usr/bin/tool"), tmp_path / "gone")])
    with pytest.raises(KernelError, match=r"write\(/usr/bin/tool\)") as caught:
        write_tree(tree, tmp_path, epoch=EPOCH)
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    "entries",
    [
        [File(path("usr/x"), b"")],
        [File(path("/usr/../x"), b"")],
        [Link(path("/bin"), "usr/bin"), File(path("/bin/x"), b"")],
        [File(path("/x"), b""), Folder(path("/x/y"))],
    ],
)
def test_no_entry_leads_outside_or_through_a_link(entries: list[File]) -> None:
    with pytest.raises(ValueError):
        Tree.of(entries)


names = st.sampled_from("abc")
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: PurePosixPath("/", *parts))
folders = st.builds(Folder, paths, st.sampled_from([0o755, 0o700]))


@given(st.lists(folders))
def test_parents_come_before_what_is_in_them(entries: list[Folder]) -> None:
    order = list(Tree.of(entries).entries)
    for position, each in enumerate(order):
        assert all(parent in order[:position] for parent in list(each.parents)[:-1])


@given(st.lists(folders), st.lists(folders))
def test_a_layer_holds_only_the_difference(below: list[Folder], above: list[Folder]) -> None:
    lower, upper = Tree.of(below), Tree.of(above)
    layer = upper.on_top_of(lower)
    assert {**lower.entries, **layer.entries} == {**lower.entries, **upper.entries}
    assert upper.on_top_of(lower, upper).entries == {}


@pytest.mark.parametrize(
    ("host", "image"),
    [
        ("/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("/lib64/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2"),
        ("/sbin/ip", "/usr/sbin/ip"),
        ("/usr/bin/ls", "/usr/bin/ls"),
        ("/opt/bin/ls", "/opt/bin/ls"),
    ],
)
def test_the_folders_of_the_root_are_merged_into_usr(host: str, image: str) -> None:
    assert merged(host) == path(image)


def test_links_are_relative_so_that_they_hold_under_any_root() -> None:
    assert link_to(path("/usr/sbin/ip"), path("/usr/bin/busybox")).target == "../bin/busybox"
    assert link_to(path("/usr/bin/ls"), path("/usr/bin/busybox")).target == "busybox"
