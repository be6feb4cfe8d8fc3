"""Opening below a directory: the kernel refuses every way out."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import KernelError
from runtime.linux.files import open_beneath, open_in_root

OUTSIDE = "outside"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "secret").write_text(OUTSIDE)
    tree = tmp_path / "root"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/hosts").write_text("inside")
    (tree / "secret").write_text("inside")
    (tree / "up").symlink_to("../secret")
    (tree / "absolute").symlink_to("/secret")
    (tree / "real").symlink_to(tmp_path / "secret")
    (tree / "dir").symlink_to("etc")
    descriptor = os.open(tree, os.O_PATH)
    yield descriptor
    os.close(descriptor)


def text(descriptor: int) -> str:
    with open(descriptor) as file:
        return file.read()


def test_a_plain_path_opens(root: int) -> None:
    assert text(open_beneath(root, b"etc/hosts", os.O_RDONLY)) == "inside"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../secret", errno.EXDEV),
        ("etc/../../secret", errno.EXDEV),
        ("/etc/hosts", errno.EXDEV),
        ("up", errno.ELOOP),
        ("absolute", errno.ELOOP),
        ("dir/hosts", errno.ELOOP),
        ("missing", errno.ENOENT),
        ("secret\0/../x", errno.EINVAL),
    ],
)
def test_other_paths_do_not(root: int, path: str, expected: int) -> None:
    with pytest.raises(KernelError) as refusal:
        open_beneath(root, path, os.O_RDONLY)
    assert refusal.value.errno == expected


@pytest.mark.parametrize("path", ["up", "absolute", "/secret", "../../secret", "etc/../../secret"])
def test_in_root_links_end_at_the_root(root: int, path: str) -> None:
    assert text(open_in_root(root, path, os.O_RDONLY)) == "inside"


def test_in_root_a_real_host_path_is_not_there(root: int) -> None:
    with pytest.raises(KernelError) as refusal:
        open_in_root(root, "real", os.O_RDONLY)
    assert refusal.value.errno == errno.ENOENT


def test_descriptors_are_not_inherited(root: int) -> None:
    descriptor = open_beneath(root, "etc", os.O_PATH)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_creating_beneath(root: int) -> None:
    os.close(open_beneath(root, "etc/new", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    assert os.stat("etc/new", dir_fd=root).st_mode & 0o777 == 0o600
