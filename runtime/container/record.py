"""What a monitor writes down about its container: that it begins, how it ended, what comes next.

One commit for each: the row, and what the journal says about it (see `state`).
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from runtime.container import restart, state
from runtime.container.bundle import Request
from runtime.container.health import Check, Health
from runtime.container.messages import Exit, Start
from runtime.container.records import UNSEEN, Records
from runtime.container.state import BUSY, Status
from runtime.database import Row
from runtime.errors import CommandNotStarted, NotFound, OnggiError
from runtime.linux import process

Columns = dict[str, object]


class Record:
    """Writes the container's life down; a build step's is only told to its caller."""

    def __init__(self, start: Start, records: Records) -> None:
        self.container_id = start.directory.name
        self.records = records if start.recorded else None
        self.auto_remove = start.auto_remove
        self._oom_kills = 0
        self._again = False
        """Whether its policy, and not a user, starts it."""
        self._left: list[str] | None = None
        """Once its row has gone with its end: the volumes that go with it."""

    def refuse_running(self) -> None:
        """Raises InvalidTransition if it runs."""
        row = self.records and self.records.row(self.container_id)
        if self.records and row and row["status"] in BUSY:
            raise state.refusal(self.records.database, self.container_id, "start")

    def started(self, pid: int, monitor: int | None = None) -> None:
        """It is about to run; `monitor` is the process that will stay with it, if that is not this
        one. Raises InvalidTransition, NotFound: then it must not.
        """
        monitor = os.getpid() if monitor is None else monitor
        self._oom_kills = 0
        columns: Columns = {
            "monitor_pid": monitor,
            "monitor_start": process.start_time(monitor),
            "pid": pid,
            "pid_start": process.start_time(pid) or 0,
            "started_ns": time.time_ns(),
            "boot": process.boot_id(),
            "exit_code": None,
            "oom_killed": 0,
            "error": "",
            "health": self._fresh_health(),
        }
        if not self._again:
            columns |= {"wish": "", "restarts": 0, "backoff_ms": 0}
        self._advance("start again" if self._again else "start", None, **columns)

    def failed(self, error: BaseException) -> None:
        """Its program could not be started: the container stays, and says why."""
        code = error.exit_code if isinstance(error, CommandNotStarted) else 128
        verb = "fail to start again" if self._again else "fail to start"
        with contextlib.suppress(OnggiError):
            facts = {"exitCode": str(code)}
            self._advance(verb, facts, pid=0, exit_code=code, error=str(error))
            if self.auto_remove and self.records is not None:
                self.records.remove(self.container_id, volumes=True)

    def lost(self, processes: int) -> None:
        """The kernel has killed so many of its processes because memory ran out."""
        self._oom_kills += processes
        if self.records is not None and processes:
            statement = "UPDATE containers SET oom_killed = 1 WHERE id = ?"
            self.records.database.change(statement, self.container_id)
            self.records.note(self.container_id, "oom")

    def ended(self, ended: Exit) -> float | None:
        """It has ended. How many seconds to wait until it is started again; None: not at all.

        With --rm it goes now, unless a user is about to start it again: its row with its end, its
        directories when there is time for it (`clear`). That need not be on the disk before anybody
        hears of it: after a power cut it is written off, and goes.
        """
        if self.records is None:
            return None
        verb, pause_s = self.records.database.atomically(
            lambda: self._write_end(ended), lasting=not self.auto_remove
        )
        self._again = verb == "end for now"
        return pause_s if self._again else None

    def clear(self) -> None:
        """Delete the directories of a container whose row has gone. Whoever is killed before that
        leaves directories without a row: garbage, which goes when an engine starts.
        """
        if self.records is not None and self._left is not None:
            self.records.delete_directories(self.container_id)
            self.records.volumes.dispose(self._left)

    def _write_end(self, ended: Exit) -> tuple[str, float]:
        """The verb that applies, and the pause before the next start."""
        assert self.records is not None
        row = self._row()
        now_ns = time.time_ns()
        ran_s = (now_ns - row["started_ns"]) / 10**9
        columns: Columns = {
            "pid": 0,
            "exit_code": ended.code if ended.seen else None,
            "oom_killed": int(ended.oom_killed),
            "finished_ns": now_ns,
            "error": "" if ended.seen else UNSEEN,
        }
        verb, pause_ms = "end", 0
        request = Request.from_json(row["request"])
        if restart.applies(request, row["restarts"], ended.code, row["wish"]):
            verb, pause_ms = "end for now", restart.pause_ms(row["backoff_ms"], ran_s)
            columns |= {
                "restarts": row["restarts"] + 1,
                "backoff_ms": pause_ms,
                "restart_ns": now_ns + pause_ms * 10**6,
            }
        elif self.auto_remove and row["wish"] != "restart":
            verb = "end and remove"
        if ended.oom_killed and not self._oom_kills:
            self.records.note(self.container_id, "oom")
        facts = {"exitCode": str(ended.code), "execDuration": str(int(ran_s))}
        self._advance(verb, facts, **columns)
        if verb == "end and remove":
            self._left = self.records.forget(self.container_id, anonymous=True)
        return verb, pause_ms / 1000

    def waits_for_restart(self) -> bool:
        """Whether nobody has decided against it."""
        return self.status() == Status.RESTARTING

    def status(self) -> str:
        """As its row says now."""
        return "" if self.records is None else str(self._row()["status"])

    def check(self) -> tuple[Check, tuple[str, ...], float] | None:
        """What is asked of its health, the shell for that, and for how many seconds it has been
        running. None if nothing is asked.
        """
        if self.records is None:
            return None
        row = self._row()
        request = Request.from_json(row["request"])
        check = Check.from_docker(request.health)
        if check is None:
            return None
        return check, request.shell, (time.time_ns() - row["started_ns"]) / 10**9

    def health(self) -> Health:
        """As it was found last."""
        text = self._row()["health"]
        return Health.from_docker(json.loads(text)) if text else Health()

    def _fresh_health(self) -> str:
        """At a start: nothing is known yet, but what was found in earlier runs."""
        if self.records is None or self.check() is None:
            return ""
        return json.dumps(self.health().begun().to_docker())

    def probed(self, probe_id: str, command: tuple[str, ...]) -> None:
        """A probe begins; docker counts it among the executions."""
        assert self.records is not None
        with self.records.database.transaction():
            for action in ("exec_create", "exec_start"):
                said = f"{action}: {' '.join(command)}"
                self.records.note(self.container_id, said, execID=probe_id)

    def examined(self, health: Health, before: str, probe_id: str, exit_code: int) -> None:
        """A probe has ended; `before` is how the container was."""
        assert self.records is not None
        with self.records.database.transaction():
            statement = "UPDATE containers SET health = ? WHERE id = ?"
            self.records.database.change(
                statement, json.dumps(health.to_docker()), self.container_id
            )
            facts = {"execID": probe_id, "exitCode": str(exit_code)}
            self.records.note(self.container_id, "exec_die", **facts)
            if health.status != before:
                self.records.note(self.container_id, f"health_status: {health.status}")

    def is_orphaned(self) -> bool:
        """Whether it needs a monitor and has none. Raises NotFound."""
        row = self._row()
        alive = process.is_alive(row["monitor_pid"], row["monitor_start"])
        return row["status"] in BUSY and not alive

    def adopted(self) -> None:
        """From now on this process is its monitor."""
        assert self.records is not None
        me = os.getpid()
        statement = "UPDATE containers SET monitor_pid = ?, monitor_start = ? WHERE id = ?"
        self.records.database.change(statement, me, process.start_time(me), self.container_id)

    def program(self) -> tuple[int, int]:
        """Its PID 1, as the host numbers it, and when that was started."""
        row = self._row()
        return row["pid"], row["pid_start"]

    def pause_left_s(self) -> float:
        """Until it is to be started again, which is what this monitor is going to do."""
        self._again = True
        left_ns: int = self._row()["restart_ns"] - time.time_ns()
        return max(0.0, left_ns / 10**9)

    def _row(self) -> Row:
        """As it is; `Records.row` would look whether it is true, and that is our business."""
        assert self.records is not None
        query = "SELECT * FROM containers WHERE id = ?"
        row = self.records.database.one(query, self.container_id)
        if row is None:
            raise NotFound("no such container: {name}", name=self.container_id[:12])
        return row

    def _advance(self, verb: str, facts: dict[str, str] | None = None, **columns: object) -> None:
        if self.records is not None:
            state.advance(self.records.database, self.container_id, verb, facts, **columns)
