"""Our API server, started for a test and ended with it; and the plainest client for it.

with serving(socket, "--group", "root") as server:
    ask(server.host, "GET", "/version").json["ApiVersion"]
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
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


def wait_until(condition: Callable[[], object]) -> None:
    """Raises AssertionError when it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def half_done(root: Path) -> list[str]:
    """What a build or a pull under way has on the disk."""
    return [
        str(path)
        for folder in ("builds", "ingest", "snapshots")
        for path in (root / folder).glob("*")
        if folder != "snapshots" or "-" in path.name or path.name.startswith(".")
    ]


def sleepers(mark: str) -> list[str]:
    """The processes whose command line has this in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def context(**files: str) -> bytes:
    """A tar; `Dockerfile` among the names."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


@contextlib.contextmanager
def request(host: str, head: str, body: bytes = b"") -> Iterator[socket.socket]:
    """A connection with the beginning of a request; it hangs up at the end of the block."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        client.connect(host.removeprefix("unix://"))
        client.sendall(f"{head}\r\nHost: docker\r\n".encode() + b"Content-Type: x\r\n")
        client.sendall(body)
        yield client


def length(body: bytes) -> bytes:
    """A body with its header before it."""
    return b"Content-Length: %d\r\n\r\n" % len(body) + body
