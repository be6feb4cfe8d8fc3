"""What the engine refuses, in the words of HTTP: a status and docker's one-member document.

    NotFound → 404    Conflict → 409    InvalidInput → 400    the rest → 500      {"message": "…"}

The sentence is always English: programs compare it, as they compare docker's. Where docker has a
status of its own for a case, the handler raises `Refused`.

github.com/moby/moby: api/server/httpstatus
"""

from __future__ import annotations

from typing import Any

from runtime.errors import (
    BuildFailed,
    CommandNotStarted,
    Conflict,
    InvalidInput,
    NotFound,
    OnggiError,
    RegistryError,
    UnsafePath,
)

STATUSES: tuple[tuple[type[OnggiError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (InvalidInput, 400),
    (UnsafePath, 400),
    (CommandNotStarted, 400),
)
"""Of an error's kinds, the first that is here says the status."""

REGISTRY_STATUSES = {401: 401, 403: 403, 404: 404}
"""What a registry refuses with these is told on as it is: clients then ask for a password."""


class Refused(OnggiError):
    """A no with a status of its own."""

    def __init__(self, status: int, template: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(template, hint=hint, **facts)
        self.status = status


def status_of(error: OnggiError) -> int:
    """The HTTP status that goes with an error."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, RegistryError):
        return REGISTRY_STATUSES.get(error.status, 500)
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def line_of(error: OnggiError) -> dict[str, Any]:
    """The last line of a stream that came to nothing: docker's JSONMessage. A build's command that
    failed says with which code; the client ends with it, too.
    """
    detail: dict[str, Any] = {"message": error.message}
    if isinstance(error, BuildFailed):
        detail["code"] = error.exit_status
    return {"errorDetail": detail, "error": error.message}


def document_of(error: OnggiError) -> dict[str, str]:
    """Docker's ErrorResponse."""
    return {"message": error.message}
