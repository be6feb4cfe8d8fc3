"""The access log: one JSON object a line for each request, when its answer has been sent.

    {"time":"2026-11-28T22:40:01.123Z","client":"127.0.0.1","user":"bori","method":"PUT",
     "path":"/v2/team/app/manifests/1.0","status":201,"received":1234,"sent":0,"seconds":0.004}

A peer chooses its path, its name and its User-Agent. JSON writes their control characters as
escapes, so no request can make a line of its own here. What a client proves itself with
is never written.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

_LONGEST = 1000


class AccessLog:
    """Appends to a file, or to standard output for None."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises OSError."""
        self._stream: TextIO = file.open("a", encoding="utf-8") if file else sys.stdout

    def write(
        self,
        *,
        client: str,
        user: str,
        method: str,
        path: str,
        status: int,
        received: int,
        sent: int,
        seconds: float,
        agent: str,
    ) -> None:
        """One request. `received` and `sent` count bytes of bodies."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "time": now,
            "client": client,
            "user": user,
            "method": method,
            "path": path[:_LONGEST],
            "status": status,
            "received": received,
            "sent": sent,
            "seconds": round(seconds, 4),
            "agent": agent[:_LONGEST],
        }
        try:
            self._stream.write(json.dumps({k: v for k, v in entry.items() if v != ""}) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # a full disk, a closed pipe: serving goes on
