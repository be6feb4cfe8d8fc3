"""A pile of layers reads as overlayfs would show it, and no path leads out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.build.tree import ImageTree
from runtime.errors import UnsafePath

pytestmark = pytest.mark.needs("root")  # only root makes whiteouts and opaque directories


def layer(root: Path, name: str, **files: str) -> Path:
    """A directory with `files`: "" a directory, "->x" a link, "--" a whiteout, "!!" opaque."""
    top = root / name
    top.mkdir()
    for path, content in files.items():
        put(top / path.replace("__", "/"), content)
    return top


def put(place: Path, content: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if content in ("", "!!"):
        place.mkdir(exist_ok=True)
        if content:
            os.setxattr(place, "trusted.overlay.opaque", b"y")
    elif content == "--":
        os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
    elif content.startswith("->"):
        place.symlink_to(content[2:])
    else:
        place.write_text(content)


def read(tree: ImageTree, path: str) -> str | None:
    """A file's text, "/" for a directory, None for nothing."""
    found = tree.resolve(PurePosixPath(path))
    if found.entry is None:
        return None
    return "/" if found.is_directory else found.entry.host.read_text()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "/"),
        ("/d", "/"),
        ("/d/low", "low"),
        ("/d/both", "new"),
        ("/d/new", "new"),
        ("/gone", None),
        ("/gone/inside", None),
        ("/opaque", "/"),
        ("/opaque/new", "new"),
        ("/opaque/low", None),
        ("/file-now", "text"),
        ("/dir-now", "/"),
        ("/dir-now/x", "x"),
        ("/nowhere/at/all", None),
    ],
)
def test_layers_merge_as_overlayfs_does(tmp_path: Path, path: str, text: str | None) -> None:
    low = layer(tmp_path, "low", d__low="low", d__both="low", gone__inside="x", opaque__low="low")
    put(low / "file-now/x", "hidden")
    put(low / "dir-now", "text")
    new = layer(tmp_path, "new", d__both="new", d__new="new", gone="--", opaque="!!")
    put(new / "opaque/new", "new")
    put(new / "file-now", "text")
    put(new / "dir-now/x", "x")
    assert read(ImageTree((new, low)), path) == text


def test_a_deleted_directory_made_again_is_empty(tmp_path: Path) -> None:
    low, middle, new = (
        layer(tmp_path, "low", d__old="old"),
        layer(tmp_path, "middle", d="--"),
        layer(tmp_path, "new", d__new="new"),
    )
    tree = ImageTree((new, middle, low))
    assert (read(tree, "/d/new"), read(tree, "/d/old")) == ("new", None)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/bin/sh", "/usr/bin/sh"),
        ("/bin", "/usr/bin"),
        ("/abs/sh", "/usr/bin/sh"),
        ("/usr/up/bin/sh", "/usr/bin/sh"),
        ("/out/etc", "/etc"),
        ("/../../etc", "/etc"),
        ("/bin/../lib", "/usr/lib"),
        ("/dangling/x", "/no/where/x"),
        ("/usr/bin/missing/../y", "/usr/bin/y"),
    ],
)
def test_links_are_followed_inside_the_image_only(tmp_path: Path, path: str, real: str) -> None:
    low = layer(tmp_path, "low", usr__bin__sh="shell", usr__lib="", etc="")
    new = layer(
        tmp_path,
        "new",
        bin="->usr/bin",
        abs="->/usr/bin",
        usr__up="->..",
        out="->../../../../..",
        dangling="->/no/where",
    )
    assert str(ImageTree((new, low)).resolve(PurePosixPath(path)).path) == real


def test_the_last_link_can_be_kept(tmp_path: Path) -> None:
    tree = ImageTree((layer(tmp_path, "low", bin="->usr/bin"),))
    found = tree.resolve(PurePosixPath("/bin"), follow_last=False)
    assert found.entry is not None and found.entry.is_link


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    tree = ImageTree((layer(tmp_path, "low", a="->b", b="->a"),))
    with pytest.raises(UnsafePath, match="/a leads through too many symbolic links"):
        tree.resolve(PurePosixPath("/a"))


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    tree = ImageTree((layer(tmp_path, "low", file="x"),))
    with pytest.raises(NotADirectoryError):
        tree.resolve(PurePosixPath("/file/inside"))


def test_an_image_without_layers_is_an_empty_directory() -> None:
    tree = ImageTree(())
    assert tree.resolve(PurePosixPath("/")).is_directory
    assert tree.resolve(PurePosixPath("/etc/passwd")).entry is None
    assert tree.read_text(PurePosixPath("/etc/passwd")) == ""


PARTS = st.sampled_from(["a", "b", "up", "abs", "..", "dangling"])


@settings(max_examples=60, deadline=None)
@given(st.lists(PARTS, max_size=6))
def test_resolution_agrees_with_the_kernel(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    """openat2 with RESOLVE_IN_ROOT on a single layer is the judge."""
    from runtime.errors import KernelError
    from runtime.linux.files import open_in_root

    top = layer(
        tmp_path_factory.mktemp("image"),
        "one",
        a__b__a="",
        b="->a/b",
        up="->../..",
        abs="->/a",
        a__up="->..",
        a__b__abs="->/b/../..",
        dangling="->none",
    )
    path = PurePosixPath("/", *parts)
    root = os.open(top, os.O_PATH)
    try:
        descriptor = open_in_root(root, str(path).lstrip("/") or ".", os.O_PATH)
        real = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(top)
        os.close(descriptor)
    except KernelError:
        return
    finally:
        os.close(root)
    assert ImageTree((top,)).resolve(path).path == PurePosixPath("/", real)
