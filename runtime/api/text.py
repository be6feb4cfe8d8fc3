"""JSON as it goes over the wire, and versions as they are spoken of."""

from __future__ import annotations

import json
from typing import Any


def as_line(value: Any) -> bytes:
    """A document and a newline. What is not text (a name that is no UTF-8) is written escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace") + b"\n"


def spoken(version: tuple[int, int]) -> str:
    """1.47"""
    return "{}.{}".format(*version)
