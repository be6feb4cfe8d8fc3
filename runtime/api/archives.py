"""Files of containers, in and out as tars: `docker cp` and `export`. Docker Engine API 1.47.

Every path is resolved inside the container (engine/files.py), whatever its links say.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from runtime.api.answers import Answer, Archive, Empty
from runtime.api.call import Call
from runtime.api.containers import named
from runtime.api.routes import route
from runtime.errors import InvalidInput

STAT = "X-Docker-Container-Path-Stat"
"""The header that says what is at the path."""


def _path(call: Call) -> str:
    path = call.text("path")
    if not path:
        raise InvalidInput("bad parameter: 'path' cannot be empty")
    return path


def _headers(described: dict[str, Any]) -> dict[str, str]:
    return {STAT: base64.b64encode(json.dumps(described).encode()).decode()}


@route("HEAD", "/containers/{name}/archive")
def describe(call: Call) -> Answer:
    """What is at the path, in a header."""
    return Empty(200, _headers(named(call).stat_path(_path(call))))


@route("GET", "/containers/{name}/archive", long=True)
def get(call: Call) -> Answer:
    """A file or directory of it."""
    pieces, described = named(call).get_archive(_path(call))
    return Archive(pieces, _headers(described))


@route("PUT", "/containers/{name}/archive", uploads=True)
def put(call: Call) -> Answer:
    """Unpack a tar in a directory of it."""
    container, path = named(call), _path(call)
    container.put_archive(path, call.stream(), keeps_kinds=call.flag("noOverwriteDirNonDir"))
    return Empty(200)


@route("GET", "/containers/{name}/export", long=True)
def export(call: Call) -> Answer:
    """Its whole file system."""
    return Archive(named(call).export(), type="application/octet-stream")
