"""Addresses of engines, as --host and DOCKER_HOST say them."""

from __future__ import annotations

import pytest

from runtime.api.client.address import Tls, parse_address
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "path", "host", "port"),
    [
        ("unix:///run/docker.sock", "/run/docker.sock", "", 0),
        ("unix://", "/var/run/docker.sock", "", 0),
        ("/run/x.sock", "/run/x.sock", "", 0),
        ("tcp://10.0.0.5:2375", "", "10.0.0.5", 2375),
        ("tcp://engine.example", "", "engine.example", 2375),
        ("tcp://[::1]:9", "", "::1", 9),
        ("tcp://[::1]", "", "::1", 2375),
        ("http://localhost:80/", "", "localhost", 80),
        ("tcp://:2375", "", "127.0.0.1", 2375),
        ("localhost:2375", "", "localhost", 2375),
    ],
)
def test_ways_to_write_one(text: str, path: str, host: str, port: int) -> None:
    found = parse_address(text)
    assert (found.path, found.host, found.port, found.tls) == (path, host, port, None)


def test_tls_has_another_port() -> None:
    tls = Tls("ca.pem", "cert.pem", "key.pem")
    assert parse_address("tcp://host", tls).port == 2376
    assert parse_address("tcp://host", tls).tls == tls
    assert parse_address("https://host").tls == Tls()


@pytest.mark.parametrize(
    "text",
    ["ssh://me@host", "npipe:////./pipe/docker", "tcp://host:x", "tcp://host:0", "tcp://a/b:1"],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_address(text)
