"""Docker's notation for published ports, and how docker shows what is published."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidInput
from runtime.network.ports import (
    Published,
    Wanted,
    exposed,
    parse_exposed,
    parse_publish,
    read_exposed,
    read_ports,
    show_bindings,
    show_ports,
    wanted_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [Wanted(80, "tcp")]),
        ("4000:80", [Wanted(80, "tcp", "", 4000, 4000)]),
        (":80", [Wanted(80, "tcp")]),
        ("0:80", [Wanted(80, "tcp")]),
        ("53:53/UDP", [Wanted(53, "udp", "", 53, 53)]),
        ("80/", [Wanted(80, "tcp")]),
        ("127.0.0.1:4000:80", [Wanted(80, "tcp", "127.0.0.1", 4000, 4000)]),
        ("127.0.0.1::80", [Wanted(80, "tcp", "127.0.0.1")]),
        ("[::1]:4000:80", [Wanted(80, "tcp", "::1", 4000, 4000)]),
        ("[0:0::1]::80", [Wanted(80, "tcp", "::1")]),
        ("8000-8010:80", [Wanted(80, "tcp", "", 8000, 8010)]),
        ("80-81", [Wanted(80, "tcp"), Wanted(81, "tcp")]),
        (
            "8000-8001:80-81/udp",
            [Wanted(80, "udp", "", 8000, 8000), Wanted(81, "udp", "", 8001, 8001)],
        ),
    ],
)
def test_publish(text: str, expected: list[Wanted]) -> None:
    assert list(parse_publish(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "::", "0", "80/sctp", "80/x", "65536", "4000:65536", "-1", "80-", "-80", "a"),
        *("81-80", "8000-8002:80-81", "8000:80-81", "1:2:3", "localhost:4000:80", "::1:4000:80"),
        *("[::1]4000:80", "[127.0.0.1]:4000:80", "[fe80::1%eth0]:1:80", "1.2.3:4000:80", "+80"),
        *("8 0", "٨٠", "0-80", "80-81-82", "4000:80/tcp/udp", "4000:80:"),
    ],
)
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_publish(text)


PORTS = st.integers(1, 65535)


@given(
    PORTS,
    st.none() | PORTS,
    st.sampled_from(["", "127.0.0.1", "::1"]),
    st.sampled_from(["tcp", "udp"]),
)
def test_what_is_written_is_read(port: int, host: int | None, address: str, protocol: str) -> None:
    bracketed = f"[{address}]" if ":" in address else address
    outside = "" if host is None else str(host)
    text = f"{bracketed}:{outside}:{port}/{protocol}" if address else f"{outside}:{port}/{protocol}"
    assert parse_publish(text) == (Wanted(port, protocol, address, host or 0, host or 0),)


@given(PORTS, PORTS, st.integers(0, 50))
def test_ranges_are_pairs_one_by_one(port: int, host: int, more: int) -> None:
    more = min(more, 65535 - port, 65535 - host)
    found = parse_publish(f"{host}-{host + more}:{port}-{port + more}")
    if more:
        assert [(w.first, w.port) for w in found] == [(host + i, port + i) for i in range(more + 1)]


@given(st.text("0123456789:-/[]tcpud.", max_size=24))
def test_any_text_is_a_port_or_refused(text: str) -> None:
    try:
        found = parse_publish(text)
    except InvalidInput:
        return
    assert found
    for each in found:
        assert 0 < each.port <= 65535
        assert 0 <= each.first <= each.last <= 65535


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"80/tcp": 4000}, [Wanted(80, "tcp", "", 4000, 4000)]),
        ({80: 4000}, [Wanted(80, "tcp", "", 4000, 4000)]),
        ({"53/udp": None}, [Wanted(53, "udp")]),
        ({"80/tcp": ("127.0.0.1", 4000)}, [Wanted(80, "tcp", "127.0.0.1", 4000, 4000)]),
        ({"80/tcp": ("::1", 4000)}, [Wanted(80, "tcp", "::1", 4000, 4000)]),
        ({"80/tcp": ("127.0.0.1",)}, [Wanted(80, "tcp", "127.0.0.1")]),
        ({"80": "4000"}, [Wanted(80, "tcp", "", 4000, 4000)]),
        ({"80": {"HostIp": "", "HostPort": "4000"}}, [Wanted(80, "tcp", "", 4000, 4000)]),
        (
            {"80": [4000, ("127.0.0.1", 4001), None]},
            [
                Wanted(80, "tcp", "", 4000, 4000),
                Wanted(80, "tcp", "127.0.0.1", 4001, 4001),
                Wanted(80, "tcp"),
            ],
        ),
        ({"80": []}, []),
        (["4000:80", "4000:80"], [Wanted(80, "tcp", "", 4000, 4000)]),
        ("4000:80", [Wanted(80, "tcp", "", 4000, 4000)]),
    ],
)
def test_the_sdk_s_forms(value: Any, expected: list[Wanted]) -> None:
    assert list(read_ports(value)) == expected


@pytest.mark.parametrize("value", [{"80": object()}, {"x": 1}, {"80": ("a", 1)}, {"80": (1, 2, 3)}])
def test_what_the_sdk_refuses(value: Any) -> None:
    with pytest.raises(InvalidInput):
        read_ports(value)


def test_exposed() -> None:
    assert parse_exposed("80") == ("80/tcp",)
    assert parse_exposed("80-81/udp") == ("80/udp", "81/udp")
    assert read_exposed(["80", "80/tcp", 81]) == ("80/tcp", "81/tcp")
    assert read_exposed({"80/tcp": {}}) == ("80/tcp",)
    with pytest.raises(InvalidInput):
        parse_exposed("4000:80")
    request = {"exposed_ports": ["81/tcp"], "ports": [[82, "tcp", "", 0, 0]]}
    assert exposed(["80/tcp"], request) == ["80/tcp", "81/tcp", "82/tcp"]


def test_all_exposed_ports_are_published_with_P() -> None:
    request = {"publish_all_ports": True, "ports": [[80, "tcp", "", 4000, 4000]]}
    found = wanted_of({**request, "exposed_ports": ["80/tcp", "53/udp"]})
    assert found == (Wanted(80, "tcp", "", 4000, 4000), Wanted(53, "udp"))


def published(host_ip: str, host_port: int, port: int, protocol: str = "tcp") -> Published:
    return Published("c", "n", protocol, host_ip, host_port, "172.18.0.2", port)


def test_how_docker_shows_them() -> None:
    wanted = [Wanted(80, "tcp", "", 4000, 4000), Wanted(81, "tcp"), Wanted(82, "tcp", "", 1, 9)]
    assert show_bindings(wanted) == {
        "80/tcp": [{"HostIp": "", "HostPort": "4000"}],
        "81/tcp": [{"HostIp": "", "HostPort": ""}],
        "82/tcp": [{"HostIp": "", "HostPort": "1-9"}],
    }
    ports = [published("0.0.0.0", 4000, 80), published("::", 4000, 80)]
    assert show_ports(["80/tcp", "443/tcp"], ports) == {
        "80/tcp": [
            {"HostIp": "0.0.0.0", "HostPort": "4000"},
            {"HostIp": "::", "HostPort": "4000"},
        ],
        "443/tcp": None,
    }
