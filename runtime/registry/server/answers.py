"""What is asked and what is answered, as values: the server's rooms know no web framework.

    aiohttp's request ──http──▶ Asked ──blobs, manifests, lists──▶ Answer ──http──▶ the wire
                                                    └── raise Refused ──┘

Rule: whoever refuses raises `Refused`, with the specification's code; its body is always the
one shape that clients can read. distribution-spec: "Error Codes"
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from runtime.registry.messages import ERROR_TYPE, STATUS, Refusal


class Headers(Mapping[str, str]):
    """A request's headers, by their names in any case. One that came in several lines is one
    with commas: docker sends its Accept that way. RFC 9110, 5.3
    """

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in lines:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, without its address: that is a Route. `body` yields pieces of about 1 MiB, and
    raises Refused when the client is too slow.
    """

    method: str
    query_text: str
    headers: Headers
    body: Callable[[], AsyncIterator[bytes]]
    interrupt: Callable[[], None] = lambda: None
    """Ends this request's connection: see `Uploads.append`."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; of one that is there twice, the last."""
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def length(self) -> int | None:
        """How many bytes the body is said to have."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes of an open file, sent by the kernel without passing through this process."""

    file: BinaryIO
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and a body: bytes, or a part of a file. `length` is what
    Content-Length says when there is no body to count, as for HEAD.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FilePart = b""
    length: int | None = None

    @property
    def size(self) -> int:
        """Content-Length."""
        if self.length is not None:
            return self.length
        return self.body.count if isinstance(self.body, FilePart) else len(self.body)


class Refused(Exception):
    """An answer that is a no: the protocol's code, a sentence, details and headers. The status is
    the code's, unless another one fits better.
    """

    def __init__(
        self,
        code: str,
        message: str,
        detail: Any = None,
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status or STATUS[code]
        self.headers = headers or {}

    @property
    def answer(self) -> Answer:
        """The refusal as it goes over the wire."""
        body = Refusal(self.code, self.message, self.detail).to_bytes()
        return Answer(self.status, {**self.headers, "Content-Type": ERROR_TYPE}, body)


def as_json(
    value: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kind: str = ERROR_TYPE,
) -> Answer:
    """An answer that holds a JSON document."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Answer(
        status,
        {**(headers or {}), "Content-Type": kind},
        body.encode(errors="backslashreplace"),
    )
