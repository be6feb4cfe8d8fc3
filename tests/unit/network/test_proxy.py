"""The proxy, between sockets of the loopback: bytes, ends, broken connections, datagrams."""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runtime.network import proxy
from runtime.network.ports import Published
from runtime.network.proxy import TcpProxy, UdpProxy, open_socket

PATIENCE_S = 30


class Loop:
    """The keeper's loop in a thread."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.proxies: list[TcpProxy | UdpProxy] = []
        self._going = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while self._going:
            for key, _ in self.selector.select(0.05):
                key.data()
            for each in self.proxies:
                each.look()

    def publish(self, target: int, protocol: str = "tcp", host_ip: str = "127.0.0.1") -> int:
        kept = open_socket(protocol, host_ip, 0)
        port: int = kept.getsockname()[1]
        make = TcpProxy if protocol == "tcp" else UdpProxy
        published = Published("c", "n", protocol, host_ip, port, "127.0.0.1", target)
        self.proxies.append(make(self.selector, kept, published))
        return port

    def go(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._going = False
        self._thread.join(PATIENCE_S)
        for each in self.proxies:
            each.close()
        assert not self.selector.get_map()
        self.selector.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.end()


@contextlib.contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """One connection after the other is given to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(PATIENCE_S)
                        serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=PATIENCE_S)


def everything(connection: socket.socket) -> bytes:
    heard = b""
    while data := connection.recv(1 << 16):
        heard += data
    return heard


@pytest.mark.parametrize("host_ip", ["127.0.0.1", "::1"])
def test_a_half_that_ends_does_not_end_the_other(loop: Loop, host_ip: str) -> None:
    def digest(connection: socket.socket) -> None:
        """Says something only when it has heard everything."""
        connection.sendall(hashlib.sha256(everything(connection)).digest())

    with server(digest) as port:
        front = loop.publish(port, host_ip=host_ip)
        loop.go()
        data = os.urandom(3_000_000)
        with connect(front, host_ip) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == hashlib.sha256(data).digest()


def test_the_server_s_half_ends_first(loop: Loop) -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"that is all")
        connection.shutdown(socket.SHUT_WR)
        heard.append(everything(connection))

    with server(talk) as port:
        front = loop.publish(port)
        loop.go()
        with connect(front) as client:
            assert everything(client) == b"that is all"
            client.sendall(b"but I have more")
    assert heard == [b"but I have more"]


def test_a_slow_reader_loses_nothing(loop: Loop) -> None:
    data = os.urandom(8_000_000)
    with server(lambda connection: connection.sendall(data)) as port:
        front = loop.publish(port)
        loop.go()
        with connect(front) as client:
            time.sleep(0.3)
            assert hashlib.sha256(everything(client)).digest() == hashlib.sha256(data).digest()


def test_a_broken_connection_is_not_an_end(loop: Loop) -> None:
    def break_off(connection: socket.socket) -> None:
        connection.sendall(b"half of it")
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with server(break_off) as port:
        front = loop.publish(port)
        loop.go()
        with connect(front) as client:
            assert client.recv(100) == b"half of it"
            client.send(b"!")
            with pytest.raises(ConnectionResetError):
                everything(client)


def test_nobody_listens_behind_it(loop: Loop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    front = loop.publish(port)
    loop.go()
    # On a busy machine it has been reset before `connect` has returned.
    with pytest.raises(ConnectionResetError), connect(front) as client:
        everything(client)


def test_many_at_once(loop: Loop) -> None:
    with server(lambda connection: connection.sendall(connection.recv(100))) as port:
        front = loop.publish(port)
        loop.go()
        clients = [connect(front) for _ in range(50)]
        for number, client in enumerate(clients):
            client.sendall(str(number).encode())
        for number, client in enumerate(clients):
            assert everything(client) == str(number).encode()
            client.close()


def test_datagrams_find_their_way_back(loop: Loop) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        inside.bind(("127.0.0.1", 0))
        inside.settimeout(PATIENCE_S)
        front = loop.publish(inside.getsockname()[1], "udp", "0.0.0.0")
        loop.go()
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for number, client in enumerate(clients):
            client.settimeout(PATIENCE_S)
            # Connected: an answer from another address than the one that was asked is not taken.
            client.connect((f"127.0.0.{number + 1}", front))
            client.send(b"from %d" % number)
        for _ in clients:
            data, whose = inside.recvfrom(100)
            inside.sendto(data.upper(), whose)
        for number, client in enumerate(clients):
            assert client.recv(100) == b"FROM %d" % number
            client.close()


def test_a_silent_conversation_is_over(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "IDLE_S", 0.2)
    monkeypatch.setattr(proxy, "MOST_CONVERSATIONS", 5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        inside.bind(("127.0.0.1", 0))
        inside.settimeout(PATIENCE_S)
        front = loop.publish(inside.getsockname()[1], "udp")
        loop.go()
        callers = set()
        for _ in range(12):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"?", ("127.0.0.1", front))
                callers.add(inside.recvfrom(10)[1])
        deadline = time.monotonic() + PATIENCE_S
        while len(loop.selector.get_map()) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(loop.selector.get_map()) == 1
        assert len(callers) > 1


def test_a_port_in_use_is_refused_and_a_closed_one_is_free(loop: Loop) -> None:
    kept = open_socket("tcp", "0.0.0.0", 0)
    port = kept.getsockname()[1]
    for host_ip in ("0.0.0.0", "127.0.0.1"):
        with pytest.raises(OSError, match="in use"):
            open_socket("tcp", host_ip, port)
    kept.close()
    open_socket("tcp", "0.0.0.0", port).close()
    loop.go()
