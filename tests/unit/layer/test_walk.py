"""Walking a tree while somebody changes it: nothing outside is ever seen."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import KernelError, OnggiError
from runtime.layer.tar import tar_of_files
from runtime.layer.walk import Tree


@contextlib.contextmanager
def swapping(directory: Path, target: Path) -> Iterator[None]:
    """While this lasts, `directory` is by turns a directory and a link to `target`."""
    done = threading.Event()
    aside = directory.with_name("aside")

    def swap() -> None:
        while not done.is_set():
            directory.rename(aside)
            directory.symlink_to(target)
            directory.unlink()
            aside.rename(directory)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_link_swapped_in_meanwhile_is_not_followed(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "d/e").mkdir(parents=True)
    (tree / "d/e/f").write_text("harmless")
    (outside / "e").mkdir(parents=True)
    (outside / "e/f").write_text("secret")
    with swapping(tree / "d", outside):
        for _ in range(300):
            with contextlib.suppress(OnggiError), Tree(tree) as walked:
                files = ((each.name, each) for each in walked.walk())
                assert b"secret" not in b"".join(tar_of_files(files))


def test_what_vanishes_is_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").touch()
    with Tree(tmp_path) as tree:
        walk = tree.walk()
        assert next(walk).name == b"a"
        (tmp_path / "a/f").unlink()
        (tmp_path / "a").rmdir()
        assert [each.name for each in walk] == [b"b", b"b/f", b"c", b"c/f"]


def test_one_directory_is_open_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 100)).mkdir(parents=True)
    with Tree(tmp_path) as tree:
        before = len(os.listdir("/proc/self/fd"))
        assert max(len(os.listdir("/proc/self/fd")) for _ in tree.walk()) <= before + 1


def test_finding(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").touch()
    (tmp_path / "l").symlink_to("d")
    with Tree(tmp_path) as tree:
        assert tree.find(b"d/f") is not None
        assert tree.find(b"l/f") is None
        assert tree.find(b"d/f/g") is None
        found = tree.find(b"")
        assert found is not None and found.is_directory
        with pytest.raises(KernelError):
            tree.find(b"../x")
