"""Our API server, started for a test and ended with it; and the plainest client for it.

with serving(socket, "--group", "root") as server:
    ask(server.host, "GET", "/version").json["ApiVersion"]
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 60


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, understood."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        return str(self.json["message"])


@dataclass
class Served:
    """A server that runs."""

    host: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    """The lines of its stderr."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, patience_s: float = PATIENCE_S) -> None:
        super().__init__("docker", timeout=patience_s)
        self._path = path

    def connect(self) -> None:
        """To the file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(host: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """One request on a connection of its own; a body that is not bytes is sent as JSON. `_` in a
    header's name is written `-`.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        named.setdefault("Content-Type", "application/json")
    connection = UnixConnection(host.removeprefix("unix://"))
    with contextlib.closing(connection):
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())


@contextlib.contextmanager
def serving(path: Path, *flags: str, env: dict[str, str] | None = None) -> Iterator[Served]:
    """`onggi serve` on a unix socket, for the state directory of ONGGI_ROOT."""
    host = f"unix://{path}"
    line = [sys.executable, "-m", "runtime.cli.main", "serve", "-H", host, *flags]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=env)
    server = Served(host, process)
    ready = threading.Event()

    def listen() -> None:
        assert process.stderr is not None
        for text in process.stderr:
            server.said.append(text)
            if host in text:
                ready.set()
        ready.set()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        assert ready.wait(PATIENCE_S) and any(host in text for text in server.said), server.said
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()
            listening.join(PATIENCE_S)
            assert process.stderr is not None
            process.stderr.close()
