"""Pseudo-terminals of this host's own devpts: sizes, raw mode and back, the end."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from runtime.linux import terminal
from runtime.linux.terminal import Size


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_a_window_has_the_size_that_was_set(ends: tuple[int, int]) -> None:
    master, slave = ends
    terminal.set_size(master, Size(31, 97))
    assert terminal.size_of(slave) == Size(height=31, width=97)
    terminal.set_size(slave, Size(1 << 20, 0))
    assert terminal.size_of(master) == Size(terminal.LARGEST_SIDE, 0)


def test_what_is_no_terminal_has_no_size() -> None:
    readable, writable = os.pipe()
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        terminal.size_of(readable)
    os.close(readable)
    os.close(writable)


def test_raw_mode_is_undone_in_every_case(ends: tuple[int, int]) -> None:
    _, slave = ends
    before = termios.tcgetattr(slave)
    with pytest.raises(KeyError), terminal.raw_mode(slave):
        local = termios.tcgetattr(slave)[3]
        assert not local & (termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
        assert not termios.tcgetattr(slave)[1] & termios.OPOST
        raise KeyError
    assert termios.tcgetattr(slave) == before


def test_in_raw_mode_every_byte_goes_through(ends: tuple[int, int]) -> None:
    master, slave = ends
    keys = bytes(range(256))
    with terminal.raw_mode(slave):
        os.write(master, keys)
        seen = b""
        while len(seen) < len(keys):
            seen += os.read(slave, 1000)
    assert seen == keys


def test_the_slave_is_found_without_its_name_and_kept(ends: tuple[int, int]) -> None:
    master, slave = ends
    again = terminal.hold_open(master)
    assert again is not None
    assert os.fstat(again).st_rdev == os.fstat(slave).st_rdev
    assert not os.get_inheritable(again)
    os.close(again)


def test_nothing_now_is_not_the_end() -> None:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    assert terminal.read_master(master, 100) is None
    os.write(slave, b"last")
    os.close(slave)
    assert terminal.read_master(master, 100) == b"last"
    assert terminal.read_master(master, 100) == b""
    os.close(master)


def test_erasing_takes_away_a_whole_character(ends: tuple[int, int]) -> None:
    master, slave = ends
    terminal.erase_whole_characters(slave)
    os.write(master, "가나\x7f다\n".encode())
    assert os.read(slave, 100) == "가다\n".encode()


@pytest.mark.parametrize("path", ["/dev/null", "/etc/hosts"])
def test_only_a_ptmx_makes_terminals(path: str) -> None:
    with pytest.raises(OSError, match=r"Inappropriate ioctl|Permission denied|Read-only"):
        terminal.open_pair(path)
