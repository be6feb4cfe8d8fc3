"""Cache directories: who gets which one, and what is left of them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runtime.build.cache_directory import CacheDirectories, clear_unfinished


def nothing(_place: Path) -> None:
    """A cache that begins empty."""


@pytest.fixture
def caches(tmp_path: Path) -> CacheDirectories:
    return CacheDirectories(tmp_path)


def test_what_one_build_leaves_the_next_one_finds(caches: CacheDirectories) -> None:
    with caches.use("pip", "shared", lambda place: (place / "first").touch()) as place:
        (place / "wheel").write_text("x")
    with caches.use("pip", "shared", lambda place: pytest.fail("it is there")) as place:
        assert sorted(each.name for each in place.iterdir()) == ["first", "wheel"]
    with caches.use("npm", "shared", nothing) as place:
        assert not list(place.iterdir())
    found = {each.id: each.uses for each in caches.all()}
    assert {id: uses.count for id, uses in found.items()} == {"pip": 2, "npm": 1}
    assert found["pip"].made_ns <= found["pip"].last_ns


def test_shared_is_one_directory_and_private_is_one_each(caches: CacheDirectories) -> None:
    with caches.use("a", "shared", nothing) as one, caches.use("a", "shared", nothing) as other:
        assert one == other
    with caches.use("a", "private", nothing) as one, caches.use("a", "private", nothing) as other:
        assert one != other
    with caches.use("a", "private", nothing) as again:
        assert again == one


def test_locked_waits(caches: CacheDirectories) -> None:
    entered = threading.Event()

    def second() -> None:
        with caches.use("a", "locked", nothing):
            entered.set()

    with caches.use("a", "locked", nothing):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(20)
    thread.join()


def test_prune_takes_what_nobody_holds(caches: CacheDirectories) -> None:
    with caches.use("free", "shared", nothing):
        pass
    with caches.use("held", "shared", nothing) as held:
        assert [each.in_use for each in caches.all() if each.id == "held"] == [True]
        assert [each.id for each in caches.remove_unused()] == ["free"]
        assert held.exists()
    assert [each.id for each in caches.remove_unused()] == ["held"]
    assert caches.all() == []


def test_a_cache_that_could_not_be_filled_is_none(caches: CacheDirectories, tmp_path: Path) -> None:
    def fail(_place: Path) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), caches.use("a", "shared", fail):
        pass
    assert list((tmp_path / "caches").iterdir()) == []


def test_what_a_crash_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "caches" / ".new-1" / "fs").mkdir(parents=True)
    clear_unfinished(tmp_path / "caches")
    assert list((tmp_path / "caches").iterdir()) == []
