"""The cache's rows: what a key made, until it is forgotten."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runtime.build.cache import CacheHit
from runtime.database import Database
from runtime.engine.build_cache import SqliteCache
from runtime.oci.digest import ChainID, DiffID, Digest

HIT = CacheHit(Digest.of(b"layer"), DiffID.of(b"layer"), 512, "2026-11-23T00:00:00Z")
OTHER = CacheHit(
    *(Digest.of(b"other"), DiffID.of(b"other"), 1024, "2026-11-24T00:00:00Z"),
    *(ChainID.of(b"below"), "RUN make"),
)


@pytest.fixture
def cache(tmp_path: Path) -> SqliteCache:
    return SqliteCache(Database(tmp_path))


def test_what_was_put_is_got(cache: SqliteCache, tmp_path: Path) -> None:
    assert cache.get("key") is None
    cache.put("key", HIT)
    assert cache.get("key") == HIT
    assert SqliteCache(Database(tmp_path)).get("key") == HIT
    assert cache.get("another") is None


def test_the_last_build_wins(cache: SqliteCache) -> None:
    cache.put("key", HIT)
    cache.put("key", OTHER)
    assert cache.get("key") == OTHER
    assert cache.digests() == {OTHER.digest}


def test_a_layer_is_forgotten_with_all_its_keys(cache: SqliteCache) -> None:
    for key, hit in (("a", HIT), ("b", HIT), ("c", OTHER)):
        cache.put(key, hit)
    assert cache.forget([HIT.digest, Digest.of(b"nothing")]) == [HIT, HIT]
    assert [cache.get(key) for key in "abc"] == [None, None, OTHER]
    cache.forget([])
    assert cache.digests() == {OTHER.digest}


def test_layers_that_no_build_has_used_for_long(cache: SqliteCache) -> None:
    cache.put("a", HIT)
    between_ns = time.time_ns()
    cache.put("b", OTHER)
    assert cache.unused_since(between_ns) == {HIT.digest}
    cache.put("c", HIT)
    assert cache.unused_since(between_ns) == set()
    assert cache.unused_since(time.time_ns() + 1) == {HIT.digest, OTHER.digest}


def test_every_use_is_counted(cache: SqliteCache) -> None:
    cache.put("a", OTHER)
    between_ns = time.time_ns()
    for _ in range(3):
        cache.get("a")
    ((hit, uses),) = ((each.hit, each.uses) for each in cache.all())
    assert (hit, uses.count) == (OTHER, 4)
    assert uses.made_ns < between_ns < uses.last_ns
    cache.put("a", OTHER)  # built again: another layer, though its bytes may be the same
    assert [each.uses.count for each in cache.all()] == [1]
