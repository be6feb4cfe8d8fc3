"""An image that travels, on a terminal: each layer keeps its line."""

from __future__ import annotations

import io
import re

import pytest

from runtime.cli import transfer
from runtime.cli.transfer import Lines, LiveLines
from runtime.registry.progress import Progress

MESSAGES = (
    Progress("Pulling from team/app", "latest"),
    *(Progress("Pulling fs layer", layer) for layer in ("aaaa", "bbbb")),
    Progress("Downloading", "bbbb", 50, 100),
    Progress("Downloading", "aaaa", 1_000_000, 4_000_000),
    Progress("Pull complete", "bbbb"),
    Progress("Downloading", "aaaa", 4_000_000, 4_000_000),
    Progress("Status: Downloaded newer image"),
)


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(transfer, "REDRAW_S", 0.0)


def told(*messages: Progress) -> list[str]:
    stream = io.StringIO()
    lines = LiveLines(stream)
    for message in messages:
        lines(message)
    return screen(stream.getvalue())


def screen(written: str) -> list[str]:
    """What a terminal shows of it."""
    rows, row = [""], 0
    for lines, command, text in re.findall(r"\x1b\[(\d*)([ABK])|([\r\n]|[^\x1b\r\n]+)", written):
        if command == "A":
            row -= int(lines)
        elif command == "B" or text == "\n":
            row += int(lines or 1)
        elif command == "K":
            rows[row] = ""
        elif text != "\r":
            rows[row] += text
        rows += [""] * (row + 1 - len(rows))
    return rows


def test_each_layer_keeps_its_line() -> None:
    bar = "=" * 12 + ">" + " " * 37
    assert told(*MESSAGES[:6]) == [
        "latest: Pulling from team/app",
        f"aaaa: Downloading  [{bar}]  1MB/4MB",
        "bbbb: Pull complete",
        "",
    ]
    done = f"aaaa: Downloading  [{'=' * 50}]  4MB/4MB"
    assert told(*MESSAGES)[1:] == [
        done,
        "bbbb: Pull complete",
        "Status: Downloaded newer image",
        "",
    ]


def test_a_line_that_has_left_the_screen_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "3")
    layers = [Progress("Waiting", f"layer{number}") for number in range(5)]
    shown = told(*layers, Progress("Pull complete", "layer0"), Progress("Pull complete", "layer4"))
    assert shown[0] == "layer0: Waiting" and shown[4] == "layer4: Pull complete"


def test_a_layer_that_moves_is_not_drawn_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "REDRAW_S", 3600.0)
    stream = io.StringIO()
    lines = LiveLines(stream)
    for done in range(1, 1000):
        lines(Progress("Downloading", "aaaa", done, 1000))
    assert stream.getvalue().count("Downloading") == 1


def test_a_peer_s_words_move_no_cursor() -> None:
    assert told(Progress("Pulling \x1b[2J\rfrom", "latest"))[0].count("\x1b") == 0


def test_a_pipe_gets_what_has_happened_and_not_how_far_it_is() -> None:
    stream = io.StringIO()
    for message in MESSAGES:
        Lines(stream)(message)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5 and not any("Downloading" in line for line in lines)
