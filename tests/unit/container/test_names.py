"""Names of containers: docker's rule, and invented ones that keep it."""

from __future__ import annotations

import pytest

from runtime.container import names
from runtime.errors import InvalidInput


@pytest.mark.parametrize("name", ["web", "a1", "0-_.", "A" * 255, "deep.blue_sea-7"])
def test_good_names(name: str) -> None:
    assert names.checked(name) == name
    assert names.checked("/" + name) == name


@pytest.mark.parametrize(
    "name",
    ["", "/", "a", "-a", ".a", "_a", "a b", "a/b", "//ab", "옹기", "ab\n", "a" * 256, "ab\0", "a²"],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a name for a container"):
        names.checked(name)


def test_a_refusal_of_a_huge_name_is_short() -> None:
    with pytest.raises(InvalidInput) as refusal:
        names.checked("-" * 10_000)
    assert len(str(refusal.value)) < 300


def test_invented_names_are_good_ones_and_hardly_ever_the_same() -> None:
    invented = [names.invented() for _ in range(200)]
    assert [names.checked(name) for name in invented] == invented
    assert len(set(invented)) > 195
