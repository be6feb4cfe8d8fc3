"""What a monitor writes down about its container: that it begins, how it ended, what comes next.

One commit for each: the row, and what the journal says about it (see `state`).
"""

from __future__ import annotations

import contextlib
import os
import time

from runtime.container import state
from runtime.container.messages import Exit, Start
from runtime.container.records import Records
from runtime.container.state import BUSY
from runtime.errors import CommandNotStarted, OnggiError
from runtime.linux import process


class Record:
    """Writes the container's life down; a build step's is only told to its caller."""

    def __init__(self, start: Start, records: Records) -> None:
        self.container_id = start.directory.name
        self.records = records if start.recorded else None
        self.auto_remove = start.auto_remove

    def refuse_running(self) -> None:
        """Raises InvalidTransition if it runs."""
        row = self.records and self.records.row(self.container_id)
        if self.records and row and row["status"] in BUSY:
            raise state.refusal(self.records.database, self.container_id, "start")

    def started(self, pid: int) -> None:
        """It is about to run. Raises InvalidTransition, NotFound: then it must not."""
        me = os.getpid()
        self._advance(
            "start",
            monitor_pid=me,
            monitor_start=process.start_time(me),
            pid=pid,
            pid_start=process.start_time(pid) or 0,
            started_ns=time.time_ns(),
            exit_code=None,
            oom_killed=0,
            error="",
            wish="",
        )

    def failed(self, error: BaseException) -> None:
        """Its program could not be started: the container stays, and says why."""
        code = error.exit_code if isinstance(error, CommandNotStarted) else 128
        with contextlib.suppress(OnggiError):
            facts = {"exitCode": str(code)}
            self._advance("fail to start", facts, pid=0, exit_code=code, error=str(error))
            if self.auto_remove and self.records is not None:
                self.records.remove(self.container_id)

    def ended(self, ended: Exit) -> None:
        """It has ended; with --rm it goes now, unless somebody is about to start it again."""
        if self.records is None:
            return
        row = self.records.row(self.container_id)
        now = time.time_ns()
        facts = {
            "exitCode": str(ended.code),
            "execDuration": str((now - row["started_ns"]) // 10**9),
        }
        columns: dict[str, object] = {
            "pid": 0,
            "exit_code": ended.code,
            "oom_killed": int(ended.oom_killed),
            "finished_ns": now,
        }
        if ended.oom_killed:
            self.records.note(self.container_id, "oom")
        if self.auto_remove and row["wish"] != "restart":
            self.records.end_and_remove(self.container_id, facts, **columns)
        else:
            self._advance("end", facts, **columns)

    def _advance(self, verb: str, facts: dict[str, str] | None = None, **columns: object) -> None:
        if self.records is not None:
            state.advance(self.records.database, self.container_id, verb, facts, **columns)
