"""Our own terminal, while it stands in for a container's.

In raw mode every key goes through as it is: Ctrl-C is a byte for the program in there, no signal
for us. Whatever ends us then, the terminal is as it was before; only kill -9 leaves no time for
that (the shell's `reset` helps).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from runtime.cli.flags import EndsWithOne
from runtime.linux import terminal
from runtime.linux.terminal import Size, size_of

DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that would end us on the spot. SIGINT is an exception in Python already."""


class Ended(BaseException):
    """One of them has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class NoTerminal(EndsWithOne):
    """Keys are to be read from something that has none."""


def refuse_other_input() -> None:
    """Raises NoTerminal when our standard input is no terminal."""
    if not os.isatty(0):
        raise NoTerminal(
            "the input device is not a terminal",
            hint="leave out -t: then a pipe or a file can be the input",
        )


def window() -> Size | None:
    """The size of our window; None if we have none."""
    for descriptor in (1, 0):
        with contextlib.suppress(OSError):
            return size_of(descriptor)
    return None


@contextlib.contextmanager
def raw_mode() -> Iterator[None]:
    """Let every key through inside the block; afterwards all is as it was, in every case."""
    try:
        with _deadly_signals_as_exceptions(), terminal.raw_mode(0):
            yield
    except Ended as ended:
        _die_of(ended.number)


@contextlib.contextmanager
def _deadly_signals_as_exceptions() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise Ended(number)

    with handling(DEADLY, end):
        yield


def _die_of(number: int) -> NoReturn:
    """End of the signal, as whoever waits for us expects it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise AssertionError("it did not end us")


@contextlib.contextmanager
def handling(
    numbers: tuple[int, ...], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Inside the block these signals go to `handler`."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


@contextlib.contextmanager
def window_follows(resize: Callable[[int, int], None]) -> Iterator[None]:
    """Inside the block `resize` is called with (height, width) whenever our window changes."""

    def tell(number: int, frame: FrameType | None) -> None:
        size = window()
        if size is not None:
            resize(*size)

    with handling((signal.SIGWINCH,), tell):
        tell(signal.SIGWINCH, None)  # it may have changed since it was asked for
        yield
