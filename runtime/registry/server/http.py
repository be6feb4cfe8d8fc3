"""The server's socket: HTTP requests in, answers out, by aiohttp.

It turns a request into an `Asked`, lets `Registry` answer, sends the answer and writes a line
of the access log. What a slow or rude client may cost is decided here: a moment to send its
headers, a least speed for bodies in both directions, and a number of connections.

Rule: the only module of the registry that imports aiohttp, and only `onggi registry serve` imports
this one. What it shares with the API's server is another's business (runtime/serving.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from runtime.errors import InvalidInput, OnggiError
from runtime.registry.messages import API_VERSION, API_VERSION_2, Challenge
from runtime.registry.server.access import AccessLog
from runtime.registry.server.answers import Answer, Asked, FilePart, Headers, Refused
from runtime.registry.server.passwords import Passwords
from runtime.registry.server.registry import Registry
from runtime.serving import Connections, Ending, next_piece, running, target, whole

PIECE_BYTES = 1 << 20
PATIENCE_S = 60.0
"""How long a client may take to send headers, and a piece of a body."""
LEAST_PIECE_BYTES = 60 << 10
"""… of which that much must have come: 1 KiB a second."""
SEND_PATIENCE_S = 300.0
MOST_CONNECTIONS = 1000
REALM = "Onggi registry"
ALWAYS = {
    API_VERSION: API_VERSION_2,
    "X-Content-Type-Options": "nosniff",
    "Server": "onggi",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve. Port 0: any that is free."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    passwords: Path | None = None
    access_log: Path | None = None


class Server:
    """A registry at a socket."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        """Raises InvalidInput: certificate, key or password file cannot be used."""
        self._registry = registry
        self._settings = settings
        self._tls = _tls(settings) if settings.certificate else None
        self._passwords = Passwords(settings.passwords) if settings.passwords else None
        self._log = AccessLog(settings.access_log)
        self._bcrypt = asyncio.Semaphore(2)
        self._connections = Connections(self._handle, _refuse, PATIENCE_S)

    async def run(self, ready: Callable[[str], None], ending: Ending) -> None:
        """Serve until `ending`. `ready` gets the address when it answers.

        Raises OSError: the address cannot be used.
        """
        settings = self._settings
        async with running(self._connections) as runner:
            await web.TCPSite(
                runner, settings.host, settings.port, ssl_context=self._tls, backlog=512
            ).start()
            ready(self._address(runner))
            await ending.come()

    def _address(self, runner: web.ServerRunner) -> str:
        host, port = runner.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        return f"http{'s' if self._tls else ''}://{shown}:{port}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from its headers to its line in the log."""
        begun = time.monotonic()
        counted = _Counted(request)
        user, sent, status = "", 0, 499  # what nginx writes for a client that went away
        try:
            user, answer = await self._decide(request, counted)
            response, sent = await _send(request, answer)
            status = answer.status
            return response
        finally:
            self._log.write(
                client=request.remote or "",
                user=user,
                method=request.method,
                path=request.raw_path,
                status=status,
                received=counted.bytes,
                sent=sent,
                seconds=time.monotonic() - begun,
                agent=request.headers.get("User-Agent", ""),
            )

    async def _decide(self, request: web.BaseRequest, counted: _Counted) -> tuple[str, Answer]:
        """Who asks, and what the answer is."""
        if len(self._connections.connections) > MOST_CONNECTIONS:
            request.protocol.close()
            return "", Refused("TOOMANYREQUESTS", "too many connections", status=503).answer
        try:
            user = await self._admit(request)
            if user is None:
                return "", _unauthorized()
            path, query = target(request)
            asked = Asked(
                request.method,
                query,
                Headers(request.headers.items()),
                counted.pieces,
                _aborter(request),
            )
            return user, await self._registry.answer(path, asked)
        except OnggiError as error:
            print(f"onggi registry: {error}", file=sys.stderr, flush=True)
            full = "no space left" in error.message.lower()
            return "", Refused("UNKNOWN", error.message, status=507 if full else 500).answer
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 (one request must not end the server)
            traceback.print_exc()
            return "", Refused("UNKNOWN", "the registry made a mistake").answer

    async def _admit(self, request: web.BaseRequest) -> str | None:
        """The user's name, "" where everybody may come in, None for a refusal."""
        if self._passwords is None:
            return ""
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        if self._passwords.is_remembered(header):
            return self._passwords.user(header)
        async with self._bcrypt:  # it takes a whole processor for a while
            return await asyncio.to_thread(self._passwords.user, header)


