"""HTTP/1.1 as an engine's client needs it, and not more, so that `onggi ps` begins at once.

    transport = Transport(parse_address("unix:///run/docker.sock"))
    transport.request("GET", "/containers/json", {"all": "1"}).document()
    channel = transport.hijack("POST", f"/containers/{name}/attach", {"stream": "1"})

Python's own http.client parses headers with the package of e-mails and imports ssl, urllib3 much
more than that: each takes longer to import than the whole command takes otherwise. What is left
without them fits on some pages: a request is written, a head is read, a body comes in pieces,
whose end a length, a chunk of 0 bytes or the end of the connection says. A connection whose answer
was read to its end is used again.

Rule: what comes from the other side is not believed: heads, chunks and documents have limits.
RFC 9112; Docker Engine API 1.47, "Versioning" and ContainerAttach, "Hijacking"
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from runtime.api.client.address import Address, Tls
from runtime.errors import Conflict, InvalidInput, NotFound, OnggiError

if TYPE_CHECKING:
    from runtime.api.client.tls import Relay

VERSION = (1, 47)
"""The newest version of the API that this client speaks."""

VERSION_VARIABLE = "DOCKER_API_VERSION"
AGENT = "onggi"
CHUNK_BYTES = 1 << 16
LONGEST_LINE = 1 << 16
MOST_HEADERS = 200
LARGEST_DOCUMENT = 1 << 28

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_IN_PATHS = _PLAIN | frozenset(b"/:@!$&'()*+,;=")

Query = Mapping[str, Any]
"""Parameters by name: a text, a number, a truth, a list of texts, or anything else as JSON; None is
not sent.
"""

Body = bytes | Iterable[bytes] | None


class Transport:
    """The way to one engine; several threads may use it at once."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[_Connection] = []
        self._version: tuple[int, int] | None = None

    @property
    def version(self) -> tuple[int, int]:
        """The version to speak: the newest that both sides know, unless DOCKER_API_VERSION says
        which. Raises OnggiError when nobody answers.
        """
        if self._version is None:
            wanted = os.environ.get(VERSION_VARIABLE, "").removeprefix("v")
            if not wanted:
                head = self._exchange("HEAD", "/_ping", {}, None, {})
                wanted = head.headers.get("api-version", "")
                head.close()
            self._version = min(VERSION, _as_version(wanted))
        return self._version

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        document: Any = None,
    ) -> Reply:
        """Ask, with `document` as a JSON body or `body` as it is. Raises what the engine answers
        (`refusal`), and OnggiError when it does not.
        """
        target = "/v{}.{}{}".format(*self.version, path)
        reply = self._exchange(method, target, query or {}, *_with(document, body, headers))
        if reply.status >= 400:
            raise refusal(reply)
        return reply

    def tell(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Body = None,
        document: Any = None,
    ) -> Any:
        """The same, and the whole answer as JSON; None where it is empty."""
        return self.request(method, path, query, body, document=document).document()

    def hijack(
        self, path: str, query: Query | None = None, document: Any = None
    ) -> tuple[Reply, socket.socket]:
        """Ask for a connection of two directions. What comes in is the reply's pieces, what is
        sent into the socket goes out.
        """
        target = "/v{}.{}{}".format(*self.version, path)
        body, headers = _with(document, None, {"Connection": "Upgrade", "Upgrade": "tcp"})
        reply = self._exchange("POST", target, query or {}, body, headers)
        if reply.status not in (101, 200):
            raise refusal(reply)
        return reply, reply.take_over()

    def _exchange(
        self, method: str, target: str, query: Query, body: Body, headers: Mapping[str, str]
    ) -> Reply:
        while True:
            try:
                connection = self._idle.pop() if self._idle else _Connection(self.address)
            except OSError as error:
                raise unreachable(self.address, error) from error
            was_used = connection.used
            try:
                connection.send(method, target + _query(query), body, headers)
                return Reply(connection, method, self._idle)
            except (OSError, EOFError, ValueError) as error:
                connection.close()
                # The other side may close a connection that waits: then a new one is as good.
                if was_used and isinstance(error, OSError | EOFError) and _is_whole(body):
                    continue
                raise unreachable(self.address, connection.reason(error)) from error

    def close(self) -> None:
        """Let the connections go."""
        while self._idle:
            self._idle.pop().close()


def _is_whole(body: Body) -> bool:
    """Whether it can be sent once more."""
    return body is None or isinstance(body, bytes)


def _with(
    document: Any, body: Body, headers: Mapping[str, str] | None
) -> tuple[Body, Mapping[str, str]]:
    """Body and headers of a request; a JSON document is one of both."""
    if document is None:
        return body, headers or {}
    text = json.dumps(document, ensure_ascii=False).encode(errors="surrogateescape")
    return text, {"Content-Type": "application/json", **(headers or {})}


