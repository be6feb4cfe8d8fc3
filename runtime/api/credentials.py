"""Credentials that clients send along: who they are to registries.

    X-Registry-Auth      for one registry: pull, push, distribution
    X-Registry-Config    for several, by docker's names for them: build

The engine's own config.json is never asked for a client: it says who root is. What cannot be read
counts as nobody, as with docker. Docker Engine API 1.47, "Authentication"
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from runtime.api.call import Call


def auth_config(call: Call) -> dict[str, str]:
    """For the registry that a call is about; {} for nobody."""
    return _one(_object(call.headers.get("X-Registry-Auth", "")))


def auth_configs(call: Call) -> dict[str, dict[str, str]]:
    """For every registry that a build may ask."""
    given = _object(call.headers.get("X-Registry-Config", ""))
    return {name: _one(each) for name, each in given.items() if isinstance(each, dict)}


def _one(given: Mapping[str, Any]) -> dict[str, str]:
    """An AuthConfig; name and password may stand together in `auth`."""
    found = {name: text for name, text in given.items() if isinstance(text, str)}
    if "auth" in found and not found.get("username"):
        with contextlib.suppress(ValueError):
            name, _, password = base64.b64decode(found["auth"]).decode().partition(":")
            found |= {"username": name, "password": password}
    return found


def _object(header: str) -> dict[str, Any]:
    """JSON in URL-safe base64, with or without its padding."""
    with contextlib.suppress(ValueError, RecursionError):
        padded = header + "=" * (-len(header) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded))
        if isinstance(value, dict):
            return value
    return {}
