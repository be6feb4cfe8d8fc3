"""The rows and directories of containers, and the clean-up after a crash.

A container's row is written before its first directory and deleted after its last one, and it
says which process is at work on it. So whatever a dead process left half made can be found and
finished by whoever looks next: `row` and `rows` never show what is no longer true.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from runtime.container import state
from runtime.container.bundle import Bundle, Request
from runtime.container.state import Status
from runtime.database import Database, Row, UniqueViolation
from runtime.errors import Conflict, KernelError, NotFound
from runtime.linux import process
from runtime.linux.cgroup import Cgroup
from runtime.oci.digest import Digest
from runtime.snapshot.overlay import Snapshots


class Records:
    """The containers of one state directory, as they are written down."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = Database(root)
        self.snapshots = Snapshots(root)

    def bundle(self, container_id: str) -> Bundle:
        """Where a container's files are."""
        return Bundle(self.root, self.root / "containers" / container_id)

    def insert(self, container_id: str, name: str, request: Request, manifest: Digest) -> None:
        """A row for a container that this process is creating. Raises Conflict for a taken name."""
        me = os.getpid()
        try:
            self.database.change(
                "INSERT INTO containers (id, name, image, manifest, request, created_ns, status,"
                " owner_pid, owner_start) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                container_id,
                name,
                request.image,
                manifest,
                request.to_json(),
                time.time_ns(),
                Status.CREATING,
                me,
                process.start_time(me),
            )
        except UniqueViolation as error:
            raise Conflict(
                "a container has this name already: {name}",
                hint="remove it (onggi rm {name}), or choose another name",
                name=name,
            ) from error

    def row(self, container_id: str) -> Row:
        """The container's row, after looking whether it is still true. Raises NotFound."""
        row = self.database.one("SELECT * FROM containers WHERE id = ?", container_id)
        if row is None:
            raise NotFound("no such container: {name}", name=container_id[:12])
        if self._settle(row):
            return self.row(container_id)
        return row

    def rows(self) -> list[Row]:
        """All containers' rows, the newest first."""
        query = "SELECT * FROM containers ORDER BY created_ns DESC"
        rows = self.database.all(query)
        if sum(self._settle(row) for row in rows):  # each of them, so not any()
            rows = self.database.all(query)
        return rows

    def recover(self) -> None:
        """Finish what dead processes left half done: rows first, then what has no row."""
        for row in self.database.all("SELECT * FROM containers"):
            self._settle(row)
        known = {row["id"] for row in self.database.all("SELECT id FROM containers")}
        folder = self.root / "containers"
        for name in os.listdir(folder) if folder.exists() else ():
            if name not in known and not self._is_known(name):
                self.delete(name)

    def remove(self, container_id: str) -> None:
        """Delete a container that does not run. Raises InvalidTransition, NotFound."""
        me = os.getpid()
        owner = {"owner_pid": me, "owner_start": process.start_time(me)}
        state.advance(self.database, container_id, "remove", **owner)
        self.delete(container_id)

    def delete(self, container_id: str) -> None:
        """Directories first, the row last: whatever interrupts this, it can be done again."""
        Cgroup(container_id).kill()
        with contextlib.suppress(KernelError):
            Cgroup(container_id).remove()
        self.snapshots.remove(container_id)
        self.bundle(container_id).remove()
        self.database.change("DELETE FROM containers WHERE id = ?", container_id)

    def remove_build_bundles(self) -> None:
        """Delete the bundles of build steps. Only while nobody builds."""
        folder = self.root / "builds"
        for name in os.listdir(folder) if folder.exists() else ():
            Bundle(self.root, folder / name).remove()

    def _is_known(self, container_id: str) -> bool:
        query = "SELECT 1 FROM containers WHERE id = ?"
        return self.database.one(query, container_id) is not None

    def _settle(self, row: Row) -> bool:
        """Correct a row whose process has died without a word; True if it was corrected."""
        owner_lives = process.is_alive(row["owner_pid"], row["owner_start"])
        monitor_lives = process.is_alive(row["monitor_pid"], row["monitor_start"])
        status = row["status"]
        if status in (Status.CREATING, Status.REMOVING) and not owner_lives:
            self.delete(row["id"])
        elif status == Status.STARTING and not monitor_lives:
            self._bury(row, "fail to start", exit_code=128)
        elif status == Status.RUNNING and not monitor_lives and not self._program_lives(row):
            # Nobody saw how it ended, so no exit code is invented.
            self._bury(row, "end", exit_code=None, finished_ns=time.time_ns())
        else:
            return False
        return True

    def _program_lives(self, row: Row) -> bool:
        return process.is_alive(row["pid"], row["pid_start"])

    def _bury(self, row: Row, verb: str, **columns: object) -> None:
        group = Cgroup(row["id"])
        group.kill()
        with contextlib.suppress(KernelError):
            group.remove()
        with contextlib.suppress(Conflict, NotFound):
            error = "its monitor was killed: nobody saw how it ended"
            state.advance(self.database, row["id"], verb, pid=0, error=error, **columns)