class _Counted:
    """A request's body: in pieces, not too slowly, counted."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._content = request.content
        self.bytes = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Pieces of about PIECE_BYTES. What has come before a connection is cut still counts."""
        while True:
            piece, error = await self._piece()
            self.bytes += len(piece)
            if piece:
                yield piece
            if error is not None:
                raise error
            if not piece:
                return

    async def _piece(self) -> tuple[bytes, Exception | None]:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(PATIENCE_S):
                while size < PIECE_BYTES and (part := await next_piece(self._content)):
                    parts.append(part)
                    size += len(part)
        except TimeoutError:
            if size < LEAST_PIECE_BYTES:
                slow = Refused("BLOB_UPLOAD_INVALID", "the body comes too slowly", status=408)
                return b"".join(parts), slow
        except OSError as error:
            return b"".join(parts), error
        return b"".join(parts), None


async def _send(request: web.BaseRequest, answer: Answer) -> tuple[web.StreamResponse, int]:
    """Send an answer; how many bytes of body went out."""
    headers = {**answer.headers, **ALWAYS}
    if not isinstance(answer.body, FilePart):
        response = whole(request, answer.status, headers, answer.body, answer.size)
        await response.prepare(request)
        await response.write_eof()
        return response, 0 if request.method == "HEAD" else len(answer.body)
    with answer.body.file:
        stream = web.StreamResponse(status=answer.status, headers=headers)
        stream.content_length = answer.size
        await stream.prepare(request)
        await _send_file(request, stream, answer.body)
        await stream.write_eof()
    return stream, answer.size


async def _send_file(request: web.BaseRequest, stream: web.StreamResponse, part: FilePart) -> None:
    """The kernel copies the file to the socket; under TLS it must come through here."""
    loop = asyncio.get_running_loop()
    direct = request.transport is not None and not request.secure
    step = PIECE_BYTES * 4 if direct else PIECE_BYTES // 4
    for start in range(part.start, part.start + part.count, step):
        count = min(step, part.start + part.count - start)
        async with asyncio.timeout(SEND_PATIENCE_S):
            if direct:
                await _sendfile(loop, request, part, start, count)
            else:
                part.file.seek(start)
                await stream.write(part.file.read(count))


async def _sendfile(
    loop: asyncio.AbstractEventLoop,
    request: web.BaseRequest,
    part: FilePart,
    start: int,
    count: int,
) -> None:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client went away")
    sent = await loop.sendfile(transport, part.file, start, count)
    if sent != count:
        raise ConnectionResetError("the file is shorter than its row says")


def _aborter(request: web.BaseRequest) -> Callable[[], None]:
    def abort() -> None:
        if request.transport is not None:
            request.transport.abort()

    return abort


def _refuse(status: int, sentence: str) -> web.Response:
    """What was no request."""
    answer = Refused("UNKNOWN", sentence, status=status).answer
    return web.Response(status=status, headers={**answer.headers, **ALWAYS}, body=answer.body)


def _unauthorized() -> Answer:
    challenge = Challenge("basic", {"realm": REALM, "charset": "UTF-8"})
    return Refused(
        "UNAUTHORIZED",
        "authentication required",
        headers={"WWW-Authenticate": str(challenge)},
    ).answer


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert settings.certificate is not None, "asked for with a certificate"
    try:
        # A key with a passphrase would ask on the terminal.
        context.load_cert_chain(settings.certificate, settings.key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as cause:
        raise InvalidInput(
            "certificate and key cannot be used: {path}: {reason}",
            path=settings.certificate,
            reason=str(cause),
        ) from cause
    return context


def serve(registry: Registry, settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until a signal ends it. Raises InvalidInput, OSError."""
    ending = Ending()

    async def begin() -> None:
        await Server(registry, settings).run(ready, ending)

    with contextlib.closing(registry):
        asyncio.run(begin())
