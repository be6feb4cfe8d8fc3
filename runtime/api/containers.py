"""Containers: docker's verbs, each a call of the engine. Docker Engine API 1.47, "Container".

What is listened to (logs, attach, wait, stats) is in listening.py, commands in execs.py, files in
archives.py.
"""

from __future__ import annotations

import time
from typing import Any

from runtime.api.answers import NOT_MODIFIED, Answer, Document, Empty
from runtime.api.call import Call
from runtime.api.creation import read_create, read_update
from runtime.api.errors import Refused
from runtime.api.routes import route
from runtime.container.state import BUSY, IDLE
from runtime.engine.container import Container
from runtime.engine.glance import choose
from runtime.engine.inspect import inspect_container
from runtime.errors import Conflict, InvalidInput, InvalidTransition, NotFound


def named(call: Call) -> Container:
    """The container of the path. Raises NotFound, Conflict."""
    return call.engine.containers.get(call["name"].removeprefix("/"))


@route("GET", "/containers/json")
def list_(call: Call) -> Answer:
    """Containers at a glance, the newest first."""
    containers = call.engine.containers
    wanted: dict[str, Any] = dict(call.filters())
    for name in ("before", "since"):
        if call.text(name):
            wanted[name] = [call.text(name)]
    find = call.engine.images.layers_of
    chosen = choose(containers.glances(), call.flag("all"), wanted, call.whole("limit"), find)
    now_ns = time.time_ns()
    found = [each.summary(now_ns) for each in chosen]
    if call.flag("size"):
        for document, each in zip(found, chosen, strict=True):
            written = call.engine.images.snapshots.usage(each.id)
            document |= {"SizeRw": written, "SizeRootFs": written + each.image_size}
    return Document(found)


@route("POST", "/containers/create", long=True)
def create(call: Call) -> Answer:
    """A container that does not run yet. Its image must be here: the client pulls."""
    name = call.text("name").removeprefix("/")
    image, options = read_create(call.document())
    platform = call.text("platform") or None
    try:
        container = call.engine.containers.create(
            image, name=name or None, platform=platform, pull="never", **options
        )
    except NotFound as error:
        if not platform:
            call.engine.images.get(image)
        # What is missing is not the image: at a 404 the client would pull it.
        raise Refused.instead(error, 400) from error
    return Document(
        {"Id": container.id, "Warnings": [str(notice) for notice in container.notices]}, 201
    )


@route("GET", "/containers/{name}/json")
def inspect(call: Call) -> Answer:
    """Everything about one."""
    return Document(inspect_container(named(call), size=call.flag("size")))


@route("GET", "/containers/{name}/top")
def top(call: Call) -> Answer:
    """Its processes."""
    return Document(named(call).top(call.text("ps_args") or None))


@route("GET", "/containers/{name}/changes", long=True)
def changes(call: Call) -> Answer:
    """What it added, changed and deleted."""
    return Document(named(call).diff() or None)


@route("POST", "/containers/{name}/start", long=True)
def start(call: Call) -> Answer:
    """Returns when its program runs."""
    container = named(call)
    if container.status == "paused":
        raise Conflict("cannot start a paused container, try unpause instead")
    if container.status in BUSY:
        return NOT_MODIFIED
    try:
        container.start()
    except InvalidTransition as error:
        if error.state == "running":  # somebody else was faster
            return NOT_MODIFIED
        raise
    return Empty()


@route("POST", "/containers/{name}/stop", long=True)
def stop(call: Call) -> Answer:
    """Returns when it has ended."""
    container = named(call)
    if container.status not in BUSY:
        return NOT_MODIFIED
    container.stop(call.whole("t"), call.text("signal") or None)
    return Empty()


@route("POST", "/containers/{name}/restart", long=True)
def restart(call: Call) -> Answer:
    """Stop it, if it runs, and start it."""
    named(call).restart(call.whole("t"), call.text("signal") or None)
    return Empty()


@route("POST", "/containers/{name}/kill", long=True)
def kill(call: Call) -> Answer:
    """Send it a signal."""
    named(call).kill(call.text("signal") or "SIGKILL")
    return Empty()


@route("POST", "/containers/{name}/pause")
def pause(call: Call) -> Answer:
    """Hold it still."""
    named(call).pause()
    return Empty()


@route("POST", "/containers/{name}/unpause")
def unpause(call: Call) -> Answer:
    """Let it go on."""
    named(call).unpause()
    return Empty()


@route("POST", "/containers/{name}/rename")
def rename(call: Call) -> Answer:
    """Give it another name."""
    if not call.text("name"):
        raise InvalidInput("Neither old nor new names may be empty")
    named(call).rename(call.text("name"))
    return Empty()


@route("POST", "/containers/{name}/resize")
def resize(call: Call) -> Answer:
    """Tell its terminal how large the window is."""
    named(call).resize(*window(call))
    return Empty(200)


def window(call: Call) -> tuple[int, int]:
    """Height and width. Raises InvalidInput."""
    sides = call.whole("h"), call.whole("w")
    if sides[0] is None or sides[1] is None:
        raise InvalidInput("a window has a height (h) and a width (w)")
    return sides[0], sides[1]


@route("POST", "/containers/{name}/update")
def update(call: Call) -> Answer:
    """Change its limits."""
    changed = named(call).update(**read_update(call.document()))
    return Document({"Warnings": changed["Warnings"] or []})


@route("POST", "/containers/prune", long=True)
def prune(call: Call) -> Answer:
    """Remove all that do not run."""
    return Document(call.engine.containers.prune(call.filters()))


@route("DELETE", "/containers/{name}", long=True)
def remove(call: Call) -> Answer:
    """Remove it, with `force` also while it runs."""
    container = named(call)
    if call.flag("link"):
        raise InvalidInput("not supported yet: {flag}", flag="link")
    if container.status not in IDLE and not call.flag("force"):
        raise Refused(
            409,
            'cannot remove container "/{name}": container is {state}: '
            "stop the container before removing or force remove",
            name=container.name,
            state=container.status,
        )
    container.remove(force=call.flag("force"), v=call.flag("v"))
    return Empty()
