"""The table: which function answers which request.

Handlers put themselves into it, with the path as the definition writes it:

    @route("GET", "/containers/{name}/json")
    def inspect(call: Call) -> Answer: ...

Of several that fit the first one is taken. A name in braces may hold slashes, as images' names do.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from runtime.api.answers import Answer
from runtime.api.call import Call

MODULES = (
    "system",
    "containers",
    "listening",
    "execs",
    "archives",
    "images",
    "build",
    "distribution",
    "networks",
    "volumes",
    "swarm",
    "plugins",
)
"""Of this package: those that have handlers."""

_NO_BUILDKIT = (
    "BuildKit's sessions are not spoken here; set DOCKER_BUILDKIT=0, then docker build works"
)
_NO_SWARM = "this engine cannot be in a swarm yet"
_NO_PLUGINS = "there are no plugins here, drivers are part of the engine"

NOT_IMPLEMENTED: dict[tuple[str, str], str] = {
    ("POST", "/session"): _NO_BUILDKIT,
    ("POST", "/grpc"): _NO_BUILDKIT,
    ("POST", "/swarm/init"): _NO_SWARM,
    ("POST", "/swarm/join"): _NO_SWARM,
    ("GET", "/containers/{id}/attach/ws"): (
        "no WebSockets here; POST /containers/{id}/attach does the same"
    ),
    ("GET", "/images/search"): (
        "searching is Docker Hub's own and no part of what registries speak; look at its page, or "
        "pull by name"
    ),
    ("GET", "/plugins/privileges"): _NO_PLUGINS,
    ("POST", "/plugins/pull"): _NO_PLUGINS,
    ("POST", "/plugins/create"): _NO_PLUGINS,
}
"""What the definition has and this engine does not, with the reason: answered with 501."""

Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the table. What is `long` may take its time: it never waits behind short calls,
    nor short calls behind it. What `uploads` reads its body as it comes; others are documents, and
    all there before the handler is called.
    """

    method: str
    template: str
    handler: Handler
    long: bool
    uploads: bool
    pattern: re.Pattern[str]


ROUTES: list[Route] = []


def route(
    method: str, template: str, *, long: bool = False, uploads: bool = False
) -> Callable[[Handler], Handler]:
    """Put a handler into the table."""

    def add(handler: Handler) -> Handler:
        ROUTES.append(Route(method, template, handler, long, uploads, pattern_of(template)))
        return handler

    return add


def pattern_of(template: str) -> re.Pattern[str]:
    """/containers/{name}/json as a regular expression."""
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )


def load() -> list[Route]:
    """The whole table."""
    for name in MODULES:
        importlib.import_module(f"runtime.api.{name}")
    return ROUTES


def find(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Who answers, and what the names in the path are; None for nobody."""
    for each in ROUTES:
        if each.method == method and (found := each.pattern.fullmatch(path)):
            return each, {name: unquote(text) for name, text in found.groupdict().items()}
    return None


def why_not(method: str, path: str) -> tuple[str, str] | None:
    """Of an endpoint that is not implemented: its template, and why."""
    for (verb, template), reason in NOT_IMPLEMENTED.items():
        if verb == method and pattern_of(template).fullmatch(path):
            return template, reason
    return None
