"""The verbs: create, start, signal, stop, wait, remove.

Every verb is safe against a kill -9 at any moment (see `records`), and of two processes that
try the same verb at once, one succeeds and the other is told (see `state`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from pathlib import Path

from runtime.container import launch
from runtime.container.bundle import Request, make_spec
from runtime.container.messages import Exit, Start
from runtime.container.records import Records
from runtime.container.state import Status
from runtime.database import Row
from runtime.errors import Conflict, KernelError, NotFound
from runtime.linux import namespaces, process
from runtime.oci.digest import ChainID, Digest
from runtime.oci.image import RunConfig

UNKNOWN_EXIT = 255
"""What containerd and docker report for a container whose end nobody saw."""


def recorded_exit(row: Row) -> Exit:
    """How a container that does not run has ended, as its row says; 0 before its first start."""
    code = row["exit_code"]
    if code is None:
        code = UNKNOWN_EXIT if row["status"] == Status.EXITED else 0
    return Exit(code, bool(row["oom_killed"]))


class Lifecycle:
    """What can be done with the containers of one state directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = Records(root)

    def create(
        self,
        name: str,
        request: Request,
        manifest: Digest,
        image: RunConfig,
        chain_id: ChainID | None,
    ) -> str:
        """Make a container of an unpacked image; its id, 64 hex digits.

        Raises Conflict if the name is taken, InvalidInput for a request that makes no sense;
        then nothing is left.
        """
        container_id = secrets.token_hex(32)
        bundle = self.records.bundle(container_id)
        spec = make_spec(container_id, request, image, bundle)
        self.records.refuse_taken(name)
        try:
            self.records.snapshots.prepare(container_id, chain_id)
            bundle.write(spec)
            self.records.insert(container_id, name, request, manifest)
        except BaseException:
            self.records.snapshots.remove(container_id)
            bundle.remove()
            raise
        return container_id

    def start(
        self, container_id: str, stdin: int | None = None, *, auto_remove: bool = False
    ) -> launch.Session:
        """Start it, and return when its program runs; with `auto_remove`, it goes when it ends.

        Raises InvalidTransition, CommandNotStarted, HostLacks.
        """
        directory = self.records.bundle(container_id).directory
        request = Start(self.root, directory, container_id, True, False, auto_remove)
        return launch.start(request, stdin)

    def signal(self, container_id: str, number: int) -> None:
        """Send a signal to PID 1. Raises Conflict if it does not run."""
        row = self.records.row(container_id)
        if row["status"] == Status.RUNNING:
            with contextlib.suppress(KernelError, ProcessLookupError):
                pidfd = namespaces.pidfd_open(row["pid"])
                try:
                    if process.is_alive(row["pid"], row["pid_start"]):
                        return signal.pidfd_send_signal(pidfd, number)
                finally:
                    os.close(pidfd)
        raise Conflict("container {name} is not running", name=row["name"])

    def stop(self, container_id: str, number: int, grace_s: float | None) -> None:
        """Ask it to end; after `grace_s` seconds (None: never), kill it. One that does not run
        is left alone.
        """
        with contextlib.suppress(Conflict):  # it may have ended, and nobody written that down yet
            self.signal(container_id, number)
        if self.wait(container_id, grace_s) is None:
            with contextlib.suppress(Conflict, NotFound):
                self.signal(container_id, signal.SIGKILL)
            self.wait(container_id)

    def wait(self, container_id: str, timeout_s: float | None = None) -> Exit | None:
        """Wait until it does not run and that has been recorded; how it ended. None if time ran
        out. One that was to be removed at its end may be gone afterwards.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        session = launch.follow(self.records.bundle(container_id).directory)
        if session is not None:
            try:
                if not session.wait_for_end(deadline):
                    return None
            finally:
                session.close()
            if session.exit is not None:
                return session.exit
        return self._recorded_exit(container_id, deadline)

    def _recorded_exit(self, container_id: str, deadline: float | None) -> Exit | None:
        """For the moments in which a monitor has no socket, and for one that was killed."""
        while deadline is None or time.monotonic() < deadline:
            try:
                row = self.records.row(container_id)
            except NotFound:
                return Exit(UNKNOWN_EXIT, False)
            if row["status"] != Status.RUNNING:
                return recorded_exit(row)
            time.sleep(0.005)
        return None

    def remove(self, container_id: str, *, force: bool = False) -> None:
        """Delete it with everything it wrote; with `force`, kill it first.

        Raises InvalidTransition if it runs, NotFound.
        """
        if not force:
            return self.records.remove(container_id)
        with contextlib.suppress(Conflict):
            self.signal(container_id, signal.SIGKILL)
        self.wait(container_id)
        with contextlib.suppress(NotFound):  # its monitor had the order to remove it, too
            self.records.remove(container_id)
        return None
