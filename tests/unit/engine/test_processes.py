"""Lines of ps: made by us, and chosen from what ps has printed."""

from __future__ import annotations

import os
import time

import pytest

from runtime.engine.processes import (
    choose,
    clock,
    command_line,
    describe,
    terminal_name,
    top,
    user_name,
)
from runtime.errors import InvalidInput

PRINTED = """\
  PID TTY      COMMAND
    1 ?        sleep 1000
   22 pts/0    sh -c 'a b'
  333 ?
"""


def test_only_lines_about_the_container_stay() -> None:
    assert choose(PRINTED, frozenset({22, 333})) == {
        "Titles": ["PID", "TTY", "COMMAND"],
        "Processes": [["22", "pts/0", "sh -c 'a b'"], ["333", "?"]],
    }
    assert choose(PRINTED, frozenset())["Processes"] == []


@pytest.mark.parametrize("printed", ["", "COMMAND\nsleep\n"])
def test_without_a_pid_nobody_knows_whose_line_it_is(printed: str) -> None:
    with pytest.raises(InvalidInput, match="no PID"):
        choose(printed, frozenset({1}))


def test_we_are_a_process_as_ps_describes_it() -> None:
    row = describe(os.getpid())
    assert row is not None
    assert row[:3] == [user_name(os.geteuid()), str(os.getpid()), str(os.getppid())]
    assert "python" in row[7] or "pytest" in row[7]
    assert describe(1 << 30) is None


def test_processes_come_in_the_order_of_their_numbers() -> None:
    found = top({os.getpid(), os.getppid(), 1 << 30})
    numbers = [int(row[1]) for row in found["Processes"]]
    assert numbers == sorted({os.getpid(), os.getppid()})


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "?"), (0x8800, "pts/0"), (0x8803, "pts/3"), (0x8900, "pts/256"), (0x0401, "tty1")],
)
def test_a_terminal_by_its_number(number: int, name: str) -> None:
    assert terminal_name(number) == name


def test_today_is_an_hour_and_earlier_a_day() -> None:
    noon = time.mktime((2026, 11, 28, 12, 0, 0, 0, 0, -1))
    assert clock(noon, noon + 60) == "12:00"
    assert clock(noon, noon + 3 * 86400) == "Nov28"


def test_a_process_without_arguments_is_named_in_brackets() -> None:
    assert command_line(b"sh\0-c\0a b\0", "sh") == "sh -c a b"
    assert command_line(b"", "sh") == "[sh]"
