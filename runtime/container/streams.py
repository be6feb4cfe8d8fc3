"""What goes in and out of one container, and who is told: the monitor's hands.

    program ──named pipes──▶ Streams ──▶ log          (the only copy of the output)
                                │
                                └──"output"──▶ callers, who read the log themselves

The monitor owns the container's life, this file its bytes. A `Streams` is opened before the
program begins, tells a selector what to call when something is ready, and is closed when the
program has ended and everything it wrote has been read.

Rule: nothing here waits, neither for the container nor for a caller.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import selectors
import socket
import sys
import termios
from pathlib import Path

from runtime.container import log, messages
from runtime.container.messages import STREAMS, Exit, Message

PIPE_CHUNK = 1 << 16


class Streams:
    """One container's pipes, its log, and the callers who are connected."""

    def __init__(self, directory: Path) -> None:
        """Open pipes and log in the bundle's directory. The program may begin afterwards."""
        self._pipes = open_pipes(directory)
        self._log = log.Writer(directory / log.NAME)
        self._callers: list[socket.socket] = []

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Register what has to be watched; each key's `data` is the function to call then."""
        for pipe in self._pipes:
            action = functools.partial(self.copy_output, pipe)
            selector.register(pipe, selectors.EVENT_READ, action)

    def copy_output(self, pipe: int) -> bool:
        """Move what is in the pipe to the log; False if there was nothing."""
        try:
            data = os.read(pipe, PIPE_CHUNK)
        except BlockingIOError:
            return False
        # A full disk must not stop the container: docker, too, goes on without its log.
        with contextlib.suppress(OSError):
            self._log.write(self._pipes[pipe], data)
        self.tell({"output": True})
        return bool(data)

    def greet(self, caller: socket.socket) -> None:
        """From now on it is told. What came while it was still knocking it could have missed."""
        self._callers.append(caller)
        self.tell({"output": True})

    def tell(self, message: Message) -> None:
        """Tell every caller, without ever waiting for one.

        Who has not read what it was told before knows that there is more. It is told nothing, so
        that there is always room for the goodbye.
        """
        data = json.dumps(message).encode()
        for caller in tuple(self._callers):
            try:
                if not _unread_bytes(caller):
                    caller.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except OSError:
                caller.close()
                self._callers.remove(caller)

    def close(self) -> None:
        """Take what is left in the pipes. Nobody writes to them any more."""
        for pipe in self._pipes:
            while self.copy_output(pipe):
                pass
            os.close(pipe)
        self._log.close()

    def say_goodbye(self, ended: Exit) -> None:
        """Tell every caller how it ended: the last thing that they hear."""
        message = {"exit_code": ended.code, "oom_killed": ended.oom_killed}
        for caller in self._callers:
            with contextlib.suppress(OSError):
                caller.settimeout(1.0)
                messages.send(caller, message)
            caller.close()


def open_pipes(directory: Path) -> dict[int, str]:
    """Make the named pipes for the container's output; this process's ends, by stream.

    Opened for writing, too: otherwise a program that closes its output would make them ready
    for ever, with nothing to read. man 7 fifo
    """
    mine: dict[int, str] = {}
    for stream in STREAMS:
        path = directory / stream
        if not path.exists():
            os.mkfifo(path, 0o600)
        mine[os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)] = stream
    return mine


def _unread_bytes(caller: socket.socket) -> int:
    """What was sent and has not been received yet. man 7 unix, SIOCOUTQ"""
    answer = fcntl.ioctl(caller, termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(answer, sys.byteorder)
