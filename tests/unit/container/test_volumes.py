"""The store of volumes: rows and directories, and initial contents that are whole or not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from runtime import journal
from runtime.container.points import Point, points_of
from runtime.container.volumes import Volumes, copy_tree, fill_volume, finish_move
from runtime.database import Database
from runtime.errors import Conflict, NotFound


@pytest.fixture
def store(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path, Database(tmp_path))


@pytest.fixture
def database(store: Volumes) -> Database:
    return store._database


def volume(name: str, *, anonymous: bool = False) -> Point:
    return Point("volume", f"/{name}", name, anonymous=anonymous)


def names(store: Volumes) -> list[str]:
    return [row["name"] for row in store.rows()]


def listed(store: Volumes) -> list[str]:
    return sorted(os.listdir(store.directory))


def test_made_once_and_removed(store: Volumes, database: Database) -> None:
    store.create("site", {"a": "1"}, {})
    (store.place("site") / "page").write_text("hello")
    store.create("site", {"a": "2"}, {})
    assert (store.place("site") / "page").read_text() == "hello"
    assert store.row("site")["labels"] == '{"a": "1"}'
    assert store.place("site").stat().st_mode & 0o777 == 0o755
    store.remove("site")
    assert (names(store), listed(store)) == ([], [])
    with pytest.raises(NotFound, match="site"):
        store.remove("site")
    actions = [event.action for event in journal.after(database, 0)]
    assert actions == ["create", "destroy"]


def test_a_claim_holds_it(store: Volumes, database: Database) -> None:
    store.claim("c1", [volume("site"), volume("0a", anonymous=True)])
    store.claim("c2", [volume("site")])
    assert store.users() == {"site": ["c1", "c2"], "0a": ["c1"]}
    with pytest.raises(Conflict, match=r"volume is in use - \[c1, c2\]"):
        store.remove("site")
    store.release("c1", anonymous=False)
    assert names(store) == ["0a", "site"]
    store.release("c2", anonymous=True)
    assert names(store) == ["0a", "site"]
    store.remove("site")


def test_an_anonymous_one_goes_with_its_last_container(store: Volumes) -> None:
    for container in ("c1", "c2"):
        store.claim(container, [volume("0a", anonymous=True)])
    store.release("c1", anonymous=True)
    assert names(store) == ["0a"]
    store.release("c2", anonymous=True)
    assert (names(store), listed(store)) == ([], [])


def test_a_directory_without_a_row_is_nobodys(store: Volumes) -> None:
    (store.place("site")).mkdir(parents=True)
    (store.place("site") / "old").write_text("of a removal that was killed")
    store.create("site", {}, {})
    assert os.listdir(store.place("site")) == []
    (store.place("other")).mkdir(parents=True)
    store.clear()
    assert listed(store) == ["site"]


def test_claims_of_containers_that_never_came_to_be_are_cleared(
    store: Volumes, database: Database
) -> None:
    store.claim("c1", [volume("site"), volume("0a", anonymous=True)])
    store.clear()
    assert points_of(database, "c1") == []
    assert names(store) == ["site"]


@pytest.fixture
def source(tmp_path: Path) -> int:
    tree = tmp_path / "image"
    (tree / "deep/er").mkdir(parents=True)
    (tree / "deep/er/file").write_text("content")
    (tree / "link").symlink_to("/etc/passwd")
    os.link(tree / "deep/er/file", tree / "second")
    os.setxattr(tree / "deep", "user.colour", b"red")
    tree.chmod(0o2750)
    return os.open(tree, os.O_RDONLY | os.O_DIRECTORY)


def test_initial_contents(store: Volumes, source: int) -> None:
    store.create("site", {}, {})
    place = store.place("site")
    before = place.stat().st_ino
    fill_volume(place.parent, source)
    assert sorted(os.listdir(place)) == ["deep", "link", "second"]
    assert (place / "deep/er/file").samefile(place / "second")
    assert (place / "link").readlink() == Path("/etc/passwd")
    assert os.getxattr(place / "deep", "user.colour") == b"red"
    assert place.stat().st_mode & 0o7777 == 0o2750
    assert os.listdir(place.parent) == ["_data"]
    assert place.stat().st_ino == before


def test_what_is_there_is_left_alone(store: Volumes, source: int) -> None:
    store.create("site", {}, {})
    place = store.place("site")
    (place / "mine").write_text("x")
    fill_volume(place.parent, source)
    assert os.listdir(place) == ["mine"]


@pytest.mark.parametrize("step", range(1, 40))
def test_a_kill_at_any_step_leaves_nothing_or_all(
    store: Volumes, source: int, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Every change of a name is a step; the one that is killed leaves what stands there then."""
    store.create("site", {}, {})
    place = store.place("site")
    left = step

    class Killed(BaseException):
        pass

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*given: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            return real(*given, **more)

        monkeypatch.setattr(os, name, call)

    with monkeypatch.context():
        for name in ("mkdir", "rename", "link", "symlink", "chown", "utime", "unlink", "rmdir"):
            counted(name)
        with contextlib.suppress(Killed):
            fill_volume(place.parent, source)
    finish_move(place.parent)
    assert sorted(os.listdir(place)) in ([], ["deep", "link", "second"])
    fill_volume(place.parent, source)
    assert sorted(os.listdir(place)) == ["deep", "link", "second"]
    assert (place / "deep/er/file").read_text() == "content"


def test_a_copy_is_the_same(tmp_path: Path, source: int) -> None:
    (tmp_path / "copy").mkdir()
    copy_tree(source, tmp_path / "copy")
    assert sorted(os.listdir(tmp_path / "copy")) == ["deep", "link", "second"]
