"""The verbs: create, start, pause, unpause, signal, stop, restart, wait, rename, remove.

Every verb is safe against a kill -9 at any moment (see `records`), and of two processes that
try the same verb at once, one succeeds and the other is told (see `state`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from runtime import journal
from runtime.container import freezer, health, launch, state
from runtime.container.bundle import Request, make_spec
from runtime.container.messages import Exit, Start
from runtime.container.points import Point
from runtime.container.records import UNKNOWN_EXIT, Records
from runtime.container.state import BUSY, LIVE, Status
from runtime.container.waiting import follow_to_end
from runtime.database import Row
from runtime.errors import Conflict, InvalidTransition, KernelError, NotFound
from runtime.linux import namespaces, process
from runtime.oci.digest import ChainID, Digest
from runtime.oci.image import RunConfig

Condition = Literal["not-running", "next-exit", "removed"]
"""What `wait` waits for, in docker's words."""


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
        self.records = Records(root, self._adopt)

    def create(
        self,
        name: str,
        request: Request,
        manifest: Digest,
        image: RunConfig,
        chain_id: ChainID | None,
        points: Sequence[Point] = (),
        *,
        lasting: bool = True,
    ) -> str:
        """Make a container of an unpacked image; its id, 64 hex digits. Volumes among its
        `points` are made if they are not there. Who starts it at once need not have it `lasting`
        before that: its start is.

        Raises Conflict if the name is taken, InvalidInput for a request that makes no sense;
        then nothing is left, but for new volumes that have a name.
        """
        container_id = secrets.token_hex(32)
        bundle = self.records.bundle(container_id)
        spec = make_spec(container_id, request, image, bundle, points)
        labels = {**image.labels, **request.labels}
        asked = health.merged(request.health, image.healthcheck)
        request = replace(request, health=asked or None, shell=image.shell)
        self.records.refuse_taken(name)
        try:
            self.records.volumes.claim(container_id, points)
            overlay = self.records.snapshots.prepare(container_id, chain_id)
            bundle.write(spec, request)
            self.records.volumes.fill(points, overlay, bundle)
            self.records.insert(container_id, name, request, manifest, labels, lasting=lasting)
        except BaseException:
            self.records.snapshots.remove(container_id)
            bundle.remove()
            self.records.volumes.release(container_id, anonymous=True)
            raise
        return container_id

    def start(
        self,
        container_id: str,
        window: tuple[int, int] | None = None,
        *,
        attached: bool = False,
    ) -> launch.Session:
        """Start it, and return when its program runs. `attached`: whoever calls waits for its end.

        `window` is the (height, width) that its terminal begins with.

        Raises InvalidTransition, CommandNotStarted, HostLacks.
        """
        directory = self.records.bundle(container_id).directory
        self.records.volumes.settle(container_id)
        request = Request.from_json(self.records.row(container_id)["request"])
        return launch.start(
            Start(
                *(self.root, directory, container_id),
                recorded=True,
                lifeline=False,
                auto_remove=request.auto_remove,
                window=window,
                init=request.init,
                attached=attached,
            )
        )

    def _adopt(self, row: Row) -> None:
        """Give a container whose monitor was killed another one."""
        auto_remove = Request.from_json(row["request"]).auto_remove
        directory = self.records.bundle(row["id"]).directory
        launch.adopt(Start(self.root, directory, row["id"], True, False, auto_remove))

    def pause(self, container_id: str) -> None:
        """Hold all its processes still. Raises InvalidTransition, HostLacks."""
        self.records.row(container_id)
        freezer.pause(self.records.database, self.records.bundle(container_id).directory)

    def unpause(self, container_id: str) -> None:
        """Let them go on. Raises InvalidTransition."""
        self.records.row(container_id)
        freezer.unpause(self.records.database, self.records.bundle(container_id).directory)

    def signal(self, container_id: str, number: int, *, wish: str = "") -> None:
        """Send a signal to PID 1. With a `wish` ("stop", "restart") it is meant to end: then its
        restart policy does not apply, and a paused one is let go on, so that it can.

        Raises Conflict if it does not run.
        """
        row = self.records.row(container_id)
        if row["status"] in LIVE:
            with contextlib.suppress(KernelError, ProcessLookupError):
                pidfd = namespaces.pidfd_open(row["pid"])
                try:
                    if process.is_alive(row["pid"], row["pid_start"]):
                        self._note_signal(container_id, number, wish)
                        signal.pidfd_send_signal(pidfd, number)
                        if wish and row["status"] == Status.PAUSED:
                            self._let_go_on(container_id)
                        return
                finally:
                    os.close(pidfd)
        raise Conflict("container {name} is not running", name=row["name"])

    def _note_signal(self, container_id: str, number: int, wish: str) -> None:
        """The wish is written down before the signal is sent: its monitor reads it at the end."""
        with self.records.database.transaction():
            if wish:
                statement = "UPDATE containers SET wish = ? WHERE id = ?"
                self.records.database.change(statement, wish, container_id)
            self.records.note(container_id, "kill", signal=str(int(number)))

    def _let_go_on(self, container_id: str) -> None:
        with contextlib.suppress(Conflict, NotFound):
            self.unpause(container_id)

    def stop(
        self, container_id: str, number: int, grace_s: float | None, *, wish: str = "stop"
    ) -> None:
        """Ask it to end; after `grace_s` seconds (None: never), kill it. One that does not run
        is left alone; one that waits to be started again is not started again.
        """
        if self.records.row(container_id)["status"] not in BUSY:
            return
        if not self._ask_to_end(container_id, number, grace_s, wish):
            self._ask_to_end(container_id, signal.SIGKILL, None, wish)
        self.records.note(container_id, "stop")

    def _ask_to_end(self, container_id: str, number: int, grace_s: float | None, wish: str) -> bool:
        """False if it still runs after `grace_s` seconds."""
        while True:
            if self._give_up_restart(container_id, wish):
                return True
            with contextlib.suppress(Conflict):  # ended, and nobody has written that down yet
                self.signal(container_id, number, wish=wish)
            try:
                if self.wait(container_id, grace_s) is None:
                    return False
                if self.records.row(container_id)["status"] not in BUSY:
                    return True
            except NotFound:
                return True

    def _give_up_restart(self, container_id: str, wish: str = "stop") -> bool:
        """Do not start it again, if it waits for that. Its monitor is told by a knock."""
        try:
            state.advance(self.records.database, container_id, "give up", wish=wish)
        except (InvalidTransition, NotFound):
            return False
        session = launch.follow(self.records.bundle(container_id).directory)
        if session is not None:
            session.close()
        return True

    def kill(self, container_id: str, number: int, stop_signal: int | None) -> None:
        """Send a signal, as `docker kill` does: SIGKILL and its own stop signal (any signal, if it
        has not chosen one) mean that it shall end.

        Raises Conflict if it does not run.
        """
        meant = number == signal.SIGKILL or stop_signal is None or number == stop_signal
        if meant and self._give_up_restart(container_id):
            return self.records.note(container_id, "kill", signal=str(int(number)))
        return self.signal(container_id, number, wish="stop" if meant else "")

    def restart(self, container_id: str, number: int, grace_s: float | None) -> None:
        """Stop it if it runs, and start it; also one that goes at its end stays for that.

        Raises CommandNotStarted, HostLacks, NotFound.
        """
        self.stop(container_id, number, grace_s, wish="restart")
        with contextlib.suppress(InvalidTransition):  # somebody else has started it meanwhile
            self.start(container_id).close()
        self.records.note(container_id, "restart")

    def wait(
        self,
        container_id: str,
        timeout_s: float | None = None,
        condition: Condition = "not-running",
    ) -> Exit | None:
        """Wait until it does not run and that has been recorded, or until its `next-exit` (also
        of one that does not run yet), or until it has been `removed`; how it ended. None if time
        ran out. One that was to be removed at its end may be gone afterwards.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        before = journal.last_number(self.records.database)
        row = self.records.row(container_id)
        if condition == "removed":
            return follow_to_end(self.records.database, row, before, ("destroy",), deadline)
        if condition == "next-exit" and row["status"] not in BUSY:
            return follow_to_end(self.records.database, row, before, ("die", "destroy"), deadline)
        return self._wait_for_end(container_id, deadline)

    def _wait_for_end(self, container_id: str, deadline: float | None) -> Exit | None:
        """Ask its monitor; look at its row where there is none, or none any more."""
        while True:
            session = launch.follow(self.records.bundle(container_id).directory)
            if session is not None:
                try:
                    if not session.wait_for_end(deadline):
                        return None
                finally:
                    session.close()
                if session.exit is not None:
                    return session.exit
            try:
                row = self.records.row(container_id)
            except NotFound:
                return Exit(UNKNOWN_EXIT, False)
            if row["status"] not in BUSY:
                return recorded_exit(row)
            if deadline is not None and time.monotonic() >= deadline:
                return None
            time.sleep(0.005)

    def rename(self, container_id: str, name: str) -> None:
        """Give it another name. Raises Conflict if that is taken, NotFound."""
        self.records.rename(container_id, name)

    def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        """Delete it with everything it wrote; with `force`, kill it first; with `volumes`, those
        without a name that nobody else uses go, too.

        Raises InvalidTransition if it runs, NotFound.
        """
        if not force:
            return self.records.remove(container_id, volumes=volumes)
        while True:
            if self.records.row(container_id)["status"] in BUSY:
                self._ask_to_end(container_id, signal.SIGKILL, None, "stop")
            try:
                return self.records.remove(container_id, volumes=volumes)
            except NotFound:  # its monitor had the order to remove it, too
                return None
            except InvalidTransition as error:  # somebody has just started it, or removes it
                if error.state == Status.REMOVING:
                    raise
