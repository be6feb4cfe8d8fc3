"""Trees are deleted whatever is in them, and nothing beside them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from runtime.linux import tree

DEPTH = 3000
"""Deeper than Python recurses, than 1024 descriptors reach, and than 4096 bytes of path."""


def make_deep(top: Path) -> None:
    """Directories inside of each other, each with a file."""
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    for _ in range(DEPTH):
        os.close(os.open("file", os.O_CREAT, dir_fd=folder))
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


def test_a_deep_tree_is_deleted(tmp_path: Path) -> None:
    make_deep(tmp_path / "deep")
    tree.delete(tmp_path / "deep")
    assert os.listdir(tmp_path) == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    for place in (".", "a", "a/b"):
        (tmp_path / "tree" / place / "link").symlink_to(tmp_path / "outside")
        (tmp_path / "tree" / place / "dangling").symlink_to("nowhere")
        os.mkfifo(tmp_path / "tree" / place / "pipe")
    tree.delete(tmp_path / "tree")
    assert os.listdir(tmp_path) == ["outside"]
    assert os.listdir(tmp_path / "outside") == ["kept"]


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    tree.delete(tmp_path / "none")


def test_a_tree_below_an_open_directory(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a").mkdir(parents=True)
    folder = os.open(tmp_path, os.O_RDONLY)
    tree.delete("tree", dir_fd=folder)
    os.close(folder)
    assert os.listdir(tmp_path) == []


def test_several_delete_at_once(tmp_path: Path) -> None:
    failures: list[OSError] = []

    def delete(place: Path) -> None:
        try:
            tree.delete(place)
        except OSError as failure:
            failures.append(failure)

    for attempt in range(5):
        place = tmp_path / str(attempt)
        for branch in range(200):
            (place / f"{branch}" / "a" / "b").mkdir(parents=True)
            (place / f"{branch}" / "a" / "file").touch()
        threads = [threading.Thread(target=delete, args=(place,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert os.listdir(tmp_path) == []


def test_somebody_writes_into_it_meanwhile(tmp_path: Path) -> None:
    work = tmp_path / "tree" / "work"
    work.mkdir(parents=True)
    folder = os.open(work, os.O_RDONLY)
    writing = threading.Event()

    def write() -> None:
        for number in range(1_000_000):
            try:
                os.close(os.open(str(number), os.O_CREAT, dir_fd=folder))
            except FileNotFoundError:  # the directory is gone, although it is open here
                return
            writing.set()
            if number > 100:
                time.sleep(0.001)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writing.wait()
    tree.delete(tmp_path / "tree")
    writer.join()
    os.close(folder)
    assert os.listdir(tmp_path) == []
