"""Names point to manifests; what loses its last name is kept without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.database import Database
from runtime.engine.image_names import NAMELESS, ImageNames
from runtime.oci.digest import Digest
from runtime.oci.reference import Reference

WEB, OTHER = Reference.parse("web"), Reference.parse("web:other")
OLD, NEW = Digest.of(b"old"), Digest.of(b"new")


@pytest.fixture
def names(tmp_path: Path) -> ImageNames:
    return ImageNames(Database(tmp_path))


def test_a_name_means_one_manifest(names: ImageNames) -> None:
    assert names.find(WEB) is None
    names.point(WEB, OLD)
    assert names.find(WEB) == OLD
    assert names.of(OLD) == ["docker.io/library/web:latest"]
    assert list(names.all()) == [(str(WEB), OLD)]


def test_several_names_the_oldest_first(names: ImageNames) -> None:
    names.point(WEB, OLD)
    names.point(OTHER, OLD)
    assert names.of(OLD) == [str(WEB), str(OTHER)]
    assert [name for name, _ in names.all()] == [str(OTHER), str(WEB)]


def test_a_name_that_moves_leaves_a_nameless_one(names: ImageNames) -> None:
    names.point(WEB, OLD)
    names.point(WEB, NEW)
    assert names.find(WEB) == NEW
    assert names.of(OLD) == []
    assert set(names.all()) == {(str(WEB), NEW), (NAMELESS + OLD, OLD)}


def test_what_has_another_name_does_not_become_nameless(names: ImageNames) -> None:
    names.point(WEB, OLD)
    names.point(OTHER, OLD)
    names.point(WEB, NEW)
    assert set(names.all()) == {(str(WEB), NEW), (str(OTHER), OLD)}


def test_a_nameless_one_that_gets_a_name_is_nameless_no_more(names: ImageNames) -> None:
    names.keep_nameless(OLD)
    assert list(names.all()) == [(NAMELESS + OLD, OLD)]
    names.keep_nameless(OLD)
    names.point(WEB, OLD)
    names.keep_nameless(OLD)
    assert list(names.all()) == [(str(WEB), OLD)]


def test_naming_again_changes_nothing(names: ImageNames) -> None:
    names.point(WEB, OLD)
    names.point(WEB, OLD)
    assert list(names.all()) == [(str(WEB), OLD)]


def test_forgetting(names: ImageNames) -> None:
    names.point(WEB, OLD)
    names.forget(str(WEB))
    names.forget(str(WEB))
    assert names.find(WEB) is None
    assert list(names.all()) == []
