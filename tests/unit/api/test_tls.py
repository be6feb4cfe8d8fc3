"""TLS's end: halves are closed one by one, and nobody comes in without a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lessons_lib.certificates import write_certificate
from runtime.api.sockets import Listener
from runtime.api.tls import Relay, context_of
from runtime.errors import Conflict, InvalidInput

Pair = tuple[Path, Path]
PATIENCE_S = 30


class Echo(asyncio.Protocol):
    """Says everything again, once the other side has finished, and that it has."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def eof_received(self) -> bool:
        self.transport.write(self.heard + b" and goodbye")
        self.transport.close()
        return True


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair, Pair]:
    """The server's, a client's, a stranger's."""
    folders = [tmp_path_factory.mktemp(name) for name in ("server", "client", "stranger")]
    server, client, stranger = (write_certificate(folder) for folder in folders)
    return server, client, stranger


@contextmanager
def listening(server: Pair, client: Pair) -> Iterator[int]:
    """Echo behind TLS; its port."""
    loop = asyncio.new_event_loop()
    context = context_of(client[0], *server)
    opened = loop.run_until_complete(
        loop.create_server(lambda: Relay(context, Echo), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield opened.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(opened.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()


class Client:
    """TLS by hand, so that a half can be closed."""

    def __init__(self, port: int, server: Pair, own: Pair | None) -> None:
        context = ssl.create_default_context(cafile=server[0])
        if own:
            context.load_cert_chain(*own)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._go_on(self._tls.do_handshake)

    def _go_on(self, step: object) -> bytes | None:
        assert callable(step)
        while True:
            try:
                done: bytes | None = step()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                data = self._socket.recv(1 << 16)
                if not data:
                    self._incoming.write_eof()
                self._incoming.write(data)
                continue
            self._socket.sendall(self._outgoing.read())
            return done

    def say(self, data: bytes) -> None:
        self._tls.write(data)
        self._socket.sendall(self._outgoing.read())

    def say_no_more(self) -> None:
        """close_notify, and no more than that."""
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._socket.sendall(self._outgoing.read())

    def hear(self) -> bytes:
        heard = b""
        while True:
            try:
                data = self._go_on(lambda: self._tls.read(1 << 16))
            except ssl.SSLZeroReturnError:
                return heard
            if not data:
                return heard
            heard += data

    def close(self) -> None:
        self._socket.close()


def test_who_has_finished_goes_on_listening(certificates: tuple[Pair, Pair, Pair]) -> None:
    server, own, _ = certificates
    said = b"0123456789abcdef" * 20_000
    with listening(server, own) as port:
        client = Client(port, server, own)
        client.say(said)
        client.say_no_more()
        assert client.hear() == said + b" and goodbye"
        client.close()


@pytest.mark.parametrize("who", ["nobody", "a stranger"])
def test_without_a_known_certificate_nothing_is_heard(
    certificates: tuple[Pair, Pair, Pair], who: str
) -> None:
    server, own, stranger = certificates
    with listening(server, own) as port, pytest.raises((ssl.SSLError, OSError)):
        # In TLS 1.3 a client hears only afterwards that it is not wanted.
        client = Client(port, server, stranger if who == "a stranger" else None)
        client.say(b"let me in")
        client.say_no_more()
        assert client.hear() == b"never"


def test_what_is_no_tls_is_hung_up_on(certificates: tuple[Pair, Pair, Pair]) -> None:
    server, own, _ = certificates
    with (
        listening(server, own) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
    ):
        plain.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while data := plain.recv(100):
                heard += data
        assert b"HTTP" not in heard


@pytest.mark.parametrize(
    "address",
    [
        "",
        "unix://",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://localhost:x",
        "tcp://example.org:1",
        "x://y",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="not an address"):
        Listener.open(address, plain_loopback=True)


def test_tcp_without_tls_is_for_this_host_alone_and_when_asked_for() -> None:
    for address, plain in (("tcp://127.0.0.1:0", False), ("tcp://0.0.0.0:0", True)):
        with pytest.raises(InvalidInput, match="needs TLS"):
            Listener.open(address, plain_loopback=plain)
    listener = Listener.open("tcp://127.0.0.1:0", plain_loopback=True)
    listener.close()


def test_a_socket_file_is_never_open_to_everybody(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))  # its file stays
    listener = Listener.open(f"unix://{path}", group="no such group")
    assert path.is_socket() and path.stat().st_mode & 0o777 == 0o660
    assert [each.name for each in tmp_path.iterdir()] == ["s.sock"]
    listener.close()
    assert not path.exists()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("kept")
    with pytest.raises(Conflict, match="is no socket"):
        Listener.open(f"unix://{path}")
    assert path.read_text() == "kept"
