"""A process that has imported everything, and forks commands: the other half of `start`.

It belongs to one session of one user, was started by one of his commands, and has from it all that
a command has from its parent. Whoever asks must be in the same circumstances, so that the fork is
what he would have become himself. It ends when nobody has asked for a while, and as soon as the
code has changed.

    onggi  ── circumstances, words, variables; directory, streams ──▶  deputy ── fork ──▶ command
           ◀── "begun" ──────────────────────────────────────────────────────────────────────┘
           ── a signal's number ──▶
           ◀── how it ended ───────

Rule: the deputy itself carries out nothing, and holds nothing open of those who ask.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import marshal
import os
import selectors
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from runtime.cli import start
from runtime.linux import packets, process

IDLE_S = 300.0
"""After so long without a command it ends."""

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("cli", "engine", "build", "api/client")
"""What commands import, with all that these import in turn."""

NAME = "onggi-deputy"


def main() -> None:
    """Serve at the place that the command line names last."""
    process.set_name(NAME)
    place = Path(sys.argv[-1])
    edition = code_edition()
    import_everything()
    gc.collect()
    gc.freeze()  # so that a fork's garbage collection does not copy the pages it shares
    with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        return packets.connect(place).close()  # somebody else was faster
    place.unlink(missing_ok=True)
    with packets.listen(place) as listener:
        place.chmod(0o600)
        Deputy(listener, edition).serve(place)
    return None


def import_everything() -> None:
    """Whatever a command could need, but for what makes base images: that is seldom."""
    for room in ROOMS:
        for file in sorted((PACKAGE / room).glob("*.py")):
            name = ".".join(("runtime", *Path(room).parts, file.stem))
            importlib.import_module(name.removesuffix(".__init__"))


@functools.cache
def files_of_the_code() -> tuple[Path, ...]:
    """Those of the beginning: a new one is nothing without a change in an old one."""
    return tuple(PACKAGE.glob("**/*.py"))


def code_edition() -> list[int]:
    """Another one after every change of the engine's code."""
    with contextlib.suppress(FileNotFoundError):
        return [file.stat().st_mtime_ns for file in files_of_the_code()]
    return []


@dataclass(frozen=True, slots=True)
class Command:
    """A fork that carries out a command, and who has asked for it."""

    connection: socket.socket
    pid: int
    pidfd: int


class Deputy:
    """The loop. `edition` is that of the code that was imported."""

    def __init__(self, listener: socket.socket, edition: list[int]) -> None:
        self._listener = listener
        self._edition = edition
        self._circumstances = start.circumstances()
        self._selector = selectors.DefaultSelector()
        self._commands: list[Command] = []

    def serve(self, place: Path) -> None:
        """Until it has been idle for long, or its code is not the present one any more."""
        self._selector.register(self._listener, selectors.EVENT_READ, self._greet)
        while self._selector.get_map():
            ready = self._selector.select(None if self._commands else IDLE_S)
            is_old = not ready or self._edition != code_edition()
            if is_old and self._listener.fileno() in self._selector.get_map():
                place.unlink(missing_ok=True)
                self._selector.unregister(self._listener)
                self._listener.close()  # whoever has knocked is told so, and helps himself
            for key, _ in ready:
                if self._selector.get_map().get(key.fd) == key:  # not gone in this very round
                    key.data()

    def _greet(self) -> None:
        """Fork a command for whoever has knocked, if he is as we are."""
        connection, _ = self._listener.accept()
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            request, descriptors = hear(connection)
            for descriptor in descriptors:
                stack.callback(os.close, descriptor)
            if request is None or request[0] != self._circumstances:
                return
            pid = os.fork()
            if pid == 0:
                self._let_go()
                carry_out(request, descriptors, connection)
            command = Command(connection.dup(), pid, os.pidfd_open(pid))
        self._commands.append(command)
        for source, action in ((command.connection, self._listen), (command.pidfd, self._end)):
            self._selector.register(source, selectors.EVENT_READ, lambda do=action: do(command))

    def _let_go(self) -> None:
        """In a fork: of all that is the deputy's."""
        self._selector.close()
        self._listener.close()
        for each in self._commands:
            each.connection.close()
            os.close(each.pidfd)

    def _listen(self, command: Command) -> None:
        """He passes a signal on; or has gone, and the command goes with him."""
        said = b""
        with contextlib.suppress(OSError):
            said = command.connection.recv(1)
        if not said:
            self._selector.unregister(command.connection)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(command.pidfd, said[0] if said else signal.SIGKILL)

    def _end(self, command: Command) -> None:
        """Tell how it has ended."""
        _, status = os.waitpid(command.pid, 0)
        with contextlib.suppress(OSError):
            command.connection.send(struct.pack("i", status))
        for source in (command.connection, command.pidfd):
            with contextlib.suppress(KeyError):
                self._selector.unregister(source)
        command.connection.close()
        os.close(command.pidfd)
        self._commands.remove(command)


def hear(connection: socket.socket) -> tuple[Any, tuple[int, ...]]:
    """The request of a user's own process, and the descriptors with it; None of anybody else's."""
    if start.peer(connection)[1] != os.geteuid():
        return None, ()
    connection.settimeout(1.0)
    try:
        data, descriptors, _, _ = socket.recv_fds(connection, packets.LARGEST, 4)
    except OSError:
        return None, ()
    connection.settimeout(None)
    complete = len(descriptors) == 4
    return (marshal.loads(data) if data and complete else None), tuple(descriptors)  # noqa: S302


def carry_out(request: Any, descriptors: tuple[int, ...], connection: socket.socket) -> NoReturn:
    """Become the command; whoever cannot, ends without having said that it has begun.

    Signals wait until the command itself can hear of them, and again when it has ended.
    """
    code = 1
    before = signal.pthread_sigmask(signal.SIG_BLOCK, start.RELAYED)
    try:
        _, words, variables, group = request
        process.set_name("onggi")
        process.die_with_parent(signal.SIGKILL)
        os.setpgid(0, group)
        directory, *streams = descriptors
        os.fchdir(directory)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for descriptor in descriptors:
            os.close(descriptor)
        os.environ.clear()
        os.environb.update(variables)
        sys.argv[:] = [start.__file__, *words]
        open_streams()
        connection.send(start.BEGUN)
        connection.close()
        code = command(words, before)
    except KeyboardInterrupt:  # before or after the command itself, which knows what to do
        code = start.INTERRUPTED
    except BaseException:  # noqa: BLE001  (a fork must never return into the loop)
        sys.excepthook(*sys.exc_info())
    os._exit(code & 0xFF)


def command(words: list[str], blocked: set[int]) -> int:
    """What the program would do from here on, to its end. Meanwhile only `blocked` signals wait."""
    import atexit
    import threading

    from runtime.cli.main import main as lead

    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return lead(words)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, start.RELAYED)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def open_streams() -> None:
    """Standard streams as Python makes them when it starts."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        reads, terminal = number == 0, os.isatty(number)
        raw = open(number, "rb" if reads else "wb", closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            raw,
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=number == 2 or (terminal and not reads),
            write_through=old.write_through,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
