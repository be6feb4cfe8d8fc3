"""Where a copy goes: docker's table, row by row."""

from __future__ import annotations

import pytest

from runtime.errors import Conflict, NotFound
from runtime.exchange.places import Place, plan_copy
from runtime.layer.entry import Entry, EntryKind

FILE, DIRECTORY, CONTENT = (
    Place("/s/file", True),
    Place("/s/dir", True, True),
    Place("/s/dir/.", True, True),
)


def there(path: str, *, directory: bool = False) -> Place:
    return Place(path, True, directory)


def where(source: Place, destination: Place) -> str:
    """The path under which what is called like the source arrives."""
    plan = plan_copy(source, source.split()[1], destination)
    name = plan.rename(Entry(source.split()[1].encode(), EntryKind.FILE)).name
    return f"{plan.directory.rstrip('/')}/{name.decode()}"


@pytest.mark.parametrize(
    ("source", "destination", "path"),
    [
        (FILE, Place("/d/new", False), "/d/new"),
        (FILE, there("/d/old"), "/d/old"),
        (FILE, there("/d", directory=True), "/d/file"),
        (FILE, there("/d/", directory=True), "/d/file"),
        (FILE, there("/", directory=True), "/file"),
        (DIRECTORY, Place("/d/new", False), "/d/new"),
        (DIRECTORY, Place("/d/new/", False), "/d/new"),
        (DIRECTORY, there("/d", directory=True), "/d/dir"),
        (CONTENT, there("/d", directory=True), "/d/."),
        (CONTENT, Place("/d/new", False), "/d/new"),
        (Place("/s/dir/", True, True), there("/d", directory=True), "/d/dir"),
    ],
)
def test_where_it_arrives(source: Place, destination: Place, path: str) -> None:
    assert where(source, destination) == path


def test_what_cannot_be() -> None:
    with pytest.raises(Conflict, match="onto a file"):
        where(DIRECTORY, there("/d/file"))
    with pytest.raises(Conflict, match="onto a file"):
        where(CONTENT, there("/d/file"))
    with pytest.raises(NotFound, match="no such directory"):
        where(FILE, Place("/d/new/", False))


def test_what_is_below_and_hard_links_get_the_new_name_too() -> None:
    plan = plan_copy(DIRECTORY, "dir", Place("/d/new", False))
    link = Entry(b"dir/b", EntryKind.HARD_LINK, link=b"dir/a")
    assert plan.rename(link) == Entry(b"new/b", EntryKind.HARD_LINK, link=b"new/a")
    soft = Entry(b"dir/s", EntryKind.SYMLINK, link=b"dir/a")
    assert plan.rename(soft).link == b"dir/a"
    content = plan_copy(CONTENT, ".", Place("/d/new", False))
    assert content.rename(Entry(b"./a", EntryKind.FILE)).name == b"new/a"
