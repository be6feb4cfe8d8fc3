"""A witness: stands between a client and an engine's socket, and checks every answer.

    with witnessed(Path("/…/docker.sock")) as witness:
        docker("-H", f"unix://{witness.socket}", "network", "ls")
    # fails with what was not as docker's own definition of its API says

It passes bytes on as they come, in both directions, ends included, and knows nothing of what
they mean: so a client speaks to the engine as it would alone. What it has heard is read
afterwards, by h11, and held against the schemas (tests/spec/docker_api.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import select
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import h11

LONGEST_HEAD = 1 << 20
HEARD_BYTES = 64 << 20
"""Of one connection; what comes after that passes unheard."""

RAW = ("application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream")
"""Answers after which a connection may belong to a container."""


@dataclass
class Conversation:
    """What was said over one connection."""

    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """By the engine."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came of it. The body may be incomplete: who asked for it has gone."""

    method: str
    target: str
    status: int
    kind: str
    body: bytes
    complete: bool

    def __str__(self) -> str:
        return f"{self.method} {self.target} → {self.status}"


class Witness:
    """Listens at `socket`, speaks to `engine`."""

    def __init__(self, place: Path, engine: Path) -> None:
        self.socket = place
        self._engine = str(engine)
        self._conversations: list[Conversation] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Nobody is let in any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def exchanges(self) -> Iterator[Exchange]:
        """Everything that was asked and answered until now."""
        for each in list(self._conversations):
            yield from read(each)

    def problems(self) -> list[str]:
        """Every answer that is not as it should be, once."""
        found = (
            f"{each.method} {each.target.partition('?')[0]} → {each.status}: {problem}"
            for each in self.exchanges()
            for problem in judge(each)
        )
        return list(dict.fromkeys(found))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                conversation = Conversation()
                self._conversations.append(conversation)
                _start(self._pass_on, client, conversation)

    def _pass_on(self, client: socket.socket, heard: Conversation) -> None:
        """One connection, from its first to its last byte."""
        with client, socket.socket(socket.AF_UNIX) as engine:
            with contextlib.suppress(OSError):
                engine.connect(self._engine)
            answers = _start(_carry_answers, engine, client, heard)
            _carry(client, engine, heard.asked)
            _end(engine, socket.SHUT_WR)
            _wait_for_hang_up(client)
            _end(engine, socket.SHUT_RDWR)
            answers.join()


def _start(work: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


def _carry_answers(engine: socket.socket, client: socket.socket, heard: Conversation) -> None:
    heard.ended = _carry(engine, client, heard.answered)
    _end(client, socket.SHUT_RDWR)


def _carry(source: socket.socket, target: socket.socket, notes: bytearray) -> bool:
    """Pass on what comes, until nothing comes (True), or nobody wants it."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if len(notes) < HEARD_BYTES:
                notes += data
            target.sendall(data)
        return True
    return False


def _wait_for_hang_up(client: socket.socket) -> None:
    """It has said all it had to say; it may still listen."""
    poll = select.poll()
    poll.register(client, 0)
    poll.poll()


def _end(end: socket.socket, ways: int) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(ways)


@contextlib.contextmanager
def witnessed(engine: Path) -> Iterator[Witness]:
    """A witness before that socket. Raises AssertionError at the end, with all it has to say."""
    with tempfile.TemporaryDirectory(prefix="onggi-witness-") as folder:
        witness = Witness(Path(folder, "docker.sock"), engine)
        try:
            yield witness
        finally:
            witness.close()
        problems = witness.problems()
        assert not problems, "\n  ".join(["answers unlike docker's definition:", *problems])


def judge(exchange: Exchange) -> list[str]:
    """What is wrong with an answer."""
    api = docker_api()
    endpoint = api.find(exchange.method, exchange.target)
    if endpoint is None:
        is_refusal = exchange.status in (400, 404, 405, 501)
        return [] if is_refusal else ["there is no such operation, and it was not refused"]
    status, body = exchange.status, exchange.body
    if status == 101 or exchange.kind.startswith(RAW) or exchange.method == "HEAD":
        return list(api.status_problems(endpoint, status))
    if not exchange.complete and endpoint.id not in api.LINES:
        return []
    return list(api.problems(endpoint, status, exchange.kind, body))


def read(conversation: Conversation) -> Iterator[Exchange]:
    """The requests and answers in it, in their order, up to where it belongs to a container."""
    engine = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    engine.receive_data(bytes(conversation.asked))
    client.receive_data(bytes(conversation.answered))
    if conversation.ended:
        client.receive_data(b"")
    while (request := _request(engine)) is not None:
        answer = _answer(client, request)
        if answer is None:
            return
        yield answer
        if answer.status == 101 or answer.kind.startswith(RAW) or not answer.complete:
            return
        try:
            engine.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            engine.send(h11.EndOfMessage())
            engine.start_next_cycle()
            client.start_next_cycle()
        except h11.LocalProtocolError:  # one of them said that it was the last
            return


def _request(engine: h11.Connection) -> h11.Request | None:
    """The next one, if it is complete enough to be answered."""
    request = None
    while True:
        event = engine.next_event()
        if isinstance(event, h11.Request):
            request = event
        elif not isinstance(event, h11.Data):
            return request


def _answer(client: h11.Connection, request: h11.Request) -> Exchange | None:
    """What the engine said to it; None if nothing."""
    told = [(b"Host", b"x")]
    told += [pair for pair in request.headers if pair[0] in (b"connection", b"upgrade")]
    method = "GET" if request.method == b"CONNECT" else request.method
    client.send(h11.Request(method=method, target=request.target, headers=told))
    client.send(h11.EndOfMessage())
    head: h11.Response | h11.InformationalResponse | None = None
    body, complete = bytearray(), False
    with contextlib.suppress(h11.RemoteProtocolError):
        while True:
            event = client.next_event()
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                head, complete = event, True
                break
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, h11.InformationalResponse):
                complete = isinstance(event, h11.EndOfMessage)
                break
    if head is None:
        return None
    kind = dict(head.headers).get(b"content-type", b"")
    return Exchange(
        request.method.decode(),
        request.target.decode(),
        head.status_code,
        kind.decode(),
        bytes(body),
        complete,
    )


def docker_api() -> ModuleType:
    """The definition: tests/spec is no package, so it is found by its file."""
    if (known := sys.modules.get("docker_api")) is not None:
        return known
    place = Path(__file__).parent / "spec" / "docker_api.py"
    spec = importlib.util.spec_from_file_location("docker_api", place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["docker_api"] = module
    spec.loader.exec_module(module)
    return module
