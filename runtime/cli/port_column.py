"""The column PORTS of `ps`, as docker's client writes it.

    0.0.0.0:80-82->80-82/tcp, 443/tcp, 0.0.0.0:4000->8080/tcp

Ports that follow each other are one entry where each is the same outside and inside. Those that
are not are written one by one, after all others.

Pure. github.com/docker/cli, cli/command/formatter/container.go, DisplayablePorts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def in_words(ports: Iterable[Mapping[str, Any]]) -> str:
    """`ports` as docker's list of containers has them: IP, PrivatePort, PublicPort, Type."""
    runs: dict[tuple[str, str], tuple[int, int]] = {}  # the one under way, by address and protocol
    told: list[str] = []
    moved: list[str] = []
    for each in sorted(ports, key=_order):
        place, port = (each.get("IP", ""), each["Type"]), each["PrivatePort"]
        outside = each.get("PublicPort", 0)
        if place[0] and outside != port:
            moved.append(f"{_at(place[0], str(outside))}->{port}/{place[1]}")
            continue
        first, last = runs.get(place, (port, port - 1))
        if last + 1 != port:
            told.append(_run(place, first, last))
            first = port
        runs[place] = (first, port)
    told += [_run(place, first, last) for place, (first, last) in runs.items()]
    return ", ".join(told + moved)


def _order(each: Mapping[str, Any]) -> tuple[int, str, int, str]:
    return each["PrivatePort"], each.get("IP", ""), each.get("PublicPort", 0), each["Type"]


def _run(place: tuple[str, str], first: int, last: int) -> str:
    host_ip, protocol = place
    span = str(first) if first == last else f"{first}-{last}"
    return f"{_at(host_ip, span)}->{span}/{protocol}" if host_ip else f"{span}/{protocol}"


def _at(host_ip: str, span: str) -> str:
    return f"[{host_ip}]:{span}" if ":" in host_ip else f"{host_ip}:{span}"
