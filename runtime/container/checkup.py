"""The monitor's watch over a container's health: when to probe, and what came of it.

It has no thread and no process of its own: the monitor's loop asks `due_s` how long it may sleep,
calls `look` when it wakes, and is called back when a probe has something to say.
"""

from __future__ import annotations

import contextlib
import selectors
import time

from runtime.container.bundle import Bundle
from runtime.container.health import Check, Result
from runtime.container.probe import Probe
from runtime.container.record import Record
from runtime.container.state import Status
from runtime.oci.spec import Process

NEVER_S = float("inf")


class Checkup:
    """Of one run of one container, from its start to its end."""

    def __init__(
        self,
        record: Record,
        check: Check,
        bundle: Bundle,
        program: Process,
        pidfd: int,
        ran_s: float = 0.0,
    ) -> None:
        """`program` is the probe's: the container's own process with another command line.
        `ran_s` is how long the container has been running already.
        """
        self._record = record
        self._check = check
        self._bundle = bundle
        self._program = program
        self._pidfd = pidfd
        self._health = record.health()
        self._probe: Probe | None = None
        self._asked_s = 0.0
        """When the probe was begun, in seconds since the container's start."""
        self._began_s = time.monotonic() - ran_s
        self._next_s = 0.0
        """When to begin a probe, or to end the one that runs (monotonic)."""
        self._rest()

    def due_s(self) -> float | None:
        """Seconds until there is something to do; None: only a probe's end can bring something."""
        return None if self._next_s == NEVER_S else max(0.0, self._next_s - time.monotonic())

    def look(self, selector: selectors.BaseSelector) -> None:
        """Do what is due: begin a probe, or end one that takes too long."""
        if time.monotonic() < self._next_s:
            return
        if self._probe is not None:
            self._probe.kill(self._check.timeout_s)
            self._next_s = NEVER_S
        elif self._record.status() == Status.PAUSED:
            self._rest()
        else:
            self._begin(selector)

    def _begin(self, selector: selectors.BaseSelector) -> None:
        self._asked_s = time.monotonic() - self._began_s
        self._next_s = time.monotonic() + self._check.timeout_s
        try:
            probe = Probe(self._bundle, self._pidfd, self._program)
        except OSError:  # it is just ending, or there is no process left for it
            return self._rest()
        self._probe = probe
        selector.register(probe.output, selectors.EVENT_READ, lambda: self._hear(selector))
        selector.register(probe.ended, selectors.EVENT_READ, lambda: self._end(selector))
        return self._record.probed(probe.id, self._program.args)

    def _hear(self, selector: selectors.BaseSelector) -> None:
        if self._probe is not None and not self._probe.read():
            selector.unregister(self._probe.output)  # it says nothing any more

    def _end(self, selector: selectors.BaseSelector) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            selector.unregister(probe.ended)
            with contextlib.suppress(KeyError):
                selector.unregister(probe.output)
            self._take(probe.id, probe.result())
            self._rest()

    def _take(self, probe_id: str, result: Result) -> None:
        before = self._health
        self._health = before.after(result, self._check, self._asked_s)
        self._record.examined(self._health, before.status, probe_id, result.exit_code)

    def _rest(self) -> None:
        ran_s = time.monotonic() - self._began_s
        self._next_s = time.monotonic() + self._check.pause_s(self._health.status, ran_s)

    def close(self) -> None:
        """The container has ended, and a probe with it."""
        if self._probe is not None:
            self._probe.kill()
            self._probe.result()
            self._probe = None
