"""Being attached: what a container writes comes out here, what is written here goes into it.

Output is read from the container's log, so every one who is attached sees all of it at a speed
of his own. Input goes the straight way: into the container's named pipe, or its terminal.

    attachment.output()        what it writes, until it has ended
    attachment.stdin           an `Input`, or None if it has none that is open
    attachment.resize(…)       its terminal's window
    attachment.leave()         from any thread: `output` ends, the container goes on
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.container import launch, log
from runtime.container.log import Entry
from runtime.container.messages import STDIN, Exit
from runtime.errors import InvalidInput
from runtime.linux.terminal import LARGEST_SIDE, Size, set_size

if TYPE_CHECKING:
    from runtime.engine.container import Container

NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
CHUNK_BYTES = 1 << 16

_FRAME = struct.Struct(">BxxxL")


class Input:
    """A program's standard input: a descriptor to write to, which never loses a byte."""

    def __init__(self, descriptor: int, at_end: Callable[[], None] = lambda: None) -> None:
        self._descriptor = descriptor
        self._at_end = at_end

    def fileno(self) -> int:
        """For who can wait by himself until there is room."""
        return self._descriptor

    def write(self, data: bytes) -> None:
        """Write all of it, however long that takes. Raises OSError when nobody can read it."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()

    def close(self) -> None:
        """There will be nothing more: the program finds the end of a pipe, none of a terminal."""
        os.close(self._descriptor)
        self._at_end()


class Attachment:
    """A container that runs and is being listened to."""

    def __init__(
        self,
        container: Container,
        session: launch.Session,
        reader: log.Reader,
        *,
        stdin: bool = True,
    ) -> None:
        """Takes session and reader over."""
        self._container = container
        self._session = session
        self._reader = reader
        self._left = False
        self._terminal = session.terminal() if container.has_terminal else None
        self.stdin: Input | None = None
        if stdin and container.request.stdin_open:
            terminal = None if self._terminal is None else os.dup(self._terminal)
            self.stdin = open_stdin(container.bundle_path, session, terminal)

    def output(self) -> Iterator[Entry]:
        """What it writes, as it comes, until it has ended or we have left."""
        try:
            with self._reader:
                for _ in self._news():
                    yield from self._reader.new()
        finally:
            self._session.close()
            if self._terminal is not None:
                os.close(self._terminal)
                self._terminal = None

    def _news(self) -> Iterator[None]:
        """Of its monitor; when that was killed, of the one who has taken over."""
        yield from self._session.news()
        while self._session.exit is None and not self._left:
            successor = self._container.follow()
            if successor is None:
                return
            self._session.close()
            self._session = successor
            yield from successor.news()

    def resize(self, height: int, width: int) -> None:
        """Tell the terminal how large its window is; without a terminal, nothing happens."""
        if self._terminal is not None:
            resize(self._terminal, height, width)

    def leave(self) -> None:
        """Let the container go on without us; `output` ends. Any thread may call it."""
        self._left = True
        self._session.leave()

    @property
    def exit(self) -> Exit:
        """How it ended, once `output` is exhausted."""
        if self._session.exit is not None:
            return self._session.exit
        return self._container.how_it_ended()


def open_stdin(directory: Path, session: launch.Session, terminal: int | None) -> Input | None:
    """The standard input of the container in `directory`, or its `terminal`, which is taken over.
    None if nobody reads it any more.
    """
    if terminal is not None:
        return Input(terminal)
    with contextlib.suppress(OSError):  # ENXIO: it has been closed at the other end
        pipe = _open_for_writing(directory / STDIN)
        session.feeds(True)
        return Input(pipe, lambda: session.feeds(False))
    return None


def resize(terminal: int, height: int, width: int) -> None:
    """Raises InvalidInput for a window that cannot be."""
    for side in (height, width):
        if not 0 <= side <= LARGEST_SIDE:
            raise InvalidInput("no window has {count} lines or columns", count=side)
    with contextlib.suppress(OSError):  # it has ended meanwhile
        set_size(terminal, Size(height, width))


def _open_for_writing(path: Path) -> int:
    """Raises OSError (ENXIO) when nobody has it open for reading: then nobody ever will."""
    return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def frame(stream: str, data: bytes) -> bytes:
    """One piece as docker's API sends it when there are two outputs: the stream's number, three
    zeros, the length in four bytes, the bytes. Docker Engine API, ContainerAttach
    """
    return _FRAME.pack(NUMBERS[stream], len(data)) + data


def as_socket(
    pieces: Iterator[tuple[str, bytes]],
    stdin: Input | None,
    *,
    framed: bool,
    leave: Callable[[], None] = lambda: None,
) -> socket.socket:
    """One end of a connection that carries `pieces` out and, until it is half closed, what is
    written to it into `stdin`. When it is closed, `leave` is called.
    """
    ours, theirs = socket.socketpair()

    def carry_out() -> None:
        with contextlib.suppress(OSError):
            for stream, data in pieces:
                ours.sendall(frame(stream, data) if framed else data)
            ours.shutdown(socket.SHUT_WR)
        leave()

    def carry_in() -> None:
        with contextlib.suppress(OSError):
            while data := ours.recv(CHUNK_BYTES):
                if stdin is not None:
                    stdin.write(data)
        if stdin is not None:
            stdin.close()

    for work in (carry_out, carry_in):
        threading.Thread(target=work, daemon=True).start()
    return theirs
