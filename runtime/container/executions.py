"""Which commands were begun in a container besides its own, and how they ended.

One small file each, in the bundle's directory `exec`. It is written by the process between (see
`execute`), read by whoever asks, and gone with the container, or some time after its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from runtime.container.messages import Message
from runtime.linux import process

DIRECTORY = "exec"
KEPT_S = 300.0
"""So long is known how one ended, as with docker."""


class Notes:
    """The writer's side. It keeps descriptors, because no path leads from inside a container to
    the bundle and the host's /proc; whoever becomes a program in there must `close` them.
    """

    def __init__(self, directory: Path, exec_id: str, program: Message) -> None:
        path = directory / DIRECTORY
        path.mkdir(mode=0o700, exist_ok=True)
        forget_old(path)
        self._directory, self._proc = (
            os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for each in (path, "/proc")
        )
        self._note: dict[str, Any] = {"id": exec_id, "process": program}

    def begun(self, pid: int) -> None:
        """It runs, and the host numbers it `pid`."""
        self._write(pid=pid, pid_start=process.start_time(pid, self._proc) or 0, exit_code=None)

    def ended(self, code: int) -> None:
        """It has ended."""
        self._write(exit_code=code, ended=time.time())

    def close(self) -> None:
        """Let go of both."""
        os.close(self._directory)
        os.close(self._proc)

    def _write(self, **members: object) -> None:
        """A full disk, or a container that has just been removed, must not stop a command."""
        self._note |= members
        name = self._note["id"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            file = os.open(f".{name}", flags, 0o600, dir_fd=self._directory)
            os.write(file, json.dumps(self._note).encode())
            os.close(file)
            os.rename(f".{name}", name, src_dir_fd=self._directory, dst_dir_fd=self._directory)


def read(directory: Path, exec_id: str) -> Message | None:
    """What is known of one, with `running` as of now; None if nothing is known."""
    try:
        note: Message = json.loads((directory / DIRECTORY / exec_id).read_bytes())
    except (OSError, ValueError):
        return None
    alive = process.is_alive(note["pid"], note["pid_start"])
    return {**note, "running": note["exit_code"] is None and alive}


def running(directory: Path) -> list[str]:
    """The ids of those that run."""
    path = directory / DIRECTORY
    names = sorted(os.listdir(path)) if path.is_dir() else []
    notes = {name: read(directory, name) for name in names if not name.startswith(".")}
    return [name for name, note in notes.items() if note is not None and note["running"]]


def forget_old(path: Path) -> None:
    """Delete what is known of those that ended long ago."""
    for each in path.iterdir():
        with contextlib.suppress(OSError, ValueError):
            if each.stat().st_mtime < time.time() - KEPT_S:
                note = json.loads(each.read_bytes())
                if not process.is_alive(note["pid"], note["pid_start"]):
                    each.unlink()
