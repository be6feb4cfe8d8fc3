"""The engine itself: _ping, version, info, df, events, auth. Docker Engine API 1.47, "System"."""

from __future__ import annotations

import time

from runtime.api.answers import Answer, Document, Followed, Text
from runtime.api.call import Call
from runtime.api.errors import Refused
from runtime.api.routes import route
from runtime.engine.durations import moment_ns
from runtime.errors import InvalidInput, RegistryError

PONG = {
    "Builder-Version": "1",  # the classic builder, so that clients do not ask for BuildKit's
    "Swarm": "inactive",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
}

KINDS = {
    "container": "Containers",
    "image": "Images",
    "volume": "Volumes",
    "build-cache": "BuildCache",
}
"""What disk usage can be asked of, and the member that tells of it."""


@route("GET", "/_ping")
@route("HEAD", "/_ping")
def ping(call: Call) -> Answer:
    """Somebody is there; which version is spoken stands in the headers."""
    return Text("OK", headers=PONG)


@route("GET", "/version")
def version(call: Call) -> Answer:
    """Versions of the engine and of the API."""
    return Document(call.engine.version())


@route("GET", "/info", long=True)
def info(call: Call) -> Answer:
    """The host and what is on it, with the mirrors that this server was given."""
    found = call.engine.info()
    mirrors = [*call.settings.registry_mirrors]
    registries = found["RegistryConfig"]
    registries["Mirrors"] = registries["IndexConfigs"]["docker.io"]["Mirrors"] = mirrors
    return Document(found)


@route("GET", "/system/df", long=True)
def disk_usage(call: Call) -> Answer:
    """What takes how much of the disk; of some kinds only, where the query names them."""
    wanted = call.texts("type")
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise InvalidInput("unknown object type: {kind}", kind=unknown[0][:100])
    usage = call.engine.df()
    if call.version < (1, 42):  # clients from before that read the sum, and know one parent
        cache = usage["BuildCache"]
        usage["BuilderSize"] = sum(each["Size"] for each in cache)
        for each in cache:
            each["Parent"] = ", ".join(each.pop("Parents") or ())
    if not wanted:
        return Document(usage)
    members = {KINDS[kind] for kind in wanted} | ({"LayersSize"} if "image" in wanted else set())
    return Document({name: value for name, value in usage.items() if name in members})


@route("GET", "/events")
def events(call: Call) -> Answer:
    """What happened from `since` on, then what happens, until `until`."""
    since_ns, until_ns = _moment(call, "since"), _moment(call, "until")
    if since_ns is not None and until_ns is not None and until_ns < since_ns:
        raise InvalidInput(
            "`since` time ({since}) cannot be after `until` time ({until})",
            since=call.text("since"),
            until=call.text("until"),
        )
    return Followed(call.engine.listen(since_ns, until_ns, call.filters()))


def _moment(call: Call, name: str) -> int | None:
    """Nanoseconds since 1970 of a parameter; None where it is not there. Raises InvalidInput."""
    text = call.text(name)
    if not text:
        return None
    try:
        return moment_ns(text, time.time_ns())
    except ValueError as cause:
        raise InvalidInput("{name} is no moment: {text}", name=name, text=text[:100]) from cause


@route("POST", "/auth", long=True)
def auth(call: Call) -> Answer:
    """Whether a registry takes a name and a password. Nothing is kept: that is the client's part,
    who sends them along with what needs them.
    """
    given = call.document()
    try:
        named = {name: given.text(name, "") for name in ("username", "password", "identitytoken")}
        call.engine.check_login(named, given.text("serveraddress", ""))
    except RegistryError as cause:
        if cause.status in (401, 403) or cause.code == "UNAUTHORIZED":
            raise Refused(401, "{reason}", reason=cause.message) from cause
        raise
    return Document({"Status": "Login Succeeded", "IdentityToken": ""})
