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
from runtime.container.messages import Start
from runtime.container.records import Records
from runtime.container.state import Status
from runtime.errors import Conflict, KernelError, NotFound
from runtime.linux import namespaces, process
from runtime.oci.digest import ChainID, Digest
from runtime.oci.image import RunConfig


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

    def stop(self, container_id: str, number: int, grace_s: float) -> None:
        """Ask it to end; after `grace_s` seconds, kill it. One that does not run is left alone."""
        try:
            self.signal(container_id, number)
        except Conflict:
            return
        if not self.wait(container_id, grace_s):
            with contextlib.suppress(Conflict):
                self.signal(container_id, signal.SIGKILL)
            self.wait(container_id)

    def wait(self, container_id: str, timeout_s: float | None = None) -> bool:
        """Wait until it does not run and that has been recorded; False if time ran out."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        session = launch.follow(self.records.bundle(container_id).directory)
        if session is None:
            return self._poll(container_id, deadline)
        try:
            return session.wait_for_end(deadline) and self._poll(container_id, deadline)
        finally:
            session.close()

    def _poll(self, container_id: str, deadline: float | None) -> bool:
        """For the moment in which a monitor has no socket (yet or any more), or has died."""
        while True:
            with contextlib.suppress(NotFound):
                if self.records.row(container_id)["status"] == Status.RUNNING:
                    if deadline is not None and time.monotonic() > deadline:
                        return False
                    time.sleep(0.005)
                    continue
            return True

    def remove(self, container_id: str, *, force: bool = False) -> None:
        """Delete it with everything it wrote; with `force`, kill it first.

        Raises InvalidTransition if it runs, NotFound.
        """
        if force:
            with contextlib.suppress(Conflict):
                self.signal(container_id, signal.SIGKILL)
            self.wait(container_id)
        self.records.remove(container_id)
