"""Progress: what is told while an image travels, in docker's words.

    Pulling fs layer → Downloading 12 MB of 30 MB → Pull complete
    Preparing → Pushing 12 MB of 30 MB → Pushed           or: Layer already exists, Mounted from …

Rule: values only; somebody else draws them.
Docker Engine API 1.47, ImageCreate and ImagePush (JSONMessage)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """One message: `id` is a layer's short digest, a tag, or "" for the whole; `current` and
    `total` are bytes. `aux` is for programs.
    """

    status: str
    id: str = ""
    current: int = 0
    total: int = 0
    aux: Mapping[str, Any] | None = None

    def to_docker(self) -> dict[str, Any]:
        """As one line of docker's stream."""
        if self.aux is not None:
            return {"progressDetail": {}, "aux": dict(self.aux)}
        message: dict[str, Any] = {"status": self.status}
        if self.total:
            message["progressDetail"] = {"current": self.current, "total": self.total}
        elif self.id:
            message["progressDetail"] = {}
        return message | ({"id": self.id} if self.id else {})


Tell = Callable[[Progress], None]
"""Gets each message when it happens; from several threads, so it must not take long."""


def tell_nobody(_message: Progress) -> None:
    """For who does not want to know."""
