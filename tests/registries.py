"""Registries for tests: Debian's docker-registry on loopback, a proxy that cuts connections, a
certificate authority of our own, and images to send.
"""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.content.store import ContentStore
from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.layer.compression import decompressed
from runtime.oci.descriptor import CONFIG, LAYER, Descriptor
from runtime.oci.digest import DiffID
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference

PATIENCE_S = 30

USER, PASSWORD = "learner", "jeotgal 123"
HTPASSWD = "learner:$2y$04$bhdEuT0zWf0raepW6JG.PeFYP/DkBPZNLfr5bD0sUOcifdECjBinO\n"
"""The same as htpasswd (bcrypt) writes it."""


@dataclass(frozen=True)
class RunningRegistry:
    """`host` is as image names have it; `log` holds a line for each request."""

    host: str
    port: int
    log: Path

    def requests(self, *methods: str) -> list[str]:
        """`METHOD /path` of every request so far that has one of the methods."""
        lines = self.log.read_text(errors="replace").splitlines()
        quoted = [
            line.split('"')[1] for line in lines if line.count('"') >= 2 and " HTTP/1." in line
        ]
        requests = [line.rpartition(" ")[0] for line in quoted]
        return [each for each in requests if each.split(" ")[0] in methods]


@contextlib.contextmanager
def running_registry(
    place: Path,
    *,
    password: bool = False,
    certificate: Path | None = None,
    data: Path | None = None,
    within: Sequence[str] = (),
) -> Iterator[RunningRegistry]:
    """docker-registry from when it answers until it has ended; what it has lies in `place`.

    With `data` it shows what lies there instead, maybe beside another one. With `certificate` (a
    folder of `certificates`) it speaks TLS. `within` is a command that starts it somewhere else,
    such as in another network namespace.
    """
    place.mkdir(exist_ok=True)
    port = free_port()
    lines = [
        "version: 0.1",
        f"storage: {{filesystem: {{rootdirectory: {data or place / 'data'}}}}}",
        "http:",
        f"  addr: 127.0.0.1:{port}",
    ]
    if certificate:
        lines += [
            f"  tls: {{certificate: {certificate}/host.crt, key: {certificate}/host.key}}",
        ]
    if password:
        (place / "htpasswd").write_text(HTPASSWD)
        lines.append(f"auth: {{htpasswd: {{realm: test, path: {place}/htpasswd}}}}")
    (place / "config.yml").write_text("\n".join(lines) + "\n")
    log = place / "log"
    with log.open("wb") as out:
        command = [*within, "docker-registry", "serve", str(place / "config.yml")]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        if within:
            _wait_until(lambda: b"listening on" in log.read_bytes(), process, log)
        else:
            _wait_until(lambda: answers(port), process, log)
        yield RunningRegistry(f"127.0.0.1:{port}", port, log)
    finally:
        process.kill()
        process.wait()


def _wait_until(condition, process, log) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def free_port() -> int:
    """A port of this host that nobody listens at just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def certificates(place: Path) -> Path:
    """A folder with ca.crt, and host.crt with host.key for 127.0.0.1, signed by it."""
    place.mkdir(exist_ok=True)
    (place / "extensions").write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    commands = [
        ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test CA"],
        ["req", *curve, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=127.0.0.1"],
        [
            *("x509", "-req", "-in", "host.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", "host.crt", "-days", "2", "-extfile", "extensions"),
        ],
    ]
    for command in commands:
        subprocess.run(["openssl", *command], cwd=place, check=True, capture_output=True)
    return place


class CuttingProxy:
    """Passes connections on to a port of this host, and cuts each of the first `cuts` after a
    number of bytes that `seed` decides: `with CuttingProxy(port, 50, seed) as proxy`.
    """

    def __init__(self, target: int, cuts: int, seed: int, most_bytes: int = 1 << 18) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._left = cuts
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.cut = 0

    def __enter__(self) -> CuttingProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._close(self._listener)
        for sock in self._sockets:
            self._close(sock)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, function, *arguments) -> None:  # type: ignore[no-untyped-def]
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                pair = _Pair(near, far, self._allowance())
                self._start(self._pass_on, pair, near, far)
                self._start(self._pass_on, pair, far, near)

    def _allowance(self) -> int | None:
        """How many bytes, of both directions, the next connection may carry."""
        with self._lock:
            if self._left == 0:
                return None
            self._left -= 1
            return self._random.randrange(1, self._most_bytes)

    def _pass_on(self, pair: _Pair, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                allowed = pair.allow(len(data))
                target.sendall(data[:allowed])
                if allowed < len(data):
                    with self._lock:
                        self.cut += 1
                    break
        for sock in (pair.near, pair.far):
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


class SlowProxy(CuttingProxy):
    """Cuts nothing, and passes on so many bytes a second of each connection."""

    def __init__(self, target: int, bytes_per_s: int) -> None:
        super().__init__(target, 0, 0)
        self._bytes_per_s = bytes_per_s

    def _pass_on(self, pair: _Pair, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                target.sendall(data)
                time.sleep(len(data) / self._bytes_per_s)
        for sock in (pair.near, pair.far):
            self._close(sock)


class _Pair:
    def __init__(self, near: socket.socket, far: socket.socket, left: int | None) -> None:
        self.near, self.far = near, far
        self._left = left
        self._lock = threading.Lock()

    def allow(self, count: int) -> int:
        """How many of `count` bytes may pass."""
        if self._left is None:
            return count
        with self._lock:
            allowed = min(count, self._left)
            self._left -= allowed
            return allowed


def image_of(engine: Engine, name: str, *layers: bytes, architecture: str = "amd64") -> Image:
    """An image of ours whose layers are not even tars: a registry does not look into them."""
    content = ContentStore(engine.root)
    found = [Descriptor(LAYER, content.add(layer), len(layer)) for layer in layers]
    diff_ids = tuple(DiffID(layer.digest) for layer in found)
    config = ImageConfig(architecture, "linux", diff_ids=diff_ids).to_bytes()
    manifest = Manifest(Descriptor(CONFIG, content.add(config), len(config)), tuple(found))
    engine.images.names.point(Reference.parse(name), content.add(manifest.to_bytes()))
    return engine.images.get(name)


def contents(engine: Engine, image: Image) -> list[bytes]:
    """The image's layers without compression."""
    found = []
    for layer in image.manifest.layers:
        with engine.images.content.open(layer.digest) as blob:
            found.append(decompressed(blob).read())
    return found
