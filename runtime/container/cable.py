"""The monitor's side of the networks: have a container plugged in before its program begins.

    monitor ──▶ keeper: {plug}, the first process's network namespace
    monitor ◀── keeper: {done}, or {error}

The keeper (`runtime/network/keeper.py`) lays the cables while the first process puts its root
together. What it has to know stands in rows and in this message; it sees by itself when the
container has ended.

Rule: this file knows nothing of bridges, and the networks know nothing of monitors.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from runtime.container.messages import Start
from runtime.container.worlds import NETWORK_ANNOTATION, PLUGGED
from runtime.linux import process
from runtime.oci.spec import Spec
from runtime.resident import ATTEMPTS, KEEPER


class Cable:
    """A request under way, for a container that wants to be plugged in; nothing, for others."""

    def __init__(self, start: Start, spec: Spec, pid: int) -> None:
        self._root = start.root
        self._pid = pid
        self._connection: socket.socket | None = None
        self._message = {
            "verb": "plug",
            "container": start.directory.name,
            "directory": str(start.directory),
            "pid": pid,
            "pid_start": process.start_time(pid) or 0,
            "hostname": spec.hostname,
            "domainname": spec.domainname,
        }
        if spec.annotations.get(NETWORK_ANNOTATION) == PLUGGED:
            self._ask()

    def _ask(self) -> None:
        there = own_network(self._pid)
        if there is None:
            return  # it has failed already: `FirstProcess.begin` says why
        try:
            self._connection = KEEPER.ask(self._root, self._message, (there,))
        finally:
            os.close(there)

    def wait(self) -> None:
        """Until it is plugged in. Raises why it cannot be."""
        for _ in range(ATTEMPTS):
            if self._connection is None:
                return
            with self._connection as connection:
                if KEEPER.answer(connection) is not None:
                    return
            self._ask()  # the keeper was killed over it: there is another one by now
        raise KEEPER.silence(self._root)


def own_network(pid: int) -> int | None:
    """A descriptor of a first process's network namespace, once it has one of its own: one that
    has just been forked is in the host's still, and nothing must be plugged in there. None if it
    has ended.
    """
    mine = Path("/proc/self/ns/net").stat().st_ino
    while True:
        try:
            there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        if os.fstat(there).st_ino != mine:
            return there
        os.close(there)
        time.sleep(0.0005)
