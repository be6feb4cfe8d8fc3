"""Containers followed without a thread: for a server with thousands who listen.

Each of these is a source: `take` gives what there is now and never waits; after b"" whoever follows
sleeps until `fileno` is readable or the moment `due` has come; `over` means that nothing comes any
more. What it gives are the bytes of docker's API.

Docker Engine API 1.47, ContainerLogs, ContainerWait, ContainerStats
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from runtime.container import launch
from runtime.container.lifecycle import Condition, recorded_exit
from runtime.container.log import Entry, Reader
from runtime.container.records import UNKNOWN_EXIT
from runtime.container.state import BUSY
from runtime.engine.attachment import open_stdin
from runtime.engine.stats import INTERVAL_S, Sampler
from runtime.engine.watch import Watch
from runtime.errors import NotFound

if TYPE_CHECKING:
    from runtime.engine.container import Container

AT_ONCE_BYTES = 1 << 18
"""So much is taken at once, so that nobody who has much to read holds up the others."""
LOOK_AGAIN_S = 30.0
"""A monitor that was killed tells nobody that its container has ended."""

Encode = Callable[[Entry], bytes]


class LogFollower:
    """What a container writes, each entry encoded. Without a session: what it has written."""

    over = False
    due: float | None = None

    def __init__(
        self,
        container: Container,
        reader: Reader,
        session: launch.Session | None,
        encode: Encode,
        *,
        until: float | None = None,
    ) -> None:
        """Takes reader and session over. `until` is the moment (`time.monotonic`) of the end."""
        self._container = container
        self._reader = reader
        self._session = session
        self._encode = encode
        self._entries: Iterator[Entry] = iter(())
        self.due = until

    def fileno(self) -> int:
        """Its monitor's news."""
        assert self._session is not None, "over: nobody waits"
        return self._session.fileno()

    def take(self) -> bytes:
        """Some of what is new in the log; `over` when it has ended and all of it has been read."""
        while True:
            listening = self._session is not None and self._session.listen()
            if data := self._some():
                return data
            if listening and (self.due is None or time.monotonic() < self.due):
                return b""
            if listening or not self._ask_the_successor():
                self.over = True
                return b""

    def _some(self) -> bytes:
        data = bytearray()
        while len(data) < AT_ONCE_BYTES:
            entry = next(self._entries, None)
            if entry is None:
                self._entries = self._reader.new()
                entry = next(self._entries, None)
                if entry is None:
                    break
            data += self._encode(entry)
        return bytes(data)

    def _ask_the_successor(self) -> bool:
        """Whether the container runs on, its monitor having been killed: see `Attachment`."""
        session = self._session
        if session is None or session.exit is not None:
            return False
        successor = self._container.follow()
        if successor is None:
            return False
        session.close()
        self._session = successor
        return True

    def close(self) -> None:
        """Give file and session back."""
        self._reader.close()
        if self._session is not None:
            self._session.close()


class EndFollower:
    """How a container ends: docker's {"StatusCode": …}."""

    over = False

    def __init__(self, container: Container, watch: Watch, condition: Condition) -> None:
        """Begins to watch before it looks, so that no end is missed. Raises NotFound."""
        self._container = container
        self._condition = condition
        self._subscription = watch.subscribe(container.id)
        try:
            container.reload()
        except BaseException:
            self._subscription.close()
            raise
        self._code = recorded_exit(container.row).code
        self.due: float | None = 0.0 if condition == "not-running" else None

    def fileno(self) -> int:
        """Something has happened to it."""
        return self._subscription.fileno()

    def take(self) -> bytes:
        """The answer, once."""
        if self.over or not self._has_ended():
            return b""
        self.over = True
        return json.dumps({"StatusCode": self._code}).encode() + b"\n"

    def _has_ended(self) -> bool:
        for event in self._subscription.take():
            if event.action == "die":
                self._code = int(event.attributes.get("exitCode", UNKNOWN_EXIT))
                self.due = 0.0 if self._condition == "not-running" else self.due
                if self._condition == "next-exit":
                    return True
            if event.action == "destroy":
                return True
        if self.due is None or time.monotonic() < self.due:
            return False
        self.due = time.monotonic() + LOOK_AGAIN_S
        try:
            self._container.reload()
        except NotFound:
            return True
        if self._container.status in BUSY:
            return False
        self._code = recorded_exit(self._container.row).code
        return True

    def close(self) -> None:
        """Stop watching."""
        self._subscription.close()


class StatsFollower:
    """A sample a second, until the container is removed."""

    over = False

    def __init__(self, container: Container, watch: Watch) -> None:
        self._container = container
        self._sampler = Sampler()
        self._subscription = watch.subscribe(container.id)
        self.due: float | None = 0.0

    def fileno(self) -> int:
        """Something has happened to it."""
        return self._subscription.fileno()

    def take(self) -> bytes:
        """A sample, when it is time for one."""
        self._subscription.take()
        assert self.due is not None, "always"
        if time.monotonic() < self.due:
            return b""
        self.due = time.monotonic() + INTERVAL_S
        try:
            self._container.reload()
            return json.dumps(self._sampler.sample(self._container)).encode() + b"\n"
        except NotFound:
            self.over = True
            return b""

    def close(self) -> None:
        """Stop watching."""
        self._subscription.close()


class AttachedFollower(LogFollower):
    """Attached to a container that runs, or that is about to be started: what it writes, and its
    standard input. `begun`: it is known by now whether `stdin` is to be written to.
    """

    stdin: int | None = None
    begun = False

    def __init__(
        self,
        container: Container,
        watch: Watch,
        encode: Encode,
        *,
        stdin: bool,
        logs: bool,
        stream: bool = True,
    ) -> None:
        """Raises NotFound."""
        self._wants_stdin = stdin and container.request.stdin_open
        self._ends_stdin: Callable[[], None] = lambda: None
        self._stream = stream
        self._subscription = watch.subscribe(container.id)
        try:
            reader = container.bundle.read_log()
        except BaseException:
            self._subscription.close()
            raise
        if not logs:
            reader.skip_to_end()
        super().__init__(container, reader, None, encode)
        if not stream:
            self.begun = True
        elif container.status in BUSY:
            self._begin()

    def fileno(self) -> int:
        """Its monitor's news; before it has one, that it has been started."""
        return self._subscription.fileno() if self._session is None else super().fileno()

    def take(self) -> bytes:
        """What it writes. Before its start there is only what it wrote in an earlier life."""
        if not self.begun and not self._is_started():
            return self._some()
        return super().take()

    def _is_started(self) -> bool:
        actions = {event.action for event in self._subscription.take()}
        if not actions & {"start", "die", "destroy"}:
            return False
        self._begin()
        return True

    def _begin(self) -> None:
        """Speak with its monitor. If it has ended by now, all it wrote is in the log."""
        self.begun = True
        self._session = launch.follow(self._container.bundle_path)
        if self._session is not None and self._wants_stdin:
            terminal = self._session.terminal() if self._container.has_terminal else None
            found = open_stdin(self._container.bundle_path, self._session, terminal)
            if found is not None:
                self.stdin, self._ends_stdin = found.fileno(), found.close
                os.set_blocking(self.stdin, False)

    def end_stdin(self) -> None:
        """The client will send no more."""
        if self.stdin is not None:
            self.stdin = None
            self._ends_stdin()

    def close(self) -> None:
        """The container goes on without us."""
        with contextlib.suppress(OSError):
            self.end_stdin()
        self._subscription.close()
        super().close()
