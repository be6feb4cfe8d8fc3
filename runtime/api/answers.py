"""What a handler answers, as values: nothing here knows a socket.

    Document, Text, Empty     all of it at once
    Lines, Archive            piece by piece, as a thread of the pool for long work makes them
    Followed                  piece by piece, as it happens; while nothing happens, no thread waits
    Hijacked                  no HTTP any more: a conversation with a program

Docker Engine API 1.47
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

NDJSON = "application/json"
"""What docker calls one JSON document a line."""
TAR = "application/x-tar"
RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


class Source(Protocol):
    """Something that is followed by who has no thread to wait with.

    `take` is called in a thread, never by two at once; it gives what there is now and never waits.
    After b"" whoever follows sleeps until `fileno` is readable, or until the moment `due`.
    """

    over: bool
    """Nothing will come any more: asked when `take` has given nothing."""
    due: float | None
    """When to call `take` again although nothing was heard; in `time.monotonic`'s seconds."""

    def fileno(self) -> int:
        """Readable when there is news."""

    def take(self) -> bytes:
        """Some of what there is now; b"" for nothing."""

    def close(self) -> None:
        """Nobody listens any more."""


class Conversation(Source, Protocol):
    """A source that is also written to. `stdin` is a descriptor that never blocks, or None where
    what the client sends has no reader; it belongs to the conversation, and is known once that has
    `begun`.
    """

    stdin: int | None
    begun: bool

    def end_stdin(self) -> None:
        """The client will send no more: close `stdin`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A text, as it is."""

    text: str
    status: int = 200
    type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Empty:
    """It is done, and there is nothing to say."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)


NOT_MODIFIED = Empty(304)
"""It is so already."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Progress: JSON documents, a line each, sent when it is there. An OnggiError before the
    first one refuses the whole request, later it is the last line. It is closed when the client
    goes away.
    """

    documents: Iterable[Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Archive:
    """Bytes in pieces, closed when the client goes away."""

    pieces: Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = TAR


@dataclass(frozen=True, slots=True)
class Followed:
    """What a source gives, until it is over."""

    source: Source
    type: str = NDJSON


@dataclass(frozen=True, slots=True)
class Hijacked:
    """The connection becomes a conversation, which the client leaves by typing `keys`; None where
    there is no terminal.
    """

    conversation: Conversation
    type: str = RAW
    keys: bytes | None = None


Answer = Document | Text | Empty | Lines | Archive | Followed | Hijacked
