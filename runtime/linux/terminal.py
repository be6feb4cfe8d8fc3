"""Pseudo-terminals: a keyboard and a screen that are a pair of descriptors.

    whoever types ──master──▶ line discipline ──slave──▶ program      (Ctrl-C becomes SIGINT here)
    whoever looks ◀──master── line discipline ◀──slave── program      (\\n becomes \\r\\n here)

The pair belongs to the devpts file system whose `ptmx` was opened: a container's own one has
numbers of its own, and its slaves have no name anywhere else.

man 7 pty, man 3 termios, man 2 ioctl_tty
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from typing import Any, NamedTuple

TIOCGPTPEER = 0x5441
"""Open the slave of a master without going by its name. Linux 4.13"""

TIOCGPTN = 0x80045430
TIOCSPTLCK = 0x40045431
IUTF8 = 0o40000
"""Erasing takes away a whole character: without it 한 is three times Backspace."""

_WINDOW = struct.Struct("HHHH")
LARGEST_SIDE = 0xFFFF


class Size(NamedTuple):
    """A window: so many lines of so many characters."""

    height: int
    width: int


class Pair(NamedTuple):
    """Both ends, closed on exec. `number` is the slave's name in its devpts."""

    master: int
    slave: int
    number: int


def open_pair(ptmx: str) -> Pair:
    """A new pseudo-terminal of the devpts that `ptmx` belongs to; nobody's controlling one.

    Raises OSError: ENOTTY if `ptmx` is something else, ENOSPC if there are too many.
    """
    flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC | os.O_NOFOLLOW
    master = os.open(ptmx, flags | os.O_NONBLOCK)
    try:
        fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
        answer = fcntl.ioctl(master, TIOCGPTN, struct.pack("i", 0))
        return Pair(master, open_slave(master), struct.unpack("i", answer)[0])
    except BaseException:
        os.close(master)
        raise


def open_slave(master: int) -> int:
    """The other end of `master`, wherever its file system is mounted. Raises OSError."""
    return fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def hold_open(master: int) -> int | None:
    """Its slave, to be kept open: then a program that closes its own is not the end, as it may
    open it again as /dev/tty. None if there is none any more.
    """
    with contextlib.suppress(OSError):
        return open_slave(master)
    return None


def erase_whole_characters(terminal: int) -> None:
    """Tell the line discipline that what is typed is UTF-8."""
    attributes = termios.tcgetattr(terminal)
    attributes[0] |= IUTF8
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def become_controlling(slave: int) -> None:
    """From now on Ctrl-C there is SIGINT for us. We must be a session's leader without one."""
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def size_of(terminal: int) -> Size:
    """Raises OSError (ENOTTY)."""
    return Size(*_WINDOW.unpack(fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))[:2])


def set_size(terminal: int, size: Size) -> None:
    """Its foreground processes get SIGWINCH if that is a change. Raises OSError."""
    height, width = (min(side, LARGEST_SIDE) for side in size)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, _WINDOW.pack(height, width, 0, 0))


def read_master(master: int, most: int) -> bytes | None:
    """What the program wrote; b"" when nobody can write any more; None if there is nothing now.

    The kernel says EIO where a pipe would be at its end.
    """
    try:
        return os.read(master, most)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


@contextlib.contextmanager
def raw_mode(terminal: int) -> Iterator[None]:
    """Let every key through as it is, unseen, inside the block; afterwards all is as before.

    Also when a signal's handler raises anywhere in here. man 3 termios, cfmakeraw
    """
    before = termios.tcgetattr(terminal)
    try:
        termios.tcsetattr(terminal, termios.TCSADRAIN, _raw(termios.tcgetattr(terminal)))
        yield
    finally:
        with contextlib.suppress(termios.error, OSError):  # it may have been hung up
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _raw(attributes: list[Any]) -> list[Any]:
    raw = list(attributes)
    raw[0] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    raw[1] &= ~termios.OPOST
    raw[2] = raw[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
    return raw
