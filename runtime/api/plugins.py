"""Plugins: this engine has none, its drivers are part of it. Docker Engine API 1.47, "Plugin"."""

from __future__ import annotations

from runtime.api.answers import Answer, Document
from runtime.api.call import Call
from runtime.api.errors import Refused
from runtime.api.routes import route


@route("GET", "/plugins")
def list_(call: Call) -> Answer:
    """None."""
    return Document([])


@route("GET", "/plugins/{name}/json")
@route("POST", "/plugins/{name}/enable")
@route("POST", "/plugins/{name}/disable")
@route("POST", "/plugins/{name}/upgrade")
@route("POST", "/plugins/{name}/push")
@route("POST", "/plugins/{name}/set")
@route("DELETE", "/plugins/{name}")
def named(call: Call) -> Answer:
    """There is none of any name (404)."""
    raise Refused(404, 'plugin "{name}" not found', name=call["name"])
