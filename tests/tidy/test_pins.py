"""The pinned packages are the ones in use, and the oldest supported Python can have them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution, distributions

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from sources import HOME

DEBIAN_12 = "3.11.2"


def pins() -> Mapping[str, str]:
    """{package: version} of constraints.txt."""
    lines = (HOME / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("name", sorted(pins()))
def test_a_pin_is_in_use_and_installs_on_debian_12(name: str) -> None:
    installed = distribution(name)
    assert installed.version == pins()[name]
    assert DEBIAN_12 in SpecifierSet(installed.metadata["Requires-Python"] or "")


def test_every_package_in_use_is_pinned() -> None:
    used = {canonicalize_name(each.name) for each in distributions()} - {"pip", "onggi"}
    assert used - {canonicalize_name(name) for name in pins()} == set()
