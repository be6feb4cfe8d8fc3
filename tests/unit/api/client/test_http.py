"""The client's HTTP: what it sends, what it believes, and what it does with what it does not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.api.client.address import parse_address
from runtime.api.client.http import LONGEST_LINE, Transport, quoted
from runtime.api.client.images import RemoteImages
from runtime.errors import Conflict, InvalidInput, NotFound, OnggiError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n"


class Peer:
    """Answers each connection's requests, one after the other, with what it was told to say."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.heard: list[bytes] = []
        self.connections = 0
        self._script: list[list[bytes]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen()

    def say(self, *connections: list[bytes]) -> Transport:
        """A transport to a peer that answers so; after the last answer it hangs up."""
        self._script = [*connections]
        threading.Thread(target=self._serve, daemon=True).start()
        return Transport(parse_address(f"unix://{self.place}"))

    def _serve(self) -> None:
        for answers in self._script:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the test is over
                return
            self.connections += 1
            with connection:
                for answer in answers:
                    self.heard.append(self._request(connection))
                    with contextlib.suppress(OSError):  # who was shocked has hung up
                        connection.sendall(answer)

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(1 << 16)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        chunked = b"transfer-encoding: chunked" in head.lower()
        while len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n")):
            body += connection.recv(1 << 16)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(tmp_path / "s")
    yield peer
    peer.close()


def answer(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_the_version_that_both_know_is_asked_for_once(peer: Peer) -> None:
    transport = peer.say([PING, answer(b"[1]"), answer(b"[2]")])
    assert transport.tell("GET", "/containers/json", {"all": True, "x": None}) == [1]
    assert transport.tell("GET", "/info") == [2]
    lines = [heard.partition(b"\r\n")[0] for heard in peer.heard]
    assert lines == [
        b"HEAD /_ping HTTP/1.1",
        b"GET /v1.41/containers/json?all=1 HTTP/1.1",
        b"GET /v1.41/info HTTP/1.1",
    ]
    assert peer.connections == 1


def test_a_version_may_be_wished(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "1.30")
    assert peer.say([answer(b"{}")]).tell("GET", "/info") == {}
    assert peer.heard[0].startswith(b"GET /v1.30/info ")


def test_a_body_in_chunks_ends_with_an_empty_one(peer: Peer) -> None:
    chunks = CHUNKED + b"3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nA: b\r\n\r\n"
    transport = peer.say([PING, chunks, answer(b"3")])
    assert transport.tell("GET", "/a") == [1, 2]
    assert transport.tell("GET", "/b") == 3
    assert peer.connections == 1


def test_a_body_without_a_length_ends_with_the_connection(peer: Peer) -> None:
    transport = peer.say([PING, b"HTTP/1.0 200 OK\r\n\r\n[1]"])
    assert transport.tell("GET", "/a") == [1]


def test_who_has_hung_up_meanwhile_is_called_again(peer: Peer) -> None:
    transport = peer.say([PING, answer(b"1")], [answer(b"2")])
    assert (transport.tell("GET", "/a"), transport.tell("GET", "/b")) == (1, 2)
    assert peer.connections == 2


def test_lines_come_one_by_one(peer: Peer) -> None:
    chunks = CHUNKED + b'5\r\n{"a":\r\n8\r\n1}\n{"b":\r\n'
    chunks += b"2\r\n2}\r\n0\r\n\r\n"
    reply = peer.say([PING, chunks]).request("GET", "/events")
    assert list(reply.documents()) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", NotFound),
        ("409 Conflict", Conflict),
        ("400 Bad Request", InvalidInput),
        ("500 Internal Server Error", OnggiError),
    ],
)
def test_a_refusal_says_what_the_engine_says(
    peer: Peer, status: str, kind: type[OnggiError]
) -> None:
    transport = peer.say([PING, answer(b'{"message":"no {such} thing"}', status=status)])
    with pytest.raises(kind) as caught:
        transport.tell("GET", "/a")
    assert type(caught.value) is kind
    assert str(caught.value) == "Error response from daemon: no {such} thing"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1]",
        CHUNKED + b"5\r\n[1]",
        CHUNKED + b"-5\r\n[1]",
        CHUNKED + b"many\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1,",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * LONGEST_LINE + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_what_is_no_answer_is_an_error_and_no_traceback(peer: Peer, said: bytes) -> None:
    with pytest.raises(OnggiError):
        peer.say([PING, said], []).tell("GET", "/a")


def test_a_header_cannot_be_smuggled_in(peer: Peer) -> None:
    transport = peer.say([PING])
    with pytest.raises(OnggiError):
        transport.request("GET", "/a", headers={"X": "1\r\nY: 2"})


def test_an_engine_that_refuses_a_body_while_it_comes_is_heard(peer: Peer) -> None:
    refused = answer(b'{"message":"too much"}', status="400 Bad Request")

    def pieces() -> Iterator[bytes]:
        yield b"a" * 1000
        yield b""
        yield b"b"

    transport = peer.say([PING, refused])
    with pytest.raises(InvalidInput, match="too much"):
        transport.request("PUT", "/a", body=pieces())
    assert peer.heard[1].endswith(b"3e8\r\n" + b"a" * 1000 + b"\r\n1\r\nb\r\n0\r\n\r\n")


def test_a_hijacked_connection_has_two_directions_and_half_closes(tmp_path: Path) -> None:
    place = tmp_path / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(PING)
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst ")
            heard = b""
            while piece := connection.recv(1 << 16):
                heard += piece
            connection.sendall(heard.upper())

    threading.Thread(target=serve, daemon=True).start()
    reply, connection = Transport(parse_address(f"unix://{place}")).hijack("/attach")
    connection.sendall(b"typed")
    connection.shutdown(socket.SHUT_WR)
    assert reply.read() == b"first TYPED"
    listener.close()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(OnggiError, match="no engine answers at unix:///") as caught:
        Transport(parse_address(f"unix://{tmp_path}/nobody")).tell("GET", "/info")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "is_path", "written"),
    [
        ("a b&c=ü", False, "a%20b%26c%3D%C3%BC"),
        ("127.0.0.1:5000/team/app", True, "127.0.0.1:5000/team/app"),
        ("a?b#c%d", True, "a%3Fb%23c%25d"),
        ("../x", False, "..%2Fx"),
    ],
)
def test_percent_encoding(text: str, is_path: bool, written: str) -> None:
    assert quoted(text, path=is_path) == written


def test_a_push_is_announced_once(peer: Peer) -> None:
    lines = b"".join(
        b'{"status":"%b"}\r\n' % text
        for text in (b"The push refers to repository [x.example/app]", b"Pushed")
    )
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(lines), lines)
    told: list[str] = []
    images = RemoteImages(peer.say([PING, answer]))
    images.push("x.example/app", progress=lambda each: told.append(each.status))
    assert told == ["Pushed"], "the command has said the other, as it does of its own engine"
