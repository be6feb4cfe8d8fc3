"""HEALTHCHECK: whether the program inside does its work, asked from time to time.

    starting ──a probe succeeds──▶ healthy ──`retries` probes fail one after another──▶ unhealthy
        └────`retries` failures, none of which counts in the start period────────────────▲

A probe is a command in the container; 0 is success. This file says what is to be done and what
follows from a result; `probe` runs one, `checkup` keeps the time.

Pure. The rules and the defaults are moby's (daemon/health.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"

RESULTS_KEPT = 5
LONGEST_OUTPUT = 4096
"""Bytes of a probe's output."""

NOT_RUN = -1
"""The exit code of a probe that could not be started or took too long."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is asked, and how often. Times are docker's, in seconds."""

    test: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    start_period_s: float = 0.0
    start_interval_s: float = 5.0
    retries: int = 3

    @classmethod
    def from_docker(cls, config: Mapping[str, Any] | None) -> Check | None:
        """Of docker's HealthConfig (nanoseconds, 0 is the default); None if nothing is asked."""
        test = tuple((config or {}).get("Test") or ())
        if config is None or not test or test[0] == "NONE":
            return None
        names = {
            "Interval": "interval_s",
            "Timeout": "timeout_s",
            "StartPeriod": "start_period_s",
            "StartInterval": "start_interval_s",
        }
        seconds = {field: config[name] / 10**9 for name, field in names.items() if config.get(name)}
        retries = config.get("Retries") or 0
        return cls(test, **seconds, retries=retries if retries > 0 else 3)

    def command(self, shell: tuple[str, ...]) -> tuple[str, ...]:
        """The probe's program and arguments; `shell` is the image's."""
        kind, *rest = self.test
        if kind == "CMD-SHELL":
            return (*(shell or ("/bin/sh", "-c")), *rest)
        return tuple(rest) if kind == "CMD" else self.test

    def pause_s(self, status: str, ran_s: float) -> float:
        """How long to wait until the next probe."""
        starting = status == STARTING and ran_s < self.start_period_s
        return self.start_interval_s if starting else self.interval_s


def merged(user: Mapping[str, Any] | None, image: Mapping[str, Any] | None) -> dict[str, Any]:
    """The user's HealthConfig; what it does not say is as the image says."""
    said = {name: value for name, value in (user or {}).items() if value}
    return {**(image or {}), **said}


@dataclass(frozen=True, slots=True)
class Result:
    """One probe. Times are RFC 3339; docker's keys are made in `to_docker`."""

    start: str
    end: str
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class Health:
    """A container's health: docker's State.Health."""

    status: str = STARTING
    failing_streak: int = 0
    log: tuple[Result, ...] = field(default=())

    def after(self, result: Result, check: Check, ran_s: float) -> Health:
        """What it is after a probe that began `ran_s` seconds after the container's start."""
        log = (*self.log, result)[-RESULTS_KEPT:]
        if result.exit_code == 0:
            return Health(HEALTHY, 0, log)
        if self.status == STARTING and ran_s < check.start_period_s:
            return replace(self, log=log)
        streak = self.failing_streak + 1
        status = UNHEALTHY if streak >= check.retries else self.status
        return Health(status, streak, log)

    def begun(self) -> Health:
        """At a start of its container; the results stay."""
        return replace(self, status=STARTING, failing_streak=0)

    def to_docker(self) -> dict[str, Any]:
        """With docker's keys."""
        names = {"start": "Start", "end": "End", "exit_code": "ExitCode", "output": "Output"}
        log = [{names[key]: value for key, value in asdict(each).items()} for each in self.log]
        return {"Status": self.status, "FailingStreak": self.failing_streak, "Log": log}

    @classmethod
    def from_docker(cls, document: Mapping[str, Any]) -> Health:
        """What `to_docker` made."""
        log = tuple(
            Result(each["Start"], each["End"], each["ExitCode"], each["Output"])
            for each in document["Log"]
        )
        return cls(document["Status"], document["FailingStreak"], log)
