"""Volumes. Docker Engine API 1.47, "Volume"; moby: api/server/router/volume."""

from __future__ import annotations

from runtime.api.answers import Answer, Document, Empty
from runtime.api.call import Call
from runtime.api.errors import Refused
from runtime.api.routes import route
from runtime.errors import NotFound


@route("GET", "/volumes")
def list_(call: Call) -> Answer:
    """All of them, by name."""
    found = call.engine.volumes.list(call.filters())
    return Document({"Volumes": [each.attrs for each in found], "Warnings": None})


@route("POST", "/volumes/create")
def create(call: Call) -> Answer:
    """A new one, or the one that has this name already."""
    asked = call.document()
    volume = call.engine.volumes.create(
        asked.text("Name", ""),
        asked.text("Driver", ""),
        asked.text_map("DriverOpts"),
        asked.text_map("Labels"),
    )
    return Document(volume.attrs, 201)


@route("POST", "/volumes/prune", long=True)
def prune(call: Call) -> Answer:
    """Remove what no container has: of those with a name, too, for a client from before there was
    a difference.
    """
    filters = call.filters()
    if call.version < (1, 42):
        filters["all"] = ["true"]
    return Document(call.engine.volumes.prune(filters))


@route("GET", "/volumes/{name}")
def inspect(call: Call) -> Answer:
    """Everything about one."""
    return Document(call.engine.volumes.get(call["name"]).attrs)


@route("DELETE", "/volumes/{name}", long=True)
def remove(call: Call) -> Answer:
    """With its contents; by force also one that is not there."""
    force = call.flag("force")
    try:
        call.engine.volumes.get(call["name"]).remove(force=force)
    except NotFound:
        if not force:
            raise
    return Empty()


@route("PUT", "/volumes/{name}")
def update(call: Call) -> Answer:
    """Of a swarm's volumes only: docker's answer where there is no swarm."""
    raise Refused(503, "volume update only valid for cluster volumes, but swarm is unavailable")
