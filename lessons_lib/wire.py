"""What went over the wire between an engine and a registry, as the server's access log has it.

    show.wire(shop.recording("push"))

A row for each kind of question, in the order of the protocol: several layers travel at a time, so
the order of single requests is another one in each run. Bytes are told as little or much: the
same image has other sizes on other hosts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lessons_lib.language import say
from lessons_lib.shown import BERRY, FAINT, LEAF, Shown, code, escaped, listing, strong

MUCH_BYTES = 1 << 16
"""From here on it is a layer and no document."""

_KINDS = (
    ("hello", "GET", r"/v2/"),
    ("ask-manifest", "HEAD", r"/v2/.+/manifests/.+"),
    ("get-manifest", "GET", r"/v2/.+/manifests/.+"),
    ("ask-blob", "HEAD", r"/v2/.+/blobs/sha256:.+"),
    ("get-blob", "GET", r"/v2/.+/blobs/sha256:.+"),
    ("mount", "POST", r"/v2/.+/blobs/uploads/\?.*mount=.+"),
    ("begin", "POST", r"/v2/.+/blobs/uploads/.*"),
    ("send", "PATCH", r"/v2/.+/blobs/uploads/.+"),
    ("finish", "PUT", r"/v2/.+/blobs/uploads/.+"),
    ("cancel", "DELETE", r"/v2/.+/blobs/uploads/.+"),
    ("put-manifest", "PUT", r"/v2/.+/manifests/.+"),
)
"""What is asked, by method and path, in the order in which a push or a pull comes to it."""


def wire(requests: Sequence[dict[str, Any]]) -> Shown:
    """A table: how often, what, the answer, the bytes that went up and down, and what it is for."""
    head = [say(f"wire.{name}") for name in ("times", "request", "answer", "up", "down", "why")]
    groups: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
    for each in requests:
        kind = _kind(each)
        groups.setdefault((kind, each["status"], _short(each["path"])), []).append(each)
    rows = []
    for (kind, status, path), same in sorted(groups.items()):
        name = _KINDS[kind][0]
        line = f"{same[0]['method']} {path}"
        up, down = (_much(max(each[way] for each in same)) for way in ("received", "sent"))
        why = say(f"wire.{name}-{status}")
        rows.append([f"{len(same)}×", line, str(status), up, down, why])
    return listing(head, rows, map(_cells, rows))


def _cells(row: Sequence[str]) -> list[str]:
    times, line, status, up, down, why = row
    colour = LEAF if status < "400" else BERRY if status == "401" else FAINT
    return [escaped(times), code(line), strong(status, colour), *map(escaped, (up, down, why))]


def _kind(request: dict[str, Any]) -> int:
    for number, (_, method, path) in enumerate(_KINDS):
        if request["method"] == method and re.fullmatch(path, request["path"]):
            return number
    raise ValueError(f"no part of the protocol: {request['method']} {request['path']}")


def _short(path: str) -> str:
    """A path without what is another one in each run: digests and the numbers of uploads."""
    path = re.sub(r"sha256(:|%3A)[0-9a-f]{64}", "sha256:…", path)
    return re.sub(r"/uploads/[0-9a-f-]{36}", "/uploads/…", path)


def _much(count: int) -> str:
    if not count:
        return "·"
    return say("wire.much" if count >= MUCH_BYTES else "wire.little")
