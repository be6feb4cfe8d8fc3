"""The caller's side: find or start the launcher, hand it a bundle, listen to what comes back.

Nothing here forks the caller. The launcher is a new program, started with an empty
environment; the listening socket is made by the caller and inherited, so a request can be sent
at once and waits until the launcher has finished importing.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.container import messages
from runtime.container.messages import SOCKET, Exit, Message, Start
from runtime.errors import KernelError, OnggiError
from runtime.linux import mount, namespaces
from runtime.oci.spec import Process

_PACKAGE = Path(__file__).resolve().parents[1]
_PROGRAM = (
    "import os, sys\n"
    "if os.fork(): os._exit(0)\n"  # so that it is nobody's child, and nobody's zombie
    "sys.path.insert(0, sys.argv[1])\n"
    "from runtime.container.launcher import main\n"
    "main(int(sys.argv[2]), sys.argv[3], sys.argv[4])\n"
)
ATTEMPTS = 3
"""How often a launcher may end, or be killed, just when it is asked."""

_ROOMS = ("container", "linux", "snapshot", "oci")


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

    def wait_for_end(self, deadline: float | None) -> bool:
        """Wait until the monitor has said goodbye; False if `deadline` (monotonic) came first."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while True:
            left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
            if not poll.poll(left):
                return False
            self._hear()
            if self._over:
                return True

    def _hear(self) -> tuple[Message | None, tuple[int, ...]]:
        """Take one message; notice if it was the last one, which tells the exit."""
        message: Message | None = None
        descriptors: tuple[int, ...] = ()
        with contextlib.suppress(ConnectionError):
            message, descriptors = messages.receive(self._connection)
        if message is not None and "exit_code" in message:
            self.exit = Exit(message["exit_code"], message["oom_killed"])
        self._over = message is None or self.exit is not None
        return message, descriptors

    def fileno(self) -> int:
        """For `select`: readable when there is news."""
        return self._connection.fileno()

    def abort(self) -> None:
        """Let go of the lifeline and wait until the container is gone. See `Start.lifeline`."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
        self.wait_for_end(None)

    def close(self) -> None:
        """End the conversation; the container goes on (but see `Start.lifeline`)."""
        self._connection.close()


def start(request: Start) -> Session:
    """Start a container that has a bundle. Raises why it could not be started."""
    for _ in range(ATTEMPTS):
        connection = _ask(request.root, request.to_message(), ())
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
    raise _silence(request.root)


def adopt(request: Start) -> None:
    """Let the launcher see to it that the container of `request` has a monitor: it has one when
    this returns, or needs none any more. Raises OnggiError.
    """
    connection = _ask(request.root, {**request.to_message(), "verb": "adopt"}, ())
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
    connection = _ask(request.root, request.to_message(), stdio)
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


def _ask(root: Path, message: Message, descriptors: tuple[int, ...]) -> socket.socket:
    """Send a request to the launcher of this state directory, which is started if need be."""
    for _ in range(ATTEMPTS):
        connection = _connect(root)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            messages.send(connection, message, descriptors)
            return connection
        connection.close()  # it was just ending: the next one will answer
    raise _silence(root)


def _silence(root: Path) -> OnggiError:
    return OnggiError(
        "the launcher of the state directory does not answer: {root}",
        hint="see run/launcher.log there",
        root=root,
    )


def _connect(root: Path) -> socket.socket:
    path = root / "run" / f"launcher-{_key()}.sock"
    with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        return messages.connect(path)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with (path.parent / "launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return messages.connect(path)  # somebody else has started it meanwhile
        path.unlink(missing_ok=True)
        with messages.listen(path) as listener:
            connection = messages.connect(path)
            _spawn(root, path, listener)
        return connection


def _spawn(root: Path, path: Path, listener: socket.socket) -> None:
    """Start the launcher: isolated from the environment, the directory and the terminal."""
    import subprocess  # only the first container pays for it

    # -I and -S: no user site, no environment variable decides what runs with privilege.
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
    interpreter = _out_of_reach(Path(sys.executable))
    arguments = [str(_PACKAGE.parent), str(listener.fileno()), str(root), str(path)]
    with (path.parent / "launcher.log").open("ab") as errors:
        subprocess.run(
            [*command, *arguments],
            executable=f"/proc/self/fd/{interpreter}",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(listener.fileno(), interpreter),
            env={"LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
            check=True,
        )
    os.close(interpreter)


def _out_of_reach(program: Path) -> int:
    """A descriptor of `program` on a read-only mount of its own.

    A container's root may open /proc/PID/exe of whoever is on the way into it, or have itself
    started as /proc/self/exe. It then holds the host's interpreter, and could overwrite it when
    nobody runs it (CVE-2019-5736). Through this mount it can only read it.
    """
    try:
        tree = mount.open_tree(program.resolve())
        mount.set_read_only(tree)
    except KernelError:  # without privilege nothing of the host's can be written either
        return os.open(program, os.O_PATH | os.O_CLOEXEC)
    return tree


@functools.cache
def _key() -> str:
    """What a launcher must have in common with us: this code, these namespaces.

    The code's time counts, so that whoever changes the engine in a lesson and starts the
    kernel anew runs the change.
    """
    marks = [
        f"{path}:{path.stat().st_mtime_ns}"
        for room in _ROOMS
        for path in sorted((_PACKAGE / room).glob("*.py"))
    ]
    worlds = [namespaces.identity("self", kind) for kind in namespaces.FLAG_OF_KIND]
    return hashlib.sha256("\n".join([*marks, *worlds, sys.version]).encode()).hexdigest()[:16]