def _as_version(text: str) -> tuple[int, int]:
    major, dot, minor = text.partition(".")
    if dot and major.isdecimal() and minor.isdecimal():
        return int(major), int(minor)
    return VERSION


class _Connection:
    """One connection: what is sent, and a buffered reader of what comes."""

    def __init__(self, address: Address) -> None:
        self.used = False
        self.authority = address.authority
        self.socket = _connect(address)
        self.relay: Relay | None = None
        if address.tls is not None:
            self._secure(address.host, address.tls)
        self.socket.settimeout(None)
        self.reader = cast(BinaryIO, self.socket.makefile("rb", CHUNK_BYTES))

    def _secure(self, host: str, tls: Tls) -> None:
        """Speak by way of a relay. Raises OSError, also for certificates that do not fit."""
        from runtime.api.client.tls import Relay  # imports take as long as everything else

        try:
            self.relay = Relay(self.socket, host, tls)
        except BaseException:
            self.socket.close()
            raise
        self.socket = self.relay.clear

    def send(self, method: str, target: str, body: Body, headers: Mapping[str, str]) -> None:
        """One request. When the other side stops listening while the body is being sent, its
        answer says why: that is no error here.
        """
        self.used = True
        head = {"Host": self.authority, "User-Agent": AGENT, **headers}
        if isinstance(body, bytes) or (body is None and method in ("POST", "PUT")):
            head["Content-Length"] = str(len(body or b""))
        elif body is not None:
            head["Transfer-Encoding"] = "chunked"
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in head.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a header")
        written = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if body is None or isinstance(body, bytes):
            self.socket.sendall(written + (body or b""))
            return
        self.socket.sendall(written)
        pieces = iter(body)
        for piece in pieces:
            try:
                self.socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
            except (BrokenPipeError, ConnectionResetError):
                return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(b"0\r\n\r\n")

    def line(self) -> bytes:
        """One line without its end. Raises EOFError, ValueError for one that is too long."""
        line = self.reader.readline(LONGEST_LINE)
        if not line:
            raise EOFError("the connection has ended")
        if not line.endswith(b"\n"):
            raise ValueError("a line without an end")
        return line.rstrip(b"\r\n")

    def hang_up(self) -> None:
        """End both directions, from any thread: whoever reads finds the end."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.relay is not None:
            self.relay.wait()

    def reason(self, error: Exception) -> Exception:
        """Of `error`: what TLS knows about it, if it does."""
        return (self.relay.error if self.relay is not None else None) or error

    def close(self) -> None:
        """Both directions."""
        with contextlib.suppress(OSError):
            self.reader.close()
        self.socket.close()


class Reply:
    """What an engine answers: `status`, `headers` with names in lower case, and a body."""

    def __init__(self, connection: _Connection, method: str, idle: list[_Connection]) -> None:
        self._connection = connection
        self._idle = idle
        self.status, self.headers = _read_head(connection)
        while 100 <= self.status < 200 and self.status != 101:
            self.status, self.headers = _read_head(connection)
        self._pieces = self._body(method)

    def _body(self, method: str) -> Iterator[bytes]:
        """Raises EOFError in a body that is cut, ValueError in one that is none."""
        connection, length = self._connection, self.headers.get("content-length", "")
        if method == "HEAD" or self.status in (204, 304):
            yield from ()
        elif self.status == 101:
            while piece := connection.reader.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
                yield piece
            return
        elif "chunked" in self.headers.get("transfer-encoding", ""):
            yield from _chunks(connection)
        elif length:
            yield from _exactly(connection, _as_length(length))
        else:
            while piece := connection.reader.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
                yield piece
            return
        if self.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._idle.append(connection)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises OnggiError where it is cut."""
        try:
            yield from self._pieces
        except (EOFError, ValueError, OSError) as error:
            self._connection.close()
            raise OnggiError("the engine's answer was cut off") from error

    def read(self) -> bytes:
        """All of it. Raises OnggiError for more than a document can be."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) > LARGEST_DOCUMENT:
                self.close()
                raise OnggiError("the engine's answer was cut off")
        return bytes(found)

    def document(self) -> Any:
        """The body as JSON; None for one that is empty. Raises OnggiError for no JSON."""
        return _as_json(self.read())

    def documents(self) -> Iterator[Any]:
        """A body of one JSON document a line, each as soon as it is there."""
        rest = b""
        for piece in self.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LARGEST_DOCUMENT:
                self.close()
                raise OnggiError("the engine's answer was cut off")
            yield from (_as_json(line) for line in lines if line.strip())
        if rest.strip():
            yield _as_json(rest)

    def take_over(self) -> socket.socket:
        """The connection's socket, to write into after a hijack."""
        return self._connection.socket

    def close(self) -> None:
        """Read no more; a body that was not read to its end takes its connection with it."""
        if next(self._pieces, None) is not None:
            self._connection.close()

    def hang_up(self) -> None:
        """End the connection, from any thread: whoever reads finds its end."""
        self._connection.hang_up()


