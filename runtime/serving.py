"""Serving HTTP: what our servers, the engine's API and the registry, have in common.

    ending = Ending()                                    SIGTERM and SIGINT, from now on
    async with running(Connections(handle, refuse, …)) as runner:
        await web.TCPSite(runner, …).start()
        await ending.come()

`handle` answers requests. Malformed ones, and those at which `handle` itself failed, are answered
by `refuse`, so that every word that leaves a server is its own.

Rule: nothing of what requests are about. aiohttp's import takes longer than most commands; so only
those that serve import this. RFC 9112
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong

GOODBYE_S = 10.0
"""How long requests under way may take when a server is told to end."""

Refuse = Callable[[int, str], web.Response]
"""An answer from a status and a sentence."""


class Ending:
    """The signals that end a server. Who is told before it answers finishes what it has begun, so
    that a socket's file, for example, is taken away again.
    """

    def __init__(self) -> None:
        self._is_told = False
        self._wake: Callable[[], object] = lambda: None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.tell())

    def tell(self) -> None:
        """End. A signal's handler calls this, in the middle of whatever goes on."""
        self._is_told = True
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._wake()

    async def come(self) -> None:
        """Wait for it."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(told.set)
        if not self._is_told:
            await told.wait()


class Connections(web.Server):
    """A server's connections. `patience_s` is how long a client may take for a request's headers.
    With `ends_with_client` a handler is cancelled when nobody waits for its answer any more.
    `options` are aiohttp's.
    """

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        refuse: Refuse,
        patience_s: float,
        *,
        ends_with_client: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(handle, handler_cancellation=ends_with_client)
        self._refuse = refuse
        self._options = {"access_log": None, "keepalive_timeout": patience_s, **options}

    def __call__(self) -> web.RequestHandler:
        """For a connection that has just been made."""
        return _Connection(self, self._refuse, **self._options)


class _Connection(web.RequestHandler):
    """One of them; aiohttp's own words are replaced."""

    __slots__ = ("_refuse",)

    def __init__(self, server: Connections, refuse: Refuse, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What cannot be read, or was not answered. The connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of another answer has been sent")
        if isinstance(exc, LineTooLong):
            response = self._refuse(431, "a line of the request is too long")
        elif isinstance(exc, HttpProcessingError):
            response = self._refuse(status, "this is no HTTP request")
        else:
            traceback.print_exception(exc)
            response = self._refuse(status, "the server made a mistake")
        response.force_close()
        return response


@contextlib.asynccontextmanager
async def running(connections: Connections) -> AsyncIterator[web.ServerRunner]:
    """What sockets are given to. At the end requests under way are waited for, for a while."""
    runner = web.ServerRunner(connections, shutdown_timeout=GOODBYE_S)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()


def target(request: web.BaseRequest) -> tuple[str, str]:
    """Path and query as they were sent: aiohttp's own reading would resolve `..`."""
    path, _, query = request.raw_path.partition("?")
    if path.startswith(("http://", "https://")):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query


async def next_piece(content: StreamReader) -> bytes:
    """What has come of a body; b"" at its end. Raises ConnectionResetError when it is cut off."""
    try:
        return await content.readany()
    except OSError:
        raise
    except Exception as cause:  # aiohttp's own kinds of a broken body
        raise ConnectionResetError("the body is cut off, or no HTTP") from cause


def whole(
    request: web.BaseRequest,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    size: int | None = None,
) -> web.Response:
    """An answer that is sent at once; of one to HEAD only how long its body would be: `size`, where
    nobody made it.
    """
    if request.method == "HEAD":
        length = str(len(body) if size is None else size)
        return web.Response(status=status, headers={**headers, "Content-Length": length})
    return web.Response(status=status, headers=headers, body=body or None)
