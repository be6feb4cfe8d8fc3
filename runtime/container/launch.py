"""The caller's side: hand the launcher a bundle, listen to what comes back.

Nothing here forks the caller: the launcher is a `resident`, found by its socket or started.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.container import messages
from runtime.container.messages import SOCKET, Exit, Message, Start
from runtime.errors import OnggiError
from runtime.oci.spec import Process
from runtime.resident import ATTEMPTS, LAUNCHER

LONGEST_MS = (1 << 31) - 1
"""What `poll` can wait at most, some 25 days; who has longer waits without end."""


class Session:
    """A conversation with a monitor: about one container, from its start to its end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.exit: Exit | None = None
        """Set when the monitor has told how it ended."""
        self._over = False

    def started(self) -> int:
        """Wait until the container runs its program; its PID on the host.

        Raises the error for which it could not be started.
        """
        message, _ = messages.receive(self._connection)
        if message is None:
            raise OnggiError(
                "the container's monitor ended before the container started",
                hint="see run/launcher.log in the state directory",
            )
        if "error" in message:
            raise messages.as_error(message["error"])
        return int(message["pid"])

    def news(self) -> Iterator[None]:
        """Yields at once, whenever there may be more in the log, and once more after the end."""
        while not self._over:
            yield
            self._hear()
        yield

    def terminal(self) -> int | None:
        """The master of the container's terminal; None if it has none, or has just ended.

        It is the caller's to close. With it one writes, and sets the window's size.
        """
        self._say({"terminal": True})
        while not self._over:
            message, descriptors = self._hear()
            if message is not None and "terminal" in message:
                return descriptors[0] if descriptors else None
        return None

    def feeds(self, begun: bool) -> None:
        """Say that we write to the container's standard input, or have finished doing so."""
        self._say({"feeds": begun})

    def leave(self) -> None:
        """End the conversation, from another thread, too: `news` comes to its end."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _say(self, message: Message) -> None:
        with contextlib.suppress(OSError):  # it has ended meanwhile: we shall hear
            messages.send(self._connection, message)

    def listen(self) -> bool:
        """Take what has been said by now, without waiting; False when all has been said."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while not self._over and poll.poll(0):
            self._hear()
        return not self._over

    def wait_for_end(self, deadline: float | None) -> bool:
        """Wait until the monitor has said goodbye; False if `deadline` (monotonic) came first."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while True:
            left = LONGEST_MS if deadline is None else max(0, deadline - time.monotonic()) * 1000
            if not poll.poll(left if left < LONGEST_MS else None):
                return False
            self._hear()
            if self._over:
                return True

    def _hear(self) -> tuple[Message | None, tuple[int, ...]]:
        """Take one message; notice if it was the last one, which tells the exit."""
        message: Message | None = None
        descriptors: tuple[int, ...] = ()
        with contextlib.suppress(ConnectionError):
            message, descriptors = messages.receive_all_the_same(self._connection)
        if message is not None and "exit_code" in message:
            self.exit = Exit(message["exit_code"], message["oom_killed"])
        self._over = message is None or self.exit is not None
        return message, descriptors

    def fileno(self) -> int:
        """For `select`: readable when there is news."""
        return self._connection.fileno()

    def let_go(self) -> None:
        """Let go of the lifeline, from another thread, too: `news` comes to its end when the
        container is gone. See `Start.lifeline`.
        """
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Let go of the lifeline and wait until the container is gone."""
        self.let_go()
        self.wait_for_end(None)

    def close(self) -> None:
        """End the conversation; the container goes on (but see `Start.lifeline`)."""
        self._connection.close()


def start(request: Start) -> Session:
    """Start a container that has a bundle. Raises why it could not be started."""
    for _ in range(ATTEMPTS):
        connection = LAUNCHER.ask(request.root, request.to_message())
        session = Session(connection)
        try:
            session.started()
        except ConnectionResetError:  # nobody has read the request, and nobody will
            session.close()
            continue
        except BaseException:
            session.close()
            raise
        return session
    raise LAUNCHER.silence(request.root)


def adopt(request: Start) -> None:
    """Let the launcher see to it that the container of `request` has a monitor: it has one when
    this returns, or needs none any more. Raises OnggiError.
    """
    connection = LAUNCHER.ask(request.root, {**request.to_message(), "verb": "adopt"})
    with connection, contextlib.suppress(ConnectionResetError):
        message, _ = messages.receive(connection)
        if message and "error" in message:
            raise messages.as_error(message["error"])


def follow(directory: Path) -> Session | None:
    """A conversation with the monitor of a container that runs; None if there is none."""
    try:
        return Session(messages.connect(directory / SOCKET))
    except (FileNotFoundError, ConnectionRefusedError):
        return None


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """One more command, for a container whose first process is `pid`, born at `pid_start`."""

    root: Path
    container_id: str
    pid: int
    pid_start: int
    exec_id: str
    program: Process

    def to_message(self) -> Message:
        """For the launcher."""
        return {
            "verb": "exec",
            "container": self.container_id,
            "pid": self.pid,
            "pid_start": self.pid_start,
            "id": self.exec_id,
            "process": self.program.to_json(),
        }


def execute(request: ExecRequest, stdio: tuple[int, ...] = ()) -> tuple[socket.socket, int | None]:
    """Begin an `exec` on descriptors, which stay the caller's, or on a terminal of its own.

    What is returned is the conversation, whose end `exec_result` waits for, and the master.
    Raises CommandNotStarted, Conflict.
    """
    connection = LAUNCHER.ask(request.root, request.to_message(), stdio)
    try:
        message, descriptors = _begun(connection)
    except BaseException:
        connection.close()
        raise
    return connection, descriptors[0] if "terminal" in message else None


def exec_result(connection: socket.socket) -> int:
    """The exit code of an `exec`."""
    with connection:
        message, _ = _begun(connection)
    return int(message["exit_code"])


def _begun(connection: socket.socket) -> tuple[Message, tuple[int, ...]]:
    message: Message | None = None
    descriptors: tuple[int, ...] = ()
    with contextlib.suppress(ConnectionResetError):
        message, descriptors = messages.receive(connection)
    if message is None:
        raise OnggiError("nobody saw how the command ended: the process between was killed")
    if "error" in message:
        raise messages.as_error(message["error"])
    return message, descriptors
