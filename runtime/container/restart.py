"""Restart policies: whether a container that has ended is started again, and after how long.

    no                 never
    always             whatever its exit code
    unless-stopped     the same; only `Engine.restore` tells them apart: what a user has stopped
                       before everything went down stays down
    on-failure[:n]     if its exit code is not 0, at most n times

What a user stops or kills stays stopped, whatever the policy. Between an end and the next start
lies a pause that doubles from time to time, so that a program that cannot run does not keep the
host busy; who ran for a while starts anew.

Pure. The numbers are moby's (restartmanager/restartmanager.go).
"""

from __future__ import annotations

from runtime.container.bundle import Request

FIRST_MS = 100
LONGEST_MS = 60_000
LONG_RUN_S = 10.0
"""Who ran this long is not the one who cannot run."""


def applies(request: Request, restarts: int, exit_code: int, wish: str) -> bool:
    """Whether a container is started again that has ended with `exit_code`, after `restarts`
    earlier ones. `wish` is what a user wanted to come of it: "stop", "restart" or "".
    """
    if wish:
        return False
    match request.restart_policy:
        case "always" | "unless-stopped":
            return True
        case "on-failure":
            most = request.restart_retries
            return exit_code != 0 and (most == 0 or restarts < most)
    return False


def pause_ms(before_ms: int, ran_s: float) -> int:
    """How long to wait now; `before_ms` was the pause before the run that has just ended, 0 if
    there was none.
    """
    if not before_ms or ran_s >= LONG_RUN_S:
        return FIRST_MS
    return min(2 * before_ms, LONGEST_MS)


def comes_back(request: Request, status: str, wish: str) -> bool:
    """Whether `Engine.restore` starts a container, after nothing of it was left running."""
    if status != "exited":
        return False
    always = request.restart_policy == "always"
    return always or (request.restart_policy == "unless-stopped" and not wish)
