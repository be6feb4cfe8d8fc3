"""Listening to a container: logs, attach, wait, stats. Docker Engine API 1.47, "Container".

None of these has a thread while nothing happens: engine/following.py, api/following.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from runtime.api.answers import MULTIPLEXED, NDJSON, RAW, Answer, Document, Followed, Hijacked
from runtime.api.call import Call
from runtime.api.containers import named
from runtime.api.routes import route
from runtime.container import launch
from runtime.container.log import Entry, timestamp
from runtime.container.log_options import NONE
from runtime.container.messages import STREAMS
from runtime.engine.attachment import frame
from runtime.engine.container import Container
from runtime.engine.following import AttachedFollower, EndFollower, LogFollower, StatsFollower
from runtime.engine.keys import parse_keys
from runtime.engine.moments import as_nanoseconds
from runtime.errors import Conflict, InvalidInput

CONDITIONS = ("not-running", "next-exit", "removed")
NAMES_ITS_FRAMES = (1, 42)
"""From this version on the type of an answer says whether it comes in frames."""


def kind_of(call: Call, terminal: bool) -> str:
    """The Content-Type of what a program writes."""
    return RAW if terminal or call.version < NAMES_ITS_FRAMES else MULTIPLEXED


def encoder(call: Call, container: Container) -> Callable[[Entry], bytes]:
    """What is sent of an entry of the log: of the streams that are wanted, in frames if the
    program has two outputs.
    """
    streams = {name for name in STREAMS if call.flag(name)}
    framed = not container.has_terminal

    def encode(entry: Entry) -> bytes:
        if entry.stream not in streams:
            return b""
        return frame(entry.stream, entry.data) if framed else entry.data

    return encode


@route("GET", "/containers/{name}/logs")
def logs(call: Call) -> Answer:
    """What it wrote, and with `follow` what it writes."""
    container = named(call)
    if not any(call.flag(name) for name in STREAMS):
        raise InvalidInput("Bad parameters: you must choose at least one stream")
    if container.request.log_driver == NONE:
        raise Conflict("configured logging driver does not support reading")
    now_ns, since, until = time.time_ns(), call.text("since"), call.text("until")
    first = timestamp(as_nanoseconds(since, now_ns)) if since not in ("", "0") else ""
    last_ns = as_nanoseconds(until, now_ns) if until not in ("", "0") else None
    last = "~" if last_ns is None else timestamp(last_ns)
    plain, stamps = encoder(call, container), call.flag("timestamps")
    details = _details(container) if call.flag("details") else b""

    def encode(entry: Entry) -> bytes:
        if not first <= entry.time <= last:
            return b""
        head = (entry.stamp if stamps else b"") + (details if entry.starts_line else b"")
        return plain(Entry(entry.time, entry.stream, head + entry.data)) if head else plain(entry)

    due = None if last_ns is None else time.monotonic() + max(0.0, (last_ns - now_ns) / 10**9)
    session = launch.follow(container.bundle_path) if call.flag("follow") else None
    reader = container.bundle.read_log()
    with contextlib.suppress(ValueError):  # what is no number means all, as with docker
        if (tail := int(call.text("tail", "all"))) >= 0:
            reader.skip_to_tail(tail)
    source = LogFollower(container, reader, session, encode, until=due)
    return Followed(source, kind_of(call, container.has_terminal))


def _details(container: Container) -> bytes:
    pairs = sorted(container.log_details.items())
    return ",".join(f"{name}={value}" for name, value in pairs).encode() + b" "


@route("POST", "/containers/{name}/attach")
def attach(call: Call) -> Answer:
    """A conversation with its program, which need not run yet: `docker run` listens first."""
    container = named(call)
    if container.status in ("paused", "restarting"):
        raise Conflict(
            "container {name} is {state}: it cannot be attached to",
            name=container.name,
            state=container.status,
        )
    keys = parse_keys(call.text("detachKeys")) if container.has_terminal else None
    conversation = AttachedFollower(
        container,
        call.engine.watch,
        encoder(call, container),
        stdin=call.flag("stdin"),
        logs=call.flag("logs"),
        stream=call.flag("stream"),
    )
    return Hijacked(conversation, kind_of(call, container.has_terminal), keys)


@route("POST", "/containers/{name}/wait")
def wait(call: Call) -> Answer:
    """Its exit code, when there is one."""
    condition = call.text("condition") or "not-running"
    if condition not in CONDITIONS:
        raise InvalidInput("invalid condition: {text!r}", text=condition)
    follower = EndFollower(named(call), call.engine.watch, condition)  # type: ignore[arg-type]
    return Followed(follower, NDJSON)


@route("GET", "/containers/{name}/stats", long=True)
def stats(call: Call) -> Answer:
    """What it uses, once or every second."""
    container = named(call)
    if not call.flag("stream", default=True):
        return Document(container.stats(stream=False, one_shot=call.flag("one-shot")))
    return Followed(StatsFollower(container, call.engine.watch))
