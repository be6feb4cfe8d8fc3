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

WORDS = {
    "no such container: {name}": "No such container: {name}",
    "no such image: {name}": "No such image: {name}",
    "no such exec instance: {name}": "No such exec instance: {name}",
}
"""Where docker's clients look for its own words in a message: ours, and those."""

WHY_NOT_STARTED = {127: "executable file not found in $PATH", 126: "permission denied"}
"""By these words docker's client knows which exit code to end with."""


class Refused(OnggiError):
    """A no with a status of its own."""

    def __init__(self, status: int, template: str, /, *, hint: str = "", **facts: object) -> None:
        super().__init__(template, hint=hint, **facts)
        self.status = status

    @classmethod
    def instead(cls, error: OnggiError, status: int) -> Refused:
        """The same words with another status."""
        return cls(status, error.template, hint=error.hint_template, **error.facts)


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
    template = WORDS.get(error.template, error.template)
    message = template.format(**error.facts)
    if isinstance(error, CommandNotStarted):
        message = f"{message}: {WHY_NOT_STARTED.get(error.exit_code, 'unknown')}"
    return {"message": message}
