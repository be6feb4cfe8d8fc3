"""Waiting until something is so, because the kernel and the containers take their time.

    until(lambda: health_of(sora) == "unhealthy")     True as soon as it is, False after a minute

A lesson waits for a state, never for a number of seconds: machines differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from runtime.engine.container import Container

PATIENCE_S = 60.0
INTERVAL_S = 0.05


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Ask again and again; whether it became true in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(INTERVAL_S)
    return True


def health_of(container: Container) -> str:
    """Its health as of now: starting, healthy, unhealthy; "none" without a health check."""
    container.reload()
    return str((container.attrs["State"].get("Health") or {}).get("Status", "none"))


def checks_of(container: Container) -> list[int]:
    """The exit codes of its last five health checks, the oldest first."""
    container.reload()
    found = container.attrs["State"].get("Health") or {}
    return [int(each["ExitCode"]) for each in found.get("Log") or ()]
