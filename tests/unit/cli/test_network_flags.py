"""--network and what stands beside it."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cli.container_flags import CONTAINER_FLAGS
from runtime.cli.flags import UsageError, parse
from runtime.cli.network_flags import networks_of


def options(*line: str) -> dict[str, Any]:
    return networks_of(parse(CONTAINER_FLAGS, line))


def test_nothing_said_asks_for_nothing() -> None:
    assert options() == {}


def test_one_network_is_a_name() -> None:
    assert options("--network", "home") == {"network": "home"}
    assert options("--network", "container:web") == {"network": "container:web"}


def test_the_long_form_and_the_flags_beside_it_mean_the_same() -> None:
    long = options("--network", "name=home,alias=a,alias=b,ip=10.5.0.9")
    assert long == options(
        *("--network", "home", "--network-alias", "a", "--network-alias", "b"),
        *("--ip", "10.5.0.9"),
    )
    addresses = {"IPv4Address": "10.5.0.9"}
    assert long["networking_config"] == {"home": {"Aliases": ["a", "b"], "IPAMConfig": addresses}}


def test_several_networks() -> None:
    found = options("--network", "home", "--network", "name=work,mac-address=02:42:00:00:00:09")
    assert found["network"] == "home"
    config = {"MacAddress": "02:42:00:00:00:09"}
    assert found["networking_config"] == {"home": {}, "work": config}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("--network", "host", "--network", "home"), "conflicting options"),
        (("--network", "home", "--network", "home"), "multiple times"),
        (("--network", "name=home,colour=red"), "invalid field"),
        (("--network", "alias=a"), "name is missing"),
        (("--network", "name=home,ip=10.5.0.9", "--ip", "10.5.0.8"), "contradict"),
    ],
)
def test_what_contradicts_itself_is_refused(line: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(*line)
