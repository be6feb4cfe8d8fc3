"""Users by name and number, said by the container's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.container import user
from runtime.container.user import User, find_user
from runtime.errors import InvalidInput, NotFound

PASSWD_TEXT = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
student:x:1000:50:A student,,,:/home/student:/bin/sh
1000:x:7:7:named like a number:/odd:/bin/sh
homeless:x:8:8:::
short:x:9
# a comment
broken:x:many:9::/:/bin/sh

"""
GROUP_TEXT = """\
root:x:0:
staff:x:50:
lab:x:60:teacher,student
wheel:x:70:student
students:x:71:students
short:x
"""


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container's root: the module reads absolute paths, as there is no way out of one."""
    for name, text in (("PASSWD", PASSWD_TEXT), ("GROUP", GROUP_TEXT)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(user, name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", User(0, 0, (0,), "/root")),
        ("root", User(0, 0, (0,), "/root")),
        ("0", User(0, 0, (0,), "/root")),
        ("student", User(1000, 50, (50, 60, 70), "/home/student")),
        ("student:wheel", User(1000, 70, (70,), "/home/student")),
        ("student:123", User(1000, 123, (123,), "/home/student")),
        ("student:0", User(1000, 0, (0,), "/home/student")),
        (":staff", User(0, 50, (50,), "/root")),
        ("student:", User(1000, 50, (50, 60, 70), "/home/student")),
        ("1000", User(7, 7, (7,), "/odd")),
        ("7", User(7, 7, (7,), "/odd")),
        ("8", User(8, 8, (8,), "/")),
        ("4711", User(4711, 0, (0,), "/")),
        ("4711:4712", User(4711, 4712, (4712,), "/")),
        ("9", User(9, 0, (0,), "/")),
        ("2147483647", User(2147483647, 0, (0,), "/")),
    ],
)
def test_who_is_meant(text: str, expected: User) -> None:
    found = find_user(text)
    assert (found.uid, found.gid, found.home) == (expected.uid, expected.gid, expected.home)
    assert sorted(found.groups) == sorted(expected.groups)


@pytest.mark.parametrize("text", ["nobody-here", "short", "broken", "#", "-1", "1.5", "²"])
def test_a_name_that_is_not_there(text: str) -> None:
    with pytest.raises(NotFound, match="no such user in the container") as refusal:
        find_user(text)
    assert refusal.value.facts["name"] == text


@pytest.mark.parametrize("text", ["root:nobody-here", "0:short", "0:-1", "0:²"])
def test_a_group_that_is_not_there(text: str) -> None:
    with pytest.raises(NotFound, match="no such group in the container"):
        find_user(text)


@pytest.mark.parametrize("text", ["2147483648", "0:2147483648", "9" * 30])
def test_a_number_that_is_too_large(text: str) -> None:
    with pytest.raises(InvalidInput, match="2147483647"):
        find_user(text)


@pytest.mark.parametrize("name", ["PASSWD", "GROUP"])
def test_an_image_may_lack_the_files(inside: Path, name: str) -> None:
    (inside / name).unlink()
    assert find_user("0").uid == 0
    assert find_user("12:34") == User(12, 34, (34,), "/")


def test_an_image_may_have_anything_in_their_place(inside: Path) -> None:
    (inside / "PASSWD").write_bytes(b"\xff\xfe:\0:x\n" + b"root:x:0:0::/root:/bin/sh\n")
    assert find_user("root").home == "/root"
    (inside / "PASSWD").unlink()
    (inside / "PASSWD").mkdir()
    assert find_user("0").home == "/"
    with pytest.raises(NotFound):
        find_user("root")


@pytest.mark.parametrize("name", ["PASSWD", "GROUP"])
def test_only_a_file_is_read(inside: Path, name: str) -> None:
    """A pipe would keep whoever opens it, /dev/zero would fill the memory."""
    (inside / name).unlink()
    os.mkfifo(inside / name)
    assert find_user("4711:4712").gid == 4712
    (inside / name).unlink()
    (inside / name).symlink_to("/dev/zero")
    assert find_user("4711:4712").gid == 4712


def test_a_huge_file_is_read_to_its_limit(inside: Path) -> None:
    with (inside / "PASSWD").open("r+b") as file:
        file.truncate(1 << 40)
    assert find_user("student").uid == 1000


@pytest.mark.parametrize("number", ["zz", "-1", "99999999999", "9" * 5000])
def test_an_entry_with_an_impossible_number_is_none(inside: Path, number: str) -> None:
    (inside / "PASSWD").write_text(f"bob:x:12:{number}::/:\namy:x:13:13::/:\n")
    (inside / "GROUP").write_text(f"odd:x:{number}:amy\n")
    assert find_user("amy").groups == (13,)
    with pytest.raises(NotFound):
        find_user("bob")
