"""The API's sockets: HTTP requests in, answers out, by aiohttp.

    request ──▶ Call ──handler, in a thread of a pool──▶ Answer ──▶ the wire

The event loop never waits for the engine, and no thread waits for a client that only listens, or
has not yet sent what it wants. Handlers run in one of three pools, for short calls, long work and
uploads, so that a hundred builds and stops do not keep `docker ps` waiting, nor uploads that stand
still a stop; what is followed costs no thread (following.py).

Rule: the only module of the API that imports aiohttp, and only `onggi serve` imports this one. What
it shares with the registry's server is another's business (runtime/serving.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from runtime.api import errors, hijack, routes
from runtime.api.answers import (
    NDJSON,
    Answer,
    Archive,
    Document,
    Empty,
    Followed,
    Hijacked,
    Lines,
    Text,
)
from runtime.api.call import LARGEST_DOCUMENT, NEWEST, OLDEST, Call, Settings, Version
from runtime.api.errors import Refused
from runtime.api.following import follow, readable
from runtime.api.sockets import BACKLOG, Listener
from runtime.api.text import as_line, spoken
from runtime.api.tls import Relay
from runtime.engine import Engine
from runtime.engine.engine import version
from runtime.errors import OnggiError
from runtime.registry.server.answers import Headers
from runtime.serving import Connections, Ending, next_piece, running, target, whole

SHORT_CALLS = 16
LONG_CALLS = 128
UPLOADS = 128
"""Threads at most: so many calls are carried out at once, others wait for their turn."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a slow client may cost. `header_s`: how long it may take for a request's headers;
    `body_s`: how long a body may stand still, as people type into what they pipe here.
    """

    header_s: float = 60.0
    body_s: float = 600.0


class Server:
    """An engine at some sockets."""

    def __init__(self, engine: Engine, settings: Settings, limits: Limits) -> None:
        self._engine = engine
        self._settings = settings
        self._limits = limits
        self._short = ThreadPoolExecutor(SHORT_CALLS, "short")
        self._long = ThreadPoolExecutor(LONG_CALLS, "long")
        self._uploads = ThreadPoolExecutor(UPLOADS, "upload")
        self._listeners: set[asyncio.Task[Any]] = set()
        self._always = {
            "Api-Version": spoken(NEWEST),
            "Docker-Experimental": "false",
            "Ostype": "linux",
            "Server": f"Onggi/{version()} (linux)",
        }
        routes.load()

    async def run(
        self,
        listeners: Iterable[Listener],
        ready: Callable[[], None],
        ending: Callable[[], Awaitable[None]],
    ) -> None:
        """Serve on these until `ending` is over. `ready` is called when it answers."""
        connections = Connections(
            self._handle,
            self._refuse,
            self._limits.header_s,
            ends_with_client=True,
            auto_decompress=False,
        )
        try:
            async with running(connections) as runner:
                for each in listeners:
                    await _listen(each, runner, connections)
                listening = asyncio.create_task(self._hear())
                ready()
                await ending()
                for task in (listening, *self._listeners):  # who only listens is not waited for
                    task.cancel()
        finally:
            for pool in (self._short, self._long, self._uploads):
                pool.shutdown(wait=False, cancel_futures=True)

    async def _hear(self) -> None:
        """Hand on what happens to those who wait for it."""
        loop, watch = asyncio.get_running_loop(), self._engine.watch
        while True:
            await readable(watch.fileno())
            await loop.run_in_executor(self._short, watch.hear)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request. When the client goes away meanwhile this is cancelled."""
        link = _Link(request, self._long, self._limits.body_s)
        try:
            answer = await self._answer(request, link)
            return await self._send(request, answer, link)
        finally:
            link.broken = True

    async def _answer(self, request: web.BaseRequest, link: _Link) -> Answer:
        """What the handler of the request says, or why there is none."""
        try:
            if "Origin" in request.headers:
                raise Refused(403, "web pages may not speak to the engine")
            path, query = target(request)
            asked, path = _version(path)
            found = routes.find(request.method, path)
            if found is None:
                return _nobody(request.method, path)
            route, names = found
            if route.uploads:
                link.pool, pieces = self._uploads, link.pieces
            else:
                pieces = (await link.document()).__iter__
            call = Call(
                engine=self._engine,
                method=request.method,
                path=path,
                names=names,
                query=parse_qs(query, keep_blank_values=True),
                headers=Headers(request.headers.items()),
                version=asked,
                settings=self._settings,
                pieces=pieces,
                gone=lambda: link.broken,
            )
            return await self._in_pool(route, call, link)
        except OnggiError as error:
            return _refusal(error)
        except ConnectionError as error:
            return _cut_off(error)

    async def _in_pool(self, route: routes.Route, call: Call, link: _Link) -> Answer:
        pool = link.pool if route.long or route.uploads else self._short
        future = asyncio.get_running_loop().run_in_executor(pool, _carried_out, route, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:  # the thread goes on; what it opens, nobody will hear
            future.add_done_callback(lambda done: _discard(done.result()))
            raise

    async def _send(
        self, request: web.BaseRequest, answer: Answer, link: _Link
    ) -> web.StreamResponse:
        match answer:
            case Document(value, status, headers):
                return self._whole(request, status, headers, as_line(value), NDJSON)
            case Text(text, status, kind, headers):
                return self._whole(request, status, headers, text.encode(), kind)
            case Empty(status, headers):
                return self._whole(request, status, headers, b"", "")
            case Lines(documents, status):
                return await self._lines(request, iter(documents), status, link)
            case Archive(pieces, headers, kind):
                begun = await self._begin(request, 200, headers, kind)
                await self._pour(begun, iter(pieces), link)
                return begun
            case Followed(source, kind):
                with contextlib.closing(source), self._listener():
                    begun = await self._begin(request, 200, {}, kind)
                    await follow(source, begun.write, self._short)
                return begun
            case Hijacked(conversation):
                with contextlib.closing(conversation), self._listener():
                    await hijack.converse(_taken(request), answer, self._short)
                return _Taken()

    @contextlib.contextmanager
    def _listener(self) -> Iterator[None]:
        """This task listens, perhaps for ever."""
        task = asyncio.current_task()
        assert task is not None, "asked by a task"
        self._listeners.add(task)
        try:
            yield
        finally:
            self._listeners.discard(task)

    def _whole(
        self,
        request: web.BaseRequest,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        kind: str,
    ) -> web.Response:
        named = {**self._always, **headers} | ({"Content-Type": kind} if kind else {})
        return whole(request, status, named, body)

    def _refuse(self, status: int, sentence: str) -> web.Response:
        """What was no call."""
        body = as_line({"message": sentence})
        headers = {**self._always, "Content-Type": NDJSON}
        return web.Response(status=status, headers=headers, body=body)

    async def _begin(
        self, request: web.BaseRequest, status: int, headers: Mapping[str, str], kind: str
    ) -> web.StreamResponse:
        """Send the headers of an answer that comes in pieces."""
        named = {**self._always, **headers, "Content-Type": kind}
        response = web.StreamResponse(status=status, headers=named)
        await response.prepare(request)
        return response

    async def _lines(
        self, request: web.BaseRequest, documents: Iterator[Any], status: int, link: _Link
    ) -> web.StreamResponse:
        """The first one is waited for: until then the answer may still be a refusal."""
        loop = asyncio.get_running_loop()
        taking = loop.run_in_executor(link.pool, lambda: list(_first(documents)))
        try:
            first = await asyncio.shield(taking)
        except OnggiError as error:
            return await self._send(request, _refusal(error), link)
        except asyncio.CancelledError:  # the thread goes on; when it is back, its work is ended
            taking.add_done_callback(lambda done: self._end(done, documents))
            raise
        begun = await self._begin(request, status, {}, NDJSON)
        await self._pour(begun, _as_lines(first, documents), link)
        return begun

    def _end(self, taken: asyncio.Future[Any], documents: Iterator[Any]) -> None:
        """Nobody will hear what has been taken, and nobody wants more of it."""
        if not taken.cancelled():
            taken.exception()  # so that nobody misses it
        with contextlib.suppress(RuntimeError):  # the server ends, and its pools have
            self._long.submit(_close, documents)

    async def _pour(
        self, response: web.StreamResponse, pieces: Iterator[bytes], link: _Link
    ) -> None:
        """Send what a thread makes, at the client's speed."""
        loop = asyncio.get_running_loop()

        def pour() -> None:
            try:
                for piece in pieces:
                    if link.broken:
                        return
                    asyncio.run_coroutine_threadsafe(response.write(piece), loop).result()
            finally:
                _close(pieces)

        with contextlib.suppress(ConnectionError):
            await loop.run_in_executor(link.pool, pour)


async def _listen(listener: Listener, runner: web.ServerRunner, connections: Connections) -> None:
    """Serve at this socket, too."""
    if listener.tls is None:
        await web.SockSite(runner, listener.socket, backlog=BACKLOG).start()
        return
    loop, context = asyncio.get_running_loop(), listener.tls
    await loop.create_server(
        lambda: Relay(context, connections), sock=listener.socket, backlog=BACKLOG
    )


class _Link:
    """A client's connection, as a thread uses it."""

    def __init__(
        self, request: web.BaseRequest, pool: ThreadPoolExecutor, patience_s: float
    ) -> None:
        self._request = request
        self._patience_s = patience_s
        self.pool = pool
        """Where the threads are that may wait for this client."""
        self._loop = asyncio.get_running_loop()
        self.broken = False

    def pieces(self) -> Iterator[bytes]:
        """The request's body."""
        while piece := asyncio.run_coroutine_threadsafe(self._piece(), self._loop).result():
            yield piece

    async def document(self) -> list[bytes]:
        """The same of a body that is a document: all of it, or more than a document may have."""
        pieces: list[bytes] = []
        while sum(map(len, pieces)) <= LARGEST_DOCUMENT and (piece := await self._piece()):
            pieces.append(piece)
        return pieces

    async def _piece(self) -> bytes:
        request = self._request
        expects = request.headers.get("Expect", "").lower() == "100-continue"
        if expects and request.transport and not request.content.total_bytes:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(self._patience_s):
                return await next_piece(request.content)
        except TimeoutError as cause:
            raise Refused(408, "the body stands still for too long") from cause


class _Taken(web.StreamResponse):
    """The answer of a connection that is not HTTP's any more: nothing is sent."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing."""
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing."""


def _taken(request: web.BaseRequest) -> hijack.Connection:
    """The connection of a request, which has ceased to be HTTP's."""
    http, transport = request.protocol, request.transport
    if transport is None:
        raise ConnectionResetError("the client went away")
    unread, http._message_tail = http._message_tail, b""
    upgraded = "Upgrade" in request.headers
    return hijack.Connection(transport, unread, upgraded, lambda: http.connection_lost(None))


def _carried_out(route: routes.Route, call: Call) -> Answer:
    """Call a handler; whatever it raises is an answer."""
    try:
        return route.handler(call)
    except OnggiError as error:
        return _refusal(error)
    except ConnectionError as error:
        return _cut_off(error)
    except Exception as error:  # noqa: BLE001 (one request must not end the server)
        traceback.print_exc()
        return Document({"message": f"the engine made a mistake: {error!r}"}, 500)


def _cut_off(error: ConnectionError) -> Document:
    return Document({"message": f"the client went away: {error}"}, 400)


def _refusal(error: OnggiError) -> Document:
    status = errors.status_of(error)
    if status == 500:
        print(f"onggi serve: {error}", file=sys.stderr, flush=True)
    return Document(errors.document_of(error), status)


def _nobody(method: str, path: str) -> Document:
    refused = routes.why_not(method, path)
    if refused is None:
        return Document({"message": "page not found"}, 404)
    template, reason = refused
    return Document({"message": f"{method} {template} is not implemented: {reason}"}, 501)


def _version(path: str) -> tuple[Version, str]:
    """The version that a path begins with, and the rest. Raises Refused for one that is not
    spoken here.
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    found = re.fullmatch(r"v(\d{1,9})\.(\d{1,9})", first, re.ASCII)
    if found is None:
        return NEWEST, path
    asked = int(found[1]), int(found[2])
    if asked < OLDEST:
        raise Refused(
            400,
            "client version {asked} is too old. Minimum supported API version is {known}, "
            "please upgrade your client to a newer version",
            asked=spoken(asked),
            known=spoken(OLDEST),
        )
    if asked > NEWEST:
        raise Refused(
            400,
            "client version {asked} is too new. Maximum supported API version is {known}",
            asked=spoken(asked),
            known=spoken(NEWEST),
        )
    return asked, slash + rest


def _first(documents: Iterator[Any]) -> Iterator[Any]:
    for each in documents:
        yield each
        return


def _as_lines(first: list[Any], rest: Iterator[Any]) -> Iterator[bytes]:
    """JSON, a line each; what is refused on the way is the last one, as clients know it."""
    try:
        yield from map(as_line, chain(first, rest))
    except OnggiError as error:
        yield as_line(errors.line_of(error))
    finally:
        _close(rest)


def _discard(answer: Answer) -> None:
    """Close what nobody will hear."""
    for name in ("source", "conversation", "documents", "pieces"):
        if hasattr(answer, name):
            _close(getattr(answer, name))


def _close(thing: Any) -> None:
    if hasattr(thing, "close"):
        thing.close()


def serve(
    engine: Engine,
    settings: Settings,
    listeners: Iterable[Listener],
    ready: Callable[[], None],
    ending: Ending,
) -> None:
    """Serve until `ending`."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # three for each who follows a log

    async def begin() -> None:
        await Server(engine, settings, Limits()).run(listeners, ready, ending.come)

    asyncio.run(begin())
