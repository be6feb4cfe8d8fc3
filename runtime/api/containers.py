"""Containers: docker's verbs, each a call of the engine. Docker Engine API 1.47, "Container"."""

from __future__ import annotations

import time

from runtime.api.answers import NOT_MODIFIED, Answer, Document, Empty
from runtime.api.call import Call
from runtime.api.routes import route
from runtime.container.state import BUSY
from runtime.engine.container import Container
from runtime.engine.glance import choose


def _named(call: Call) -> Container:
    """The container of the path. Raises NotFound, Conflict."""
    return call.engine.containers.get(call["name"].removeprefix("/"))


@route("GET", "/containers/json")
def list_(call: Call) -> Answer:
    """Containers at a glance, the newest first."""
    containers = call.engine.containers
    wanted = call.filters()
    for name in ("before", "since"):
        if call.text(name):
            wanted[name] = [call.text(name)]
    every = containers.glances()
    chosen = choose(
        every, call.flag("all"), wanted, call.whole("limit"), call.engine.images.layers_of
    )
    now_ns = time.time_ns()
    return Document([each.summary(now_ns) for each in chosen])


@route("GET", "/containers/{name}/json")
def inspect(call: Call) -> Answer:
    """Everything about one."""
    return Document(_named(call).attrs)


@route("POST", "/containers/{name}/start", long=True)
def start(call: Call) -> Answer:
    """Returns when its program runs."""
    container = _named(call)
    if container.status in BUSY:
        return NOT_MODIFIED
    container.start()
    return Empty()


@route("POST", "/containers/{name}/stop", long=True)
def stop(call: Call) -> Answer:
    """Returns when it has ended."""
    container = _named(call)
    if container.status not in BUSY:
        return NOT_MODIFIED
    container.stop(call.whole("t"), call.text("signal") or None)
    return Empty()
