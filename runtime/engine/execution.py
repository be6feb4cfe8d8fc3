"""One more command in a container that runs: begun, listened to, and how it ended.

It writes into pipes of ours, or into a terminal whose master we have been given; nothing passes
through another process. If we go away it runs on, and the process between reads in our place.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator

from runtime.container import launch
from runtime.container.messages import STREAMS
from runtime.engine.attachment import Input, resize
from runtime.linux import terminal

CHUNK_BYTES = 1 << 16


class Execution:
    """A command that has begun."""

    def __init__(
        self,
        request: launch.ExecRequest,
        *,
        stdin: bool = False,
        wanted: tuple[str, ...] = STREAMS,
    ) -> None:
        """Begin it. Raises CommandNotStarted, Conflict when the container does not run."""
        self.id = request.exec_id
        self.stdin: Input | None = None
        self.has_ended = False
        self._ready: select.epoll | None = None
        self._sources: dict[int, str] = {}
        self._terminal: int | None = None
        if request.program.terminal:
            self._connection, self._terminal = launch.execute(request)
            assert self._terminal is not None
            self._sources[self._terminal] = STREAMS[0]
            self.stdin = Input(os.dup(self._terminal)) if stdin else None
        else:
            self._connection = self._begin_on_pipes(request, stdin, wanted)

    def _begin_on_pipes(
        self, request: launch.ExecRequest, stdin: bool, wanted: tuple[str, ...]
    ) -> socket.socket:
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        theirs = {"stdin": nothing, **dict.fromkeys(STREAMS, nothing)}
        ours: int | None = None
        try:
            if stdin:
                theirs["stdin"], ours = os.pipe()
            for stream in wanted:
                source, theirs[stream] = os.pipe()
                self._sources[source] = stream
            connection, _ = launch.execute(request, tuple(theirs.values()))
        except BaseException:
            for descriptor in (*self._sources, ours):
                if descriptor is not None:
                    os.close(descriptor)
            raise
        finally:
            for descriptor in {nothing, *theirs.values()}:
                os.close(descriptor)
        if ours is not None:
            self.stdin = Input(ours)
        return connection

    def output(self) -> Iterator[tuple[str, bytes]]:
        """What it writes, as (stream, bytes), until it has closed its outputs.

        Or until it has ended and they are empty: a process that was left behind may hold them
        open for ever.
        """
        poll = select.poll()
        for descriptor in (*self._sources, self._connection.fileno()):
            poll.register(descriptor, select.POLLIN)
        still_open, timeout_ms = set(self._sources), None
        while still_open:
            ready = {descriptor for descriptor, _ in poll.poll(timeout_ms)}
            if self._connection.fileno() in ready:
                poll.unregister(self._connection)
                timeout_ms = 0
            elif not ready:
                return
            for source in ready & still_open:
                data = terminal.read_master(source, CHUNK_BYTES)
                if data:
                    yield self._sources[source], data
                elif data == b"":
                    poll.unregister(source)
                    still_open.discard(source)

    def fileno(self) -> int:
        """For who cannot wait in `output`: readable when there is something for `take`."""
        if self._ready is None:
            self._ready = select.epoll()
            for descriptor in (*self._sources, self._connection.fileno()):
                self._ready.register(descriptor, select.EPOLLIN)
        return self._ready.fileno()

    def take(self) -> tuple[str, bytes] | None:
        """A piece of what it has written by now, without waiting; None if there is none. Once it
        `has_ended`, None means that there will be none.
        """
        self.fileno()
        assert self._ready is not None
        ready = [descriptor for descriptor, _ in self._ready.poll(0)]
        if self._connection.fileno() in ready:
            self.has_ended = True
            self._ready.unregister(self._connection)
        # The kernel hands on what was written to a terminal a moment later, and tells an epoll
        # then. Only who reads hurries it, and at the end there is no later. man 7 pty
        for descriptor in self._sources if self.has_ended else ready:
            if descriptor in self._sources:
                data = terminal.read_master(descriptor, CHUNK_BYTES)
                if data:
                    return self._sources[descriptor], data
                if data == b"" and not self.has_ended:
                    self._ready.unregister(descriptor)
        return None

    def resize(self, height: int, width: int) -> None:
        """Tell its terminal how large its window is; without a terminal, nothing happens."""
        if self._terminal is not None:
            resize(self._terminal, height, width)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        self._close_sources()
        return launch.exec_result(self._connection)

    def leave(self) -> None:
        """Let it go on without us; `output` ends. Any thread may call it."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The same, and everything of ours is closed."""
        self._close_sources()
        self._connection.close()

    def _close_sources(self) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None
        for source in self._sources:
            os.close(source)
        self._sources.clear()
        self._terminal = None
