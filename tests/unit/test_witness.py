"""The witness hears what is wrong, and lets everything through as it is."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from witness import Conversation, Witness, judge, read, witnessed

PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
NETWORKS = b"GET /v1.41/networks HTTP/1.1\r\nHost: docker\r\n\r\n"


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def verdict(asked: bytes, answered: bytes, *, ended: bool = False) -> list[str]:
    heard = Conversation(bytearray(asked), bytearray(answered), ended)
    return [problem for each in read(heard) for problem in judge(each)]


def test_what_is_as_defined_passes() -> None:
    assert verdict(PING + NETWORKS, answer(b"OK", "text/plain") + answer(b"[]")) == []


def test_every_answer_of_a_connection_is_looked_at() -> None:
    bad = answer(json.dumps([{"Name": 7}]).encode())
    assert verdict(PING + NETWORKS, answer(b"OK", "text/plain") + bad) == [
        "$[0].Name 7 is not of type 'string'"
    ]


@pytest.mark.parametrize(
    ("request_line", "answered", "problem"),
    [
        ("GET /networks", answer(b"[]", "text/plain"), "type 'text/plain'"),
        ("GET /networks", answer(b"["), "not JSON"),
        ("GET /networks", answer(b'[{"Created": "today"}]'), "is not a 'dateTime'"),
        ("GET /networks", answer(b"{}", status="404 Not Found"), "the status 404"),
        ("GET /networks/a/b", answer(b"{}", status="404 Not Found"), "'message' is a required"),
        ("POST /auth", answer(b"{}"), "'Status' is a required"),
        ("GET /nothing", answer(b"{}"), "there is no such operation"),
        ("GET /events", answer(b'{"Type": "weather"}\n'), "'weather' is not one of"),
        ("POST /containers/a/start", answer(b"", status="201 Created"), "the status 201"),
        ("HEAD /_ping", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n", "the status 201"),
    ],
)
def test_what_is_wrong_is_told(request_line: str, answered: bytes, problem: str) -> None:
    (told,) = verdict(f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), answered)
    assert problem in told


def test_a_stream_that_its_reader_has_left_counts_line_by_line() -> None:
    asked = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    good = b'{"Type": "volume"}\n'
    lines = head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (good, good, b'{"Ty'))
    assert verdict(asked, lines) == []
    (told,) = verdict(asked, lines.replace(b"volume", b"weathr", 1))
    assert told.startswith("$.Type 'weathr' is not one of")


def test_nothing_is_read_into_what_a_container_says() -> None:
    asked = b"POST /exec/a/start HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    asked += b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n{}any bytes"
    answered = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    answered += b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nHTTP/1.1 999 \r\n"
    heard = Conversation(bytearray(asked), bytearray(answered), True)
    assert [(each.target, each.status) for each in read(heard)] == [("/exec/a/start", 101)]
    assert verdict(asked, answered) == []


@contextlib.contextmanager
def talker(place: Path) -> Iterator[list[bytes]]:
    """An engine that hears everything to its end, then answers."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(100):
                    heard.append(data)
                connection.sendall(b"all heard")

        thread = threading.Thread(target=talk)
        thread.start()
        yield heard
        thread.join(10)
        assert not thread.is_alive()


def test_half_an_end_goes_through(tmp_path: Path) -> None:
    """Who has said all he has to say may still listen."""
    with talker(tmp_path / "engine") as heard:
        witness = Witness(tmp_path / "witness", tmp_path / "engine")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(witness.socket))
            client.sendall(b"a" * 1000)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b"all heard"
            assert client.recv(100) == b""
        witness.close()
    assert b"".join(heard) == b"a" * 1000


def test_who_hangs_up_is_gone_on_the_other_side_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "engine"))
        listener.listen()
        witness = Witness(tmp_path / "witness", tmp_path / "engine")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(witness.socket))
            connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(1) == b""
            with pytest.raises(OSError, match=r"Broken pipe|reset"):
                while True:
                    connection.sendall(b"is anybody there?")
        witness.close()


def test_the_test_fails_at_its_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "engine"))
        listener.listen()
        with (
            pytest.raises(AssertionError, match=r"GET /v1\.41/networks → 200: \$ .* 'array'"),
            witnessed(tmp_path / "engine") as witness,
            socket.socket(socket.AF_UNIX) as client,
        ):
            client.connect(str(witness.socket))
            client.sendall(NETWORKS)
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer(b"{}"))
                assert client.recv(10_000)
