"""The engine itself: _ping, version. Docker Engine API 1.47, "System"."""

from __future__ import annotations

from runtime.api.answers import Answer, Document, Text
from runtime.api.call import NEWEST, OLDEST, Call
from runtime.api.routes import route
from runtime.api.text import spoken

PONG = {
    "Builder-Version": "1",  # the classic builder, so that clients do not ask for BuildKit's
    "Swarm": "inactive",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
}


@route("GET", "/_ping")
@route("HEAD", "/_ping")
def ping(call: Call) -> Answer:
    """Somebody is there; which version is spoken stands in the headers."""
    return Text("OK", headers=PONG)


@route("GET", "/version")
def version(call: Call) -> Answer:
    """Versions of the engine and of the API."""
    document = call.engine.version()
    return Document({**document, "ApiVersion": spoken(NEWEST), "MinAPIVersion": spoken(OLDEST)})
