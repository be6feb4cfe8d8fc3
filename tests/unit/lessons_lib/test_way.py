"""The packet's way as a picture: two worlds, and what was counted, in words as well."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lessons_lib.way import Counters, Station, picture

STATIONS = [
    Station("Browser", "127.0.0.1:4060", "asked 10 times"),
    Station("NAT rule", "127.0.0.1:4060 → 10.206.6.2:80", "10 connections"),
    Station("Inner end", "eth0", "as many <as> outside", inside=True),
]


def test_counters_are_differences() -> None:
    assert Counters(30, 200, 210).since(Counters(20, 100, 150)) == Counters(10, 100, 60)


def test_every_station_is_drawn_in_its_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    drawn = ElementTree.fromstring(picture("bapjip", STATIONS, "in words"))
    texts = {
        text.text: float(text.get("y", 0)) for text in drawn.iter() if text.tag.endswith("}text")
    }
    assert {"Browser", "NAT rule", "10 connections", "as many <as> outside"} <= texts.keys()
    assert texts["host"] < texts["NAT rule"] < texts["bapjip"] < texts["Inner end"] + 20
    arrows = [shape for shape in drawn.iter() if shape.tag.endswith("}polygon")]
    assert len(arrows) == len(STATIONS) - 1


def test_the_same_way_gives_the_same_picture() -> None:
    assert picture("a", STATIONS, "w") == picture("a", STATIONS, "w")
