"""The pinned packages are the ones in use, and the oldest supported Python can have them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution, distributions

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from sources import HOME

DEBIAN_12 = "3.11.2"


def pins() -> Mapping[str, str]:
    """{package: version} of constraints.txt."""
    lines = (HOME / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_a_pin_is_in_use_and_installs_on_debian_12() -> None:
    installed = {name: distribution(name) for name in pins()}
    assert {name: each.version for name, each in installed.items()} == pins()
    wanted = {name: each.metadata["Requires-Python"] or "" for name, each in installed.items()}
    assert {n: least for n, least in wanted.items() if DEBIAN_12 not in SpecifierSet(least)} == {}


def test_every_package_in_use_is_pinned() -> None:
    used = {canonicalize_name(each.name) for each in distributions()} - {"pip", "onggi"}
    assert used - {canonicalize_name(name) for name in pins()} == set()