def _read_head(connection: _Connection) -> tuple[int, dict[str, str]]:
    """Status and headers. Raises EOFError, ValueError."""
    protocol, _, rest = connection.line().partition(b" ")
    status = rest[:3]
    if not protocol.startswith(b"HTTP/1.") or not status.isdigit():
        raise ValueError("no HTTP")
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = connection.line()
        if not line:
            return int(status), headers
        name, colon, text = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("no header")
        headers[name.strip().lower()] = text.strip()
    raise ValueError("too many headers")


def _chunks(connection: _Connection) -> Iterator[bytes]:
    while size := int(connection.line().partition(b";")[0].strip() or b"0", 16):
        if size < 0:
            raise ValueError("a chunk of less than nothing")
        yield from _exactly(connection, size)
        connection.line()
    while connection.line():  # trailers
        pass


def _exactly(connection: _Connection, size: int) -> Iterator[bytes]:
    while size:
        piece = connection.reader.read1(min(size, CHUNK_BYTES))  # type: ignore[attr-defined]
        if not piece:
            raise EOFError("the connection has ended")
        size -= len(piece)
        yield piece


def _as_length(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError("no length")
    return int(text)


def _as_json(data: bytes) -> Any:
    if not data.strip():
        return None
    try:
        return json.loads(data)
    except ValueError as error:
        raise OnggiError(
            "the engine's answer is not what docker's API says: {text}",
            text=data[:200].decode(errors="replace").strip(),
        ) from error


def _connect(address: Address) -> socket.socket:
    """Raises OSError."""
    if address.path:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(address.path)
        except BaseException:
            connection.close()
            raise
        return connection
    connection = socket.create_connection((address.host, address.port), timeout=30)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A follower waits for hours; the kernel notices when nobody is there any more.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection
    except BaseException:
        connection.close()
        raise


def _query(query: Query) -> str:
    """ "?all=1&filters=%7B…%7D", or "" """
    pairs = [
        f"{quoted(name)}={quoted(text)}" for name, value in query.items() for text in _texts(value)
    ]
    return "?" + "&".join(pairs) if pairs else ""


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["1" if value else "0"]
    if isinstance(value, str | int | float):
        return [str(value)]
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [json.dumps(value, separators=(",", ":"))]


def quoted(text: str, *, path: bool = False) -> str:
    """Percent-encoded, for a query or (slashes stay) a path. RFC 3986, 2.1"""
    plain = _IN_PATHS if path else _PLAIN
    data = text.encode(errors="surrogateescape")
    return "".join(chr(code) if code in plain else f"%{code:02X}" for code in data)


def as_filters(filters: Mapping[str, Any] | None) -> dict[str, dict[str, bool]] | None:
    """As the API takes them: {"status": {"exited": true}}; None for none."""
    if not filters:
        return None
    return {
        name: dict.fromkeys([values] if isinstance(values, str) else map(str, values), True)
        for name, values in filters.items()
    }


def as_moment(moment: Any) -> Any:
    """A point in time as the API takes it: seconds since 1970, with nanoseconds."""
    if moment is None:
        return None
    from runtime.engine.moments import as_nanoseconds

    seconds, fraction = divmod(as_nanoseconds(moment, time.time_ns()), 10**9)
    return f"{seconds}.{fraction:09d}"


def pieces_in(data: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """What is to be sent, in pieces."""
    if isinstance(data, bytes):
        yield data
    elif hasattr(data, "read"):
        while piece := data.read(CHUNK_BYTES):
            yield piece
    else:
        yield from data


def refusal(reply: Reply) -> OnggiError:
    """What an answer that is none says, as an error of the kind that its status means."""
    message = ""
    with contextlib.suppress(OnggiError):
        data = reply.read()
        message = data.decode(errors="replace").strip()
        found = _as_json(data)
        message = (
            str(found["message"]) if isinstance(found, dict) and "message" in found else message
        )
    message = message or str(reply.status)
    if reply.status == 404:
        return NotFound("Error response from daemon: {message}", message=message)
    if reply.status == 409:
        return Conflict("Error response from daemon: {message}", message=message)
    if reply.status == 400:
        return InvalidInput("Error response from daemon: {message}", message=message)
    return OnggiError("Error response from daemon: {message}", message=message)


def unreachable(address: Address, error: Exception) -> OnggiError:
    """Nobody answers, or somebody who does not speak HTTP."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OnggiError(
        "no engine answers at {host}: {reason}",
        hint="is it running, and may you speak to it? --host and DOCKER_HOST say where it is",
        host=address.text,
        reason=reason,
    )
