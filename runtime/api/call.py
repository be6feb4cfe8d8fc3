"""A request as a handler sees it: what is asked for, read and checked, and the engine.

    @route("POST", "/containers/{name}/stop", long=True)
    def stop(call: Call) -> Answer:
        call.engine.containers.get(call["name"]).stop(call.whole("t"))
        return Empty()

Whatever does not make sense is refused here, with the name of the parameter or of the body's
member: an InvalidInput, which becomes a 400.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from runtime.api.errors import Refused
from runtime.errors import InvalidInput
from runtime.layer.stream import stream_of
from runtime.oci.document import Document as Body
from runtime.registry.server.answers import Headers

if TYPE_CHECKING:
    from runtime.engine import Engine

Version = tuple[int, int]
OLDEST: Version = (1, 24)
NEWEST: Version = (1, 47)

LARGEST_DOCUMENT = 8 << 20
"""Bytes of a JSON body."""
FALSE = ("", "0", "no", "false", "none")
"""How a query says no; everything else is a yes. moby: httputils.BoolValue"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `onggi serve` was told that handlers want to know."""

    registry_mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is without the version; `names` are the values of the route's {…}."""

    engine: Engine
    method: str
    path: str
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Headers = field(default_factory=lambda: Headers(()))
    version: Version = NEWEST
    settings: Settings = field(default_factory=Settings)
    pieces: Callable[[], Iterator[bytes]] = lambda: iter(())
    """The body as it comes. Raises ConnectionResetError when the client goes away before its end,
    Refused when it stands still for too long."""
    gone: Callable[[], bool] = lambda: False
    """Whether the client has gone away: nobody wants the answer."""

    def __getitem__(self, name: str) -> str:
        """A part of the path."""
        return self.names[name]

    def text(self, name: str, default: str = "") -> str:
        """A parameter of the query; of one that is there twice, the first."""
        return self.query.get(name, [default])[0]

    def texts(self, name: str) -> list[str]:
        """A parameter that may be there several times."""
        return self.query.get(name, [])

    def flag(self, name: str, default: bool = False) -> bool:
        """A parameter that is a yes or a no."""
        values = self.query.get(name)
        return default if values is None else values[0].strip().lower() not in FALSE

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A parameter that is a whole number. Raises InvalidInput."""
        text = self.text(name).strip()
        if not text:
            return default
        if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):  # as many as Go's int64 has
            raise InvalidInput(
                "{name} takes a whole number, not {text!r}", name=name, text=text[:100]
            )
        return int(text)

    def filters(self, name: str = "filters") -> dict[str, list[str]]:
        """Docker's filters, {"label": {"a=b": true}} or, as older clients write them,
        {"label": ["a=b"]}. Raises InvalidInput.
        """
        text = self.text(name)
        if not text:
            return {}
        try:
            return {key: _values(given) for key, given in json.loads(text).items()}
        except (ValueError, AttributeError, TypeError, RecursionError) as cause:
            raise InvalidInput(
                "{name} is no JSON object of filters: {text}", name=name, text=text[:100]
            ) from cause

    def json(self) -> dict[str, Any]:
        """The body, which is a JSON object; {} if there is none. Raises InvalidInput."""
        return dict(self.document().members)

    def document(self) -> Body:
        """The same, to be read member by member: a wrong one is refused with its name."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > LARGEST_DOCUMENT:
                raise Refused(413, "the body has more than {limit} bytes", limit=LARGEST_DOCUMENT)
        if bytes(data.strip()) in (b"", b"null"):  # as docker 20.10 says that there is none
            return Body({}, "body")
        kind = self.headers.get("Content-Type", "application/json")
        if kind.partition(";")[0].strip() != "application/json":
            raise InvalidInput(
                "unsupported Content-Type header ({kind}): must be 'application/json'", kind=kind
            )
        body = Body.parse(bytes(data), "body")
        if b"\\u" in data and not _is_text(body.members):
            raise InvalidInput("the body has half a character: {escape}", escape="\\ud800")
        return body

    def stream(self) -> BinaryIO:
        """The body to be read like a file."""
        return stream_of(self.pieces())


def _is_text(value: Any) -> bool:
    """Whether UTF-8 can say it: JSON's escapes spell halves of a pair, too."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _values(given: Any) -> list[str]:
    """The values of one filter. Raises TypeError."""
    if isinstance(given, Mapping):
        return [text for text, wanted in given.items() if wanted]
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return given
    raise TypeError
