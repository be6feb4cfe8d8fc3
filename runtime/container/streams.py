"""What goes in and out of one container, and who is told: the monitor's hands.

    program ──pipes, or master──▶ Streams ──▶ log          (the only copy of the output)
       ▲                             │
       │                             └──"output"──▶ callers, who read the log themselves
       └──pipe, or master── callers: what they write goes the straight way

The monitor owns the container's life, this file its bytes. A `Streams` is opened before the
program begins, tells a selector what to call when something is ready, and is closed when the
program has ended and everything it wrote has been read.

Input does not go through here. A caller opens the named pipe `stdin`, or is given the master of
the terminal, and writes by itself: who is slow, or dies, holds up nobody else. What is left to
the monitor is to hold the pipe open, so that it does not end before it should (`StdinPolicy`).

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
from collections.abc import Callable
from pathlib import Path

from runtime.container import log, messages
from runtime.container.log_options import LogOptions
from runtime.container.messages import STDIN, STREAMS, Exit, Message, StdinPolicy
from runtime.linux import terminal
from runtime.oci.spec import Spec

PIPE_CHUNK = 1 << 16


class Streams:
    """One container's pipes or terminal, its log, and the callers who are connected."""

    def __init__(self, directory: Path, spec: Spec) -> None:
        """Open pipes and log in the bundle's directory. The program may begin afterwards. Of `spec`
        it matters whether there is a terminal, and the annotations.
        """
        self.spec = spec
        self._sources = {} if spec.process.terminal else open_pipes(directory)
        self.master: int | None = None
        """The other end of its terminal, if it has one."""
        self._slave: int | None = None
        self._stdin: int | None = None
        policy = StdinPolicy.of(spec.annotations)
        if policy != StdinPolicy.NOTHING and not spec.process.terminal:
            self._stdin = open_pipe(directory / STDIN)
        self._ends_once = policy == StdinPolicy.ONCE
        self._options = LogOptions.of(spec.annotations)
        self._log = log.Writer(directory / log.NAME, self._options.limits)
        self._callers: list[socket.socket] = []
        self._feeding: set[socket.socket] = set()
        self._selector: selectors.BaseSelector | None = None

    def take_terminal(self, master: int) -> None:
        """The program has a terminal, and this is its other end."""
        self.master, self._slave = master, terminal.hold_open(master)
        self._sources[master] = STREAMS[0]

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Register what has to be watched; each key's `data` is the function to call then."""
        self._selector = selector
        for source in self._sources:
            action = functools.partial(self.copy_output, source)
            selector.register(source, selectors.EVENT_READ, action)

    def copy_output(self, source: int) -> bool:
        """Move what is in the pipe or terminal to the log; False if there was nothing."""
        data = terminal.read_master(source, PIPE_CHUNK)
        if data == b"":
            self._unwatch(source)  # hung up: it would be ready for ever
        if not data:
            return False
        if self._options.only_heard and not self._callers:
            return True
        # A full disk must not stop the container: docker, too, goes on without its log.
        with contextlib.suppress(OSError):
            self._log.write(self._sources[source], data)
        self.tell({"output": True})
        return True

    def greet(self, caller: socket.socket, at_its_end: Callable[[], None] | None = None) -> None:
        """From now on it is told, and listened to. What came while it was still knocking it
        could have missed. Without `at_its_end` it is forgotten when it goes away.
        """
        assert self._selector is not None, "watch first"
        self._callers.append(caller)
        action = functools.partial(self._listen, caller, at_its_end)
        self._selector.register(caller, selectors.EVENT_READ, action)
        _tell(caller, {"output": True})  # him alone: a thousand others have heard already

    def _listen(self, caller: socket.socket, at_its_end: Callable[[], None] | None) -> None:
        """A caller has said something, or has gone."""
        if caller not in self._callers:
            return  # forgotten a moment ago, for another reason
        try:
            message, descriptors = messages.receive(caller)
        except ConnectionResetError:
            return  # it has gone without reading all; what it said before that comes next
        for descriptor in descriptors:
            os.close(descriptor)
        if message is not None:
            self._answer(caller, message)
        elif at_its_end is None:
            self._forget(caller)
        else:
            self._unwatch(caller)  # it may only have closed its half, and hear how it ends
            at_its_end()

    def _answer(self, caller: socket.socket, message: Message) -> None:
        """{"feeds": …}: it writes to the standard input, or has finished doing so.
        {"terminal": …}: it wants the master.
        """
        if message.get("feeds"):
            self._feeding.add(caller)
        elif "feeds" in message:
            self._fed(caller)
        if "terminal" in message:
            masters = () if self.master is None else (self.master,)
            try:
                messages.send(caller, {"terminal": bool(masters)}, masters, wait=False)
            except OSError:
                self._forget(caller)

    def _fed(self, caller: socket.socket) -> None:
        """The first one who has finished ends an input that is open once."""
        if caller in self._feeding and self._ends_once and self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None
        self._feeding.discard(caller)

    def _unwatch(self, source: socket.socket | int) -> None:
        assert self._selector is not None
        with contextlib.suppress(KeyError, ValueError):  # ValueError: it is closed already
            self._selector.unregister(source)

    def _forget(self, caller: socket.socket) -> None:
        self._unwatch(caller)
        self._fed(caller)
        self._callers.remove(caller)
        caller.close()
        self._log.delete_old()  # it may have had a file in hand

    def tell(self, message: Message) -> None:
        """Tell every caller, without ever waiting for one.

        Who has not read what it was told before knows that there is more. It is told nothing, so
        that there is always room for the goodbye.
        """
        for caller in self._callers:
            _tell(caller, message)

    def close(self) -> None:
        """Take what is left in the pipes. Nobody writes to them any more."""
        for source in self._sources:
            while self.copy_output(source):
                pass
        for descriptor in (*self._sources, self._slave, self._stdin):
            if descriptor is not None:
                os.close(descriptor)
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
    """Make the named pipes for the container's output; this process's ends, by stream."""
    return {open_pipe(directory / stream): stream for stream in STREAMS}


def open_pipe(path: Path) -> int:
    """Make a named pipe, and open it for both directions, whoever else has it open by now.

    So a reader does not find an end when a program closes its output, which would make it ready
    for ever, with nothing to read; nor a program one of its input when a caller goes away.
    man 7 fifo
    """
    if not path.exists():
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _tell(caller: socket.socket, message: Message) -> None:
    with contextlib.suppress(OSError):  # it has gone: `_listen` will hear that
        if not _unread_bytes(caller):
            data = json.dumps(message).encode()
            caller.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def _unread_bytes(caller: socket.socket) -> int:
    """What was sent and has not been received yet. man 7 unix, SIOCOUTQ"""
    answer = fcntl.ioctl(caller, termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(answer, sys.byteorder)
