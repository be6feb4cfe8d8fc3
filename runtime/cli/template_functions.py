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
    """`index .Labels "a"`: a list without the key fails; a map of texts has "" there, as Go's
    has, another map no value.
    """
    for key in keys:
        if isinstance(value, Mapping):
            texts = all(isinstance(item, str) for item in value.values())
            value = value.get(key, "" if texts else None)
        else:
            value = value[key]
    return value


def pad(text: str, before: int, after: int) -> str:
    """`pad .Name 1 2`: blanks around a text; nothing stays nothing."""
    return " " * before + text + " " * after if text else text


def truncate(text: str, length: int) -> str:
    """`truncate .ID 12`: the first characters of it."""
    return text[: max(length, 0)]


def cut(value: Any, *bounds: int) -> Any:
    """`slice .Id 7 19`: from, and up to, as Go's x[7:19]."""
    first, last = (*bounds, len(value))[:2] if bounds else (0, len(value))
    if not 0 <= first <= last <= len(value) or len(bounds) > 2:
        raise ValueError(bounds)
    return value[first:last]


def printf(pattern: str, *values: Any) -> str:
    """`printf "%.12s %5d %q %v"`: C's verbs, and Go's quoted and plain value."""
    verbs = re.findall(r"%[-+0-9.]*([a-zA-Z])", pattern)
    if len(verbs) != len(values):
        raise ValueError(pattern)
    shown_as: dict[str, Callable[[Any], Any]] = {
        "v": shown,
        "s": shown,
        "q": lambda value: json.dumps(shown(value), ensure_ascii=False),
        "t": lambda value: shown(bool(value)),
    }
    fitting = tuple(
        shown_as[verb](value) if verb in shown_as else value
        for verb, value in zip(verbs, values, strict=True)
    )
    return re.sub(r"(%[-+0-9.]*)[vqt]", r"\1s", pattern) % fitting


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
    "pad": pad,
    "truncate": truncate,
    "slice": cut,
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
