"""The functions that a `--format` template may call: Go's own and the ones docker adds.

Each raises TypeError, ValueError or LookupError for arguments that do not fit; template.py
turns that into a sentence. Pure.

https://pkg.go.dev/text/template#hdr-Functions, https://docs.docker.com/go/formatting/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

CONSTANTS = {"true": True, "false": False, "nil": None}


def shown(value: Any) -> str:
    """A value as Go's `%v` prints it: `[a b]`, `map[k:v]`, `<no value>`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<no value>"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{shown(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(shown, value))}]"
    return str(value)


def as_json(value: Any) -> str:
    """JSON on one line; methods are not part of it."""
    if isinstance(value, Mapping):
        value = {key: item for key, item in value.items() if not callable(item)}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def index(value: Any, *keys: Any) -> Any:
    """`index .Labels "a"`: a map without the key has no value there, a list without it fails."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


def printf(pattern: str, *values: Any) -> str:
    """`printf "%.12s %5d %q %v"`: C's verbs, and Go's quoted and plain value."""
    verbs = re.findall(r"%[-+0-9.]*([a-zA-Z])", pattern)
    if len(verbs) != len(values):
        raise ValueError(pattern)
    shown_as: dict[str, Callable[[Any], Any]] = {
        "v": shown,
        "s": shown,
        "q": lambda value: json.dumps(shown(value)),
    }
    fitting = tuple(
        shown_as[verb](value) if verb in shown_as else value
        for verb, value in zip(verbs, values, strict=True)
    )
    return re.sub(r"(%[-+0-9.]*)[vq]", r"\1s", pattern) % fitting


def _all_shown(*values: Any) -> str:
    return " ".join(map(shown, values))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": as_json,
    "index": index,
    "len": len,
    "join": lambda values, between: between.join(map(shown, values)),
    "split": lambda text, between: text.split(between),
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "print": _all_shown,
    "println": lambda *values: _all_shown(*values) + "\n",
    "printf": printf,
    "not": lambda value: not value,
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
    "eq": lambda first, *others: first in others,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
}
