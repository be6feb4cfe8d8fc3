"""The API's server against clients that are slow, rude, or no clients at all."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.api.call import LARGEST_DOCUMENT, Settings
from runtime.api.http import Limits, Server
from runtime.api.sockets import Listener
from runtime.engine import Engine

pytestmark = pytest.mark.needs("root")

PATIENCE_S = 60
LIMITS = Limits(header_s=1, body_s=1)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server that waits a second where others wait minutes."""
    place = tmp_path_factory.mktemp("api")
    listener = Listener.open(f"unix://{place}/socket")
    server = Server(Engine(place / "root"), Settings(), LIMITS)
    ready, end = threading.Event(), threading.Event()

    async def ended() -> None:
        await asyncio.to_thread(end.wait)

    running = threading.Thread(target=lambda: asyncio.run(server.run([listener], ready.set, ended)))
    running.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield place / "socket"
    finally:
        end.set()
        running.join(PATIENCE_S)
        listener.close()


@contextlib.contextmanager
def connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        client.connect(str(path))
        yield client


def heard(client: socket.socket) -> bytes:
    """All until the server hangs up."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(1 << 16):
            data += piece
    return data


def answer(client: socket.socket) -> tuple[int, str]:
    """Status and message of a refusal, of which every word is ours."""
    reply = http.client.HTTPResponse(client)
    reply.begin()
    body = reply.read()
    assert reply.headers["Server"].startswith("Onggi/")
    assert b"aiohttp" not in (body + bytes(reply.headers)).lower()
    assert reply.headers["Content-Type"] == "application/json"
    return reply.status, json.loads(body)["message"]


HEAD = "HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("rubbish\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),  # TLS, where none is spoken
        ("GET /_ping HTTP/9\r\n\r\n", 400),
        ("GET /_ping HTTP/1.1\r\nno header\r\n\r\n", 400),
        ("GET /_ping HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (f"GET http://[ {HEAD}\r\n", 400),
        (f"POST /build {HEAD}Content-Length: x\r\n\r\n", 400),
        (f"POST /build {HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (f"POST /build {HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
        (f"POST /volumes/create {HEAD}Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400),
        (f"GET /{'x' * 100_000} {HEAD}\r\n", 431),
        (f"GET /_ping {HEAD}X: {'x' * 100_000}\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused_in_our_own_words(
    impatient: Path, said: str, status: int
) -> None:
    with connected(impatient) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(said.encode("latin-1"))
        assert answer(client)[0] == status


@pytest.mark.parametrize("said", ["", f"GET /_ping {HEAD}", f"GET /_ping {HEAD}\r\n"])
def test_a_silent_connection_is_closed(impatient: Path, said: str) -> None:
    """Before a request, within its headers, and behind it."""
    with connected(impatient) as client:
        client.sendall(said.encode())
        assert heard(client).startswith(b"HTTP/1.1 200") == said.endswith("\r\n\r\n")


def test_headers_that_drip_are_no_sign_of_life(impatient: Path) -> None:
    with connected(impatient) as client:
        client.sendall(f"GET /_ping {HEAD}X: ".encode())
        end = time.monotonic() + PATIENCE_S
        with contextlib.suppress(ConnectionError):
            while True:
                client.sendall(b"x")
                time.sleep(LIMITS.header_s / 10)
                assert time.monotonic() < end


@pytest.mark.parametrize("path", ["/volumes/create", "/build", "/images/load"])
@pytest.mark.parametrize("kind", ["Content-Length: 9", "Transfer-Encoding: chunked"])
def test_a_body_that_stands_still_is_refused(impatient: Path, path: str, kind: str) -> None:
    with connected(impatient) as client:
        client.sendall(
            f"POST {path} {HEAD}Content-Type: application/json\r\n{kind}\r\n\r\n".encode()
        )
        status, message = answer(client)
    assert (status, message) == (408, "the body stands still for too long")


def test_a_document_has_an_end(impatient: Path) -> None:
    with connected(impatient) as client:
        client.sendall(f"POST /volumes/create {HEAD}Content-Length: {1 << 40}\r\n\r\n{{".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * LARGEST_DOCUMENT >> 20):
                client.sendall(b" " * (1 << 20))
        assert answer(client) == (413, f"the body has more than {LARGEST_DOCUMENT} bytes")
