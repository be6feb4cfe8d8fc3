"""Our own registry server, started for a test and ended with it.

with running_registry(tmp_path, "--delete") as registry:
    registry.ask("GET", "/v2/").status
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.oci.descriptor import CONFIG, LAYER, MANIFEST
from runtime.oci.digest import Digest

PATIENCE_S = 60
IMPATIENT = """
import sys
from runtime.cli.main import main
from runtime.registry.server import http
http.PATIENCE_S = float(sys.argv[1])
sys.exit(main(sys.argv[2:]))
"""
"""The server's command with another patience than ours: `python -c IMPATIENT seconds …`"""


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
    def code(self) -> str:
        """The code of a refusal, whose body must have the specification's one shape."""
        (entry,) = self.json["errors"]
        assert set(entry) <= {"code", "message", "detail"} and re.fullmatch(
            "[A-Z_]+", entry["code"]
        )
        return str(entry["code"])


@dataclass
class OwnRegistry:
    """A server that runs, and a plain HTTP client for it."""

    port: int
    process: subprocess.Popen[str]
    log: Path
    root: Path
    tls: ssl.SSLContext | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where others find it."""
        return f"127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """A connection, for who wants to misuse it."""
        if self.tls:
            return http.client.HTTPSConnection(
                "localhost", self.port, timeout=PATIENCE_S, context=self.tls
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request on a connection of its own; `_` in a header's name is written `-`."""
        connection = self.connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {**self.headers, **named})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def push_blob(self, name: str, data: bytes) -> Digest:
        """In one request."""
        digest = Digest.of(data)
        reply = self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", data)
        assert reply.status == 201, reply
        return digest

    def push_image(self, name: str, tag: str, layer: bytes = b"layer", **members: Any) -> Digest:
        """An image with one layer; `members` go into the manifest. The manifest's digest."""
        config = b"{}"
        self.push_blob(name, config)
        self.push_blob(name, layer)
        data = image_manifest(config, layer, **members)
        reply = self.ask("PUT", f"/v2/{name}/manifests/{tag}", data, Content_Type=MANIFEST)
        assert reply.status == 201, reply
        return Digest.of(data)

    def requests(self) -> list[dict[str, Any]]:
        """The access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def image_manifest(config: bytes, *layers: bytes, **members: Any) -> bytes:
    """A manifest of the OCI's kind."""
    described = [
        {"mediaType": kind, "digest": Digest.of(data), "size": len(data)}
        for kind, data in ((CONFIG, config), *((LAYER, layer) for layer in layers))
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described[0],
        "layers": described[1:],
    }
    return json.dumps(document | members).encode()


@contextlib.contextmanager
def running_registry(
    place: Path,
    *flags: str | Path,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
    within: str = "",
    patience_s: float | None = None,
) -> Iterator[OwnRegistry]:
    """The server, with its state in `place`, from when it answers until it has ended; `within`
    another network namespace (a file), and with other `patience_s` for its clients.
    """
    log = place / "access.log"
    command = ["nsenter", f"--net={within}"] if within else []
    impatient = ["-c", IMPATIENT, str(patience_s)]
    command += [sys.executable, *(impatient if patience_s else ["-m", "runtime.cli.main"])]
    command += ["registry", "serve"]
    command += ["--addr", f"127.0.0.1:{port}", "--storage", str(place / "registry")]
    command += ["--access-log", str(log), *map(str, flags)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines: queue.Queue[str] = queue.Queue()
    reading = threading.Thread(target=_read_lines, args=(process, lines))
    reading.start()
    try:
        said = ""
        while (found := re.search(r"https?://\S+:(\d+)", said)) is None:
            said = lines.get(timeout=PATIENCE_S)
            assert said, f"the server has ended: {process.wait(PATIENCE_S)}"
        yield OwnRegistry(int(found[1]), process, log, place / "registry", tls)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            reading.join(PATIENCE_S)


def _read_lines(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.put(line)
    lines.put("")
    process.stderr.close()
