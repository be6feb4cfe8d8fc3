"""The rows and directories of containers, and the clean-up after a crash.

A container's row is written when its directories are complete, and deleted after the last of
them; with --rm before them, together with its end. So a row is never half true, and a directory
without a row is garbage as soon as nobody is writing (ARCHITECTURE.md, writers.lock). A row whose
processes have died without a word is corrected by whoever looks next: `row` and `rows` never show
what is no longer true.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runtime import journal
from runtime.container import freezer, state, update
from runtime.container.bundle import Bundle, Request
from runtime.container.lock import open_lock, taken
from runtime.container.state import BUSY, Status
from runtime.container.volumes import Volumes
from runtime.database import Database, Row, UniqueViolation
from runtime.errors import Conflict, InvalidTransition, KernelError, NotFound, OnggiError
from runtime.linux import process
from runtime.linux.cgroup import Cgroup
from runtime.oci.digest import Digest
from runtime.snapshot.overlay import Snapshots

UNKNOWN_EXIT = 255
"""What containerd and docker report for a container whose end nobody saw."""

WITH_VOLUMES = "volumes"
"""The wish of who removes a container with its anonymous volumes, for whoever finishes it."""

UNSEEN = "its monitor was killed: nobody saw how it ended"


class Records:
    """The containers of one state directory, as they are written down."""

    def __init__(self, root: Path, adopt: Callable[[Row], None] | None = None) -> None:
        """`adopt` gives a container of which the monitor was killed a new one; without it, it is
        left as it is.
        """
        self.root = root
        self._adopt = adopt
        self.database = Database(root)
        self.snapshots = Snapshots(root)
        self.volumes = Volumes(root, self.database)

    def bundle(self, container_id: str) -> Bundle:
        """Where a container's files are."""
        return Bundle(self.root, self.root / "containers" / container_id)

    def insert(
        self,
        container_id: str,
        name: str,
        request: Request,
        manifest: Digest,
        labels: Mapping[str, str] | None = None,
        *,
        lasting: bool = True,
    ) -> None:
        """A row for a container whose directories are there; `labels` are its image's and its own.
        See `Database.transaction` for `lasting`. Raises Conflict for a taken name.
        """
        values = (container_id, name, request.image, manifest, request.to_json(), time.time_ns())

        def insert() -> None:
            self.database.change(
                "INSERT INTO containers"
                " (id, name, image, manifest, request, created_ns, status, labels, networks)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *values,
                Status.CREATED,
                json.dumps(dict(request.labels if labels is None else labels)),
                json.dumps(dict(request.networks)),
            )
            self.note(container_id, "create")

        try:
            self.database.atomically(insert, lasting=lasting)
        except UniqueViolation as error:
            raise self._taken(name) from error

    def note(self, container_id: str, action: str, **facts: str) -> None:
        """Write into the journal what was done to a container, in docker's words: "top",
        "exec_create: sh", … Its image, name and labels are told with it (see `journal`). Inside
        `database.transaction()` it becomes visible together with the rest.
        """
        journal.note_container(self.database, container_id, action, **facts)

    def rename(self, container_id: str, name: str) -> None:
        """Raises Conflict for a taken name, NotFound."""
        old = self.row(container_id)["name"]

        def rename() -> int:
            statement = "UPDATE containers SET name = ? WHERE id = ? AND name = ?"
            changed = self.database.change(statement, name, container_id, old)
            self.note(container_id, "rename", oldName=f"/{old}")
            return changed

        try:
            changed = self.database.atomically(rename)
        except UniqueViolation as error:
            raise self._taken(name) from error
        if not changed:
            raise NotFound("no such container: {name}", name=old)

    def refuse_taken(self, name: str) -> None:
        """Raises Conflict if a container has that name now, before any work is done."""
        if self.database.one("SELECT 1 FROM containers WHERE name = ?", name) is not None:
            raise self._taken(name)

    def _taken(self, name: str) -> Conflict:
        return Conflict(
            "Conflict. The container name {name} is already in use",
            hint="remove it (onggi rm -f {name}), or choose another name",
            name=name,
        )

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

    def settle_all(self) -> None:
        """Correct every row whose processes have died, and take away what starts have left that
        never came so far as to write one.
        """
        for row in self.database.all("SELECT * FROM containers"):
            if not self._settle(row) and row["status"] not in BUSY:
                self._clear_start(row["id"])

    def _clear_start(self, container_id: str) -> None:
        """Remove the control group that a monitor was killed over before its container ran."""
        group = Cgroup(container_id)
        if not group.exists():
            return
        with contextlib.suppress(NotFound), open_lock(self.bundle(container_id).directory) as lock:
            query = "SELECT status FROM containers WHERE id = ?"
            if taken(lock):  # so nobody starts it now
                row = self.database.one(query, container_id)
                if row is not None and row["status"] not in BUSY:
                    _remove_group(group)

    def remove_orphans(self) -> None:
        """Delete directories without a row, and bundles of build steps. Only while nobody else
        is writing.
        """
        known = {row["id"] for row in self.database.all("SELECT id FROM containers")}
        for container_id in {*_listed(self.root / "containers"), *self.snapshots.keys()} - known:
            self.delete_directories(container_id)
        self.volumes.clear()
        for name in _listed(self.root / "builds"):
            _remove_group(Cgroup(name))
            Bundle(self.root, self.root / "builds" / name).remove()

    def remove(self, container_id: str, *, volumes: bool = False) -> None:
        """Delete a container that does not run; with `volumes`, also those without a name that
        nobody else uses. Raises InvalidTransition, NotFound.
        """
        wish = WITH_VOLUMES if volumes else ""
        state.advance(self.database, container_id, "remove", None, **owner(), wish=wish)
        self.delete(container_id)

    def delete(self, container_id: str) -> None:
        """Directories first, the row last: whatever interrupts this, it can be done again. What
        cannot be deleted leaves the container `dead`, as docker calls it; it can be tried again.
        """
        try:
            self.delete_directories(container_id)
        except OSError as error:
            with contextlib.suppress(InvalidTransition):
                state.advance(self.database, container_id, "fail to remove", error=str(error))
            raise

        def forget() -> list[str]:
            query = "SELECT 1 FROM containers WHERE id = ? AND wish = ?"
            anonymous = self.database.one(query, container_id, WITH_VOLUMES) is not None
            return self.forget(container_id, anonymous=anonymous)

        self.volumes.dispose(self.database.atomically(forget))

    def forget(self, container_id: str, *, anonymous: bool) -> list[str]:
        """Delete its row, in a transaction of the caller's; with `anonymous`, its volumes without
        a name of their own, too: these are left to `volumes.dispose`.
        """
        self.note(container_id, "destroy")
        self.database.change("DELETE FROM containers WHERE id = ?", container_id)
        return self.volumes.let_go(container_id, anonymous=anonymous)

    def delete_directories(self, container_id: str) -> None:
        """Its snapshot, its bundle, and a control group that was left. Raises OSError."""
        _remove_group(Cgroup(container_id))
        self.snapshots.remove(container_id)
        self.bundle(container_id).remove()

    def _settle(self, row: Row) -> bool:
        """Correct a row whose process has died without a word; True if it was corrected."""
        if row["status"] == Status.REMOVING:
            if process.is_alive(row["owner_pid"], row["owner_start"]):
                return False
            with contextlib.suppress(OSError):
                self.delete(row["id"])
            return True
        if update.carry_on(self.database, self.bundle(row["id"])):
            return True
        if row["status"] not in BUSY:
            return False
        if row["status"] == Status.PAUSED:
            freezer.finish(self.database, self.bundle(row["id"]).directory)
        if self._has_monitor(row):
            return False
        if self._outlived_it(row):
            return self._get_adopted(row)
        with contextlib.suppress(NotFound), open_lock(self.bundle(row["id"]).directory) as lock:
            if taken(lock):  # so nobody starts it again meanwhile
                self._write_off(row)
        return True

    def _write_off(self, row: Row) -> None:
        """Nothing of it is left, and nobody saw how it ended: so no exit code is invented. One that
        was to be removed at its end is removed after a reboot, as docker does; before that it stays
        for whoever wants to know what became of it.
        """
        query = "SELECT * FROM containers WHERE id = ?"
        if tuple(self.database.one(query, row["id"]) or ()) != tuple(row):
            return  # its monitor had a last word
        with contextlib.suppress(Conflict, NotFound):
            if row["status"] == Status.RESTARTING:
                state.advance(self.database, row["id"], "give up")
            else:
                _remove_group(Cgroup(row["id"]))
                columns: dict[str, object] = {"error": UNSEEN, "finished_ns": time.time_ns()}
                facts = {"exitCode": str(UNKNOWN_EXIT)}
                goes = not _of_this_boot(row) and Request.from_json(row["request"]).auto_remove
                columns |= {**owner(), "wish": WITH_VOLUMES} if goes else {}
                verb = "end and remove" if goes else "end"
                state.advance(self.database, row["id"], verb, facts, pid=0, **columns)
                if goes:
                    self.delete(row["id"])

    def _outlived_it(self, row: Row) -> bool:
        """Whether there is something to go on with although its monitor is dead: its program, or
        the intention to start it again. After a reboot there is neither.
        """
        if not _of_this_boot(row):
            return False
        waits = row["status"] == Status.RESTARTING
        return waits or process.is_alive(row["pid"], row["pid_start"])

    def _get_adopted(self, row: Row) -> bool:
        """True if that has changed the row."""
        if self._adopt is None:
            return False
        with contextlib.suppress(OnggiError):  # the launcher's trouble: it goes on without
            self._adopt(row)
        now = self.database.one("SELECT * FROM containers WHERE id = ?", row["id"])
        return now is None or tuple(now) != tuple(row)

    def _has_monitor(self, row: Row) -> bool:
        return _of_this_boot(row) and process.is_alive(row["monitor_pid"], row["monitor_start"])


def _of_this_boot(row: Row) -> bool:
    return row["boot"] in ("", process.boot_id())


def owner() -> dict[str, object]:
    """The columns that say that this process removes a container."""
    pid = os.getpid()
    return {"owner_pid": pid, "owner_start": process.start_time(pid)}


def _remove_group(group: Cgroup) -> None:
    """A process that cannot be killed yet keeps its group; the next one who looks tries again."""
    group.kill()
    with contextlib.suppress(KernelError):
        group.remove()


def _listed(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []
