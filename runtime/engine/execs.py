"""Commands for running containers, in docker's two steps: `create` says what, `start` begins it.

What has been prepared and not begun is in this object's memory, as dockerd has it in its own.
What has begun has a note in its container's directory (container/executions.py), so whoever comes
later, another process too, still learns how it ended.

Docker Engine API 1.47, "Exec"
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.container.messages import STREAMS
from runtime.engine.arguments import as_environment
from runtime.engine.execution import Execution
from runtime.engine.keys import parse_keys
from runtime.errors import CommandNotStarted, Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from runtime.engine.containers import Containers

MOST_PREPARED = 10_000
"""Who prepares more than this without beginning them loses the oldest."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be run, and what its caller is going to listen to."""

    id: str
    container_id: str
    arguments: tuple[str, ...]
    environment: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    tty: bool = False
    privileged: bool = False
    stdin: bool = False
    wanted: tuple[str, ...] = STREAMS
    detach_keys: str = ""
    window: tuple[int, int] | None = None


class Execs:
    """`engine.execs`."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._lock = threading.Lock()
        self._prepared: dict[str, Prepared] = {}
        self._begun: dict[str, Execution] = {}
        self._started: dict[str, int | None] = {}
        """With the exit code of those that could not be begun."""

    def create(self, container: str, arguments: tuple[str, ...], **options: Any) -> str:
        """The id of a command that can be started. `options` are the fields of `Prepared`.

        Raises NotFound, Conflict when the container does not run, InvalidInput.
        """
        if not arguments or not arguments[0]:
            raise InvalidInput("no exec command specified")
        parse_keys(options.get("detach_keys", ""))  # refused now, not when it has begun
        found = self._containers.get(container)
        found.require_running()
        options["environment"] = as_environment(options.get("environment"))
        prepared = Prepared(secrets.token_hex(32), found.id, arguments, **options)
        found.note_exec("exec_create", prepared.id, arguments)
        with self._lock:
            self._prepared[prepared.id] = prepared
            for known in (self._prepared, self._started):
                while len(known) > MOST_PREPARED:
                    del known[next(iter(known))]
        return prepared.id

    def get(self, exec_id: str) -> Prepared:
        """Raises NotFound."""
        prepared = self._prepared.get(exec_id)
        if prepared is None:
            raise NotFound("no such exec instance: {name}", name=exec_id)
        return prepared

    def start(self, exec_id: str, *, tty: bool | None = None, detach: bool = False) -> Execution:
        """Begin it. Raises NotFound, Conflict when it has begun already or the container does not
        run, CommandNotStarted.
        """
        prepared = self.get(exec_id)
        container = self._containers.get(prepared.container_id)
        with self._lock:
            if exec_id in self._started:
                raise Conflict("exec command {name} has been started already", name=exec_id)
            self._started[exec_id] = None
        try:
            execution = container.execution(
                prepared.arguments,
                prepared.environment,
                workdir=prepared.workdir or None,
                user=prepared.user,
                tty=prepared.tty if tty is None else tty,
                privileged=prepared.privileged,
                stdin=prepared.stdin and not detach,
                wanted=() if detach else prepared.wanted,
                window=prepared.window,
                exec_id=exec_id,
            )
        except CommandNotStarted as error:
            self._started[exec_id] = error.exit_code
            raise
        except BaseException:
            del self._started[exec_id]
            raise
        with self._lock:
            self._begun[exec_id] = execution
        return execution

    def end(self, exec_id: str) -> None:
        """Nobody listens to it any more: what was opened for it is closed. It may run on."""
        with self._lock:
            execution = self._begun.pop(exec_id, None)
        if execution is not None:
            execution.close()

    def resize(self, exec_id: str, height: int, width: int) -> None:
        """Tell its terminal how large the window is. Raises NotFound, Conflict when it has not
        begun.
        """
        self.get(exec_id)
        execution = self._begun.get(exec_id)
        if execution is None:
            raise Conflict("exec process is not started")
        execution.resize(height, width)

    def inspect(self, exec_id: str) -> dict[str, Any]:
        """Docker's ExecInspectResponse. Raises NotFound."""
        prepared = self._prepared.get(exec_id)
        if prepared is None:
            return self._document(self._note_of_any(exec_id), None)
        with contextlib.suppress(NotFound):
            container = self._containers.get(prepared.container_id)
            return self._document(container.exec_inspect(exec_id), prepared)
        return self._document({}, prepared)

    def _note_of_any(self, exec_id: str) -> Mapping[str, Any]:
        """Of a command that another process has begun."""
        for each in self._containers.list(all=True):
            with contextlib.suppress(NotFound):
                return each.exec_inspect(exec_id)
        raise NotFound("no such exec instance: {name}", name=exec_id)

    def _document(self, note: Mapping[str, Any], prepared: Prepared | None) -> dict[str, Any]:
        known = prepared or Prepared(note["ID"], note["ContainerID"], ("",))
        config = {
            "tty": known.tty,
            "entrypoint": known.arguments[0],
            "arguments": list(known.arguments[1:]),
            "privileged": known.privileged,
            "user": known.user,
        }
        return {
            "ID": known.id,
            "Running": note.get("Running", False),
            "ExitCode": note.get("ExitCode", self._started.get(known.id)),
            "ProcessConfig": config | dict(note.get("ProcessConfig", {})),
            "OpenStdin": known.stdin,
            "OpenStderr": "stderr" in known.wanted,
            "OpenStdout": "stdout" in known.wanted,
            "CanRemove": False,
            "ContainerID": known.container_id,
            "DetachKeys": known.detach_keys,
            "Pid": note.get("Pid", 0),
        }


class ExecFollower:
    """An exec that is listened to: see following.py."""

    over = False
    begun = True

    def __init__(self, execs: Execs, exec_id: str, execution: Execution, encode: Any) -> None:
        self._execs = execs
        self._id = exec_id
        self._execution = execution
        self._encode = encode
        self.due: float | None = None
        self.stdin: int | None = None
        if execution.stdin is not None:
            self.stdin = execution.stdin.fileno()
            os.set_blocking(self.stdin, False)

    def fileno(self) -> int:
        """It has written something, or has ended."""
        return self._execution.fileno()

    def take(self) -> bytes:
        """What it has written by now."""
        piece = self._execution.take()
        if piece is None:
            self.over = self._execution.has_ended
            return b""
        return bytes(self._encode(*piece))

    def end_stdin(self) -> None:
        """The client will send no more."""
        if self._execution.stdin is not None and self.stdin is not None:
            self.stdin = None
            self._execution.stdin.close()

    def close(self) -> None:
        """It may go on without us."""
        self.end_stdin()
        self._execs.end(self._id)


class Said:
    """Instead of a command that could not be begun: why."""

    over = False
    begun = True
    due: float | None = None
    stdin: int | None = None

    def __init__(self, words: bytes) -> None:
        self._words = words

    def fileno(self) -> int:
        """Nobody waits for it."""
        return -1

    def take(self) -> bytes:
        """The words, once."""
        words, self._words = self._words, b""
        self.over = not words
        return words

    def end_stdin(self) -> None:
        """Nobody reads."""

    def close(self) -> None:
        """Nothing is open."""
