"""The column PORTS; that docker writes the same stands in tests/compat/test_same_requests.py."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cli.port_column import in_words


def port(inside: int, outside: int = 0, ip: str = "", protocol: str = "tcp") -> dict[str, Any]:
    published = {"IP": ip, "PublicPort": outside} if ip else {}
    return {"PrivatePort": inside, "Type": protocol, **published}


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([], ""),
        ([port(81), port(80), port(83)], "80-81/tcp, 83/tcp"),
        ([port(80 + i, 80 + i, "0.0.0.0") for i in range(3)], "0.0.0.0:80-82->80-82/tcp"),
        (
            [port(80 + i, 8000 + i, "::") for i in range(2)],
            "[::]:8000->80/tcp, [::]:8001->81/tcp",
        ),
        (
            [port(53), port(53, 53, "0.0.0.0", "udp"), port(80, 4000, "::"), port(443)],
            "53/tcp, 443/tcp, 0.0.0.0:53->53/udp, [::]:4000->80/tcp",
        ),
    ],
)
def test_it_is_dockers(ports: list[dict[str, Any]], expected: str) -> None:
    assert in_words(ports) == expected
