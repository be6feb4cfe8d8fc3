"""A peer for tests of the registry client: a web server that answers what a test tells it to."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from runtime.oci.descriptor import CONFIG, LAYER_GZIP, MANIFEST, Descriptor
from runtime.oci.digest import DiffID, Digest
from runtime.oci.image import ImageConfig, Manifest

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request. An answer may use all of it, down to the socket."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:  # http.server's name
        peer = self.server.peer
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        peer.requests.append((self.command, self.path, dict(self.headers)))
        key = self.path.partition("?")[0]
        answer = peer.answers.get(f"{self.command} {key}") or peer.answers.get(key)
        if answer is None:
            self.say(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
        else:
            with contextlib.suppress(OSError):
                answer(self)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; `Content_Type` is a header's name here."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    peer: Peer

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what is tested."""


@dataclass
class Peer:
    """`answers`: by path, or by method and path. `over` is set when it is to end."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """As image names have it."""
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def running_peer() -> Iterator[Peer]:
    """It listens on loopback, and says 200 to /v2/."""
    server = Server(("127.0.0.1", 0), Handler)
    peer = Peer(server.server_address[1])
    server.peer = peer
    peer.answers["/v2/"] = lambda handler: handler.say(200, b"{}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield peer
    finally:
        peer.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Offer:
    """An image of one layer as a registry offers it: every part can be replaced by a lie."""

    name: str = "app"
    tar: bytes = b"no tar, but nobody looks into it" * 500
    layer: bytes = b""
    members: dict[str, Any] = field(default_factory=dict)  # of the manifest: added or replaced
    content_type: str = MANIFEST

    def __post_init__(self) -> None:
        self.layer = self.layer or gzip.compress(self.tar, mtime=0)
        self.config = ImageConfig(
            "amd64", "linux", diff_ids=(DiffID(Digest.of(self.tar)),)
        ).to_bytes()

    def descriptor(self, media_type: str, data: bytes) -> Descriptor:
        return Descriptor(media_type, Digest.of(data), len(data))

    @property
    def manifest(self) -> bytes:
        """Its manifest, with the lies."""
        manifest = Manifest(
            self.descriptor(CONFIG, self.config), (self.descriptor(LAYER_GZIP, self.layer),)
        )
        return json.dumps({**json.loads(manifest.to_bytes()), **self.members}).encode()

    def serve(self, peer: Peer) -> None:
        """Let the peer answer as a registry does that has it as `latest`."""
        manifest = self.manifest
        for reference in ("latest", Digest.of(manifest)):
            peer.answers[f"/v2/{self.name}/manifests/{reference}"] = whole(
                manifest, Content_Type=self.content_type
            )
        for data in (self.config, self.layer):
            peer.answers[self.blob(data)] = whole(data)

    def blob(self, data: bytes) -> str:
        """The path of a blob."""
        return f"/v2/{self.name}/blobs/{Digest.of(data)}"


def whole(data: bytes, **headers: str) -> Answer:
    """Answer with the data, or the part of it that is asked for."""

    def answer(handler: Handler) -> None:
        wanted = handler.headers.get("Range", "")
        if not wanted:
            handler.say(200, data, **headers)
            return
        first = int(wanted.removeprefix("bytes=").partition("-")[0])
        part = f"bytes {first}-{len(data) - 1}/{len(data)}"
        handler.say(206, data[first:], Content_Range=part, **headers)

    return answer


def said(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Always the same."""
    return lambda handler: handler.say(status, body, **headers)


def in_turn(*answers: Answer) -> Answer:
    """One after the other; the last one for ever."""
    left = list(answers)
    lock = threading.Lock()

    def answer(handler: Handler) -> None:
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(handler)

    return answer
