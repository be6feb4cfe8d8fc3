"""What a registry promises beyond the protocol: it keeps what it acknowledged, lets in whom it
should, removes only garbage, and costs the same however rude its clients are.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest
from own_registry import PATIENCE_S, OwnRegistry, image_manifest, running_registry

from runtime.content.copy import copy_blob
from runtime.content.store import ContentStore
from runtime.errors import CutOff, InvalidInput
from runtime.oci.descriptor import LAYER, MANIFEST, Descriptor
from runtime.oci.digest import Digest
from runtime.registry.client import Registry, Repository
from runtime.registry.server.answers import Asked, Headers, Refused
from runtime.registry.server.garbage import collect
from runtime.registry.server.inventory import Inventory
from runtime.registry.server.passwords import Passwords, htpasswd_line
from runtime.registry.server.uploads import Uploads
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust

HOUR_S = 3600.0


def begin(registry: OwnRegistry, name: str) -> str:
    return registry.ask("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]


# ── Uploads that outlive a server ────────────────────────────────────────────────────────────────


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        place = begin(registry, "app")
        registry.ask("PATCH", place, b"01234", Content_Range="0-4")
    with running_registry(tmp_path) as registry:
        assert registry.ask("GET", place).headers["Range"] == "0-4"
        digest = Digest.of(b"0123456789")
        done = registry.ask("PUT", f"{place}?digest={digest}", b"56789", Content_Range="5-9")
        assert done.status == 201
        assert registry.ask("GET", f"/v2/app/blobs/{digest}").body == b"0123456789"


def test_a_cut_connection_loses_nothing_that_has_arrived(tmp_path: Path) -> None:
    """The client notices first: its next request comes while the server waits for the rest."""
    with running_registry(tmp_path) as registry:
        place = begin(registry, "app")
        data = secrets.token_bytes(3_000_000)
        with socket.create_connection(("127.0.0.1", registry.port)) as connection:
            head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            connection.sendall(head.encode() + data[:2_000_000])
            wait_until(lambda: _has_arrived(registry, 1 << 20))
            # The connection is still open and silent; a second one takes the upload over.
            have = 1 + int(registry.ask("GET", place).headers["Range"].partition("-")[2])
            assert have >= 1 << 20
            reply = registry.ask("PATCH", place, b"", Content_Length="0")
            assert reply.status == 202
            have = 1 + int(reply.headers["Range"].partition("-")[2])
            assert 1 << 20 <= have <= 2_000_000
        digest = Digest.of(data)
        done = registry.ask("PUT", f"{place}?digest={digest}", data[have:])
        assert done.status == 201, done
        assert Digest.of(registry.ask("GET", f"/v2/app/blobs/{digest}").body) == digest


def test_what_arrives_late_does_not_begin_an_upload_again(tmp_path: Path) -> None:
    """Our client asks how much is there while the server still waits for the rest of a piece that
    came by a connection which is broken for the client only.
    """
    data = secrets.token_bytes(3_000_000)
    blob = Descriptor(LAYER, Digest.of(data), len(data))
    offsets: list[int] = []

    class Stubborn:
        """A source whose first connection gives up in the middle."""

        def pieces(self, _blob: Descriptor, offset: int) -> Iterator[bytes]:
            offsets.append(offset)
            if offset == 0:
                (upload,) = (registry.root / "uploads").iterdir()
                path = f"/v2/app/blobs/uploads/{upload.name}"
                head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
                broken.sendall(head.encode() + data[:1_500_000])
                wait_until(lambda: _has_arrived(registry, 1 << 20))
                raise CutOff("{host} is away", host="the network")
            yield data[offset:]

    transport = Transport(Trust(folders=()))
    with (
        running_registry(tmp_path) as registry,
        socket.create_connection(("127.0.0.1", registry.port)) as broken,
        contextlib.closing(transport),
    ):
        repository = Repository(Registry(registry.host, transport), "app", "pull", "push")
        copy_blob(Stubborn(), repository, blob, repository.registry.patience())
        assert Digest.of(registry.ask("GET", f"/v2/app/blobs/{blob.digest}").body) == blob.digest
    assert offsets[0] == 0 and min(offsets[1:]) >= 1 << 20, "it goes on, and is not begun again"


def _has_arrived(registry: OwnRegistry, count: int) -> bool:
    return any(file.stat().st_size >= count for file in (registry.root / "uploads").iterdir())


def test_kill_during_twenty_pushes(tmp_path: Path) -> None:
    """Every acknowledged blob is there after the restart; nothing half-written is served."""
    acknowledged: set[Digest] = set()
    begun: set[Digest] = set()
    enough = threading.Event()

    def push_for_ever(registry: OwnRegistry, number: int) -> None:
        name = f"team/app{number}"
        with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
            while True:
                data = secrets.token_bytes(20_000 + number * 3000)
                digest = Digest.of(data)
                begun.add(digest)
                if number % 2:
                    registry.push_blob(name, data)
                else:
                    place = begin(registry, name)
                    registry.ask("PATCH", place, data)
                    assert registry.ask("PUT", f"{place}?digest={digest}").status == 201
                acknowledged.add(digest)
                if len(acknowledged) >= 40:
                    enough.set()

    with running_registry(tmp_path) as registry, ThreadPoolExecutor(20) as pool:
        for number in range(20):
            pool.submit(push_for_ever, registry, number)
        assert enough.wait(PATIENCE_S)
        registry.process.kill()
    with running_registry(tmp_path) as registry:
        names = registry.ask("GET", "/v2/_catalog").json["repositories"]
        served = set()
        for digest in begun:
            for name in names:
                reply = registry.ask("GET", f"/v2/{name}/blobs/{digest}")
                assert reply.status in (200, 404)
                if reply.status == 200:
                    assert Digest.of(reply.body) == digest
                    served.add(digest)
                    break
        assert acknowledged <= served
        # A file of an upload that nobody can go on with is gone, too.
        content = ContentStore(registry.root)
        assert all(Digest.of(content.read(digest)) == digest for digest in content.digests())


def test_requests_under_way_are_finished_at_the_end(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        data = b"x" * 100_000
        digest = Digest.of(data)
        connection = registry.connect()
        connection.putrequest("POST", f"/v2/app/blobs/uploads/?digest={digest}")
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders()
        connection.send(data[:50_000])
        wait_until(lambda: _has_arrived(registry, 0))
        registry.process.send_signal(signal.SIGTERM)
        connection.send(data[50_000:])
        assert connection.getresponse().status == 201
        connection.close()
        assert registry.process.wait(PATIENCE_S) == 0


def test_one_server_for_one_directory(tmp_path: Path) -> None:
    with (
        running_registry(tmp_path),
        pytest.raises(AssertionError, match="has ended"),
        running_registry(tmp_path),
    ):
        pass


# ── Garbage ──────────────────────────────────────────────────────────────────────────────────────


def test_only_garbage_is_collected(tmp_path: Path) -> None:
    with running_registry(tmp_path, "--delete") as registry:
        registry.push_image("app", "1", layer=b"kept")
        old = registry.push_image("app", "2", layer=b"old")
        orphan = registry.push_blob("app", b"orphan")
        place = begin(registry, "app")
        registry.ask("PATCH", place, b"012")

        assert collect(registry.root, grace_s=HOUR_S).blobs == (), "fresh: somebody may be pushing"
        assert registry.ask("DELETE", f"/v2/app/manifests/{old}").status == 202
        gone = collect(registry.root, grace_s=-HOUR_S)
        assert set(gone.blobs) == {orphan, old, Digest.of(b"old")}
        assert gone.freed_bytes > 0
        assert registry.ask("GET", f"/v2/app/blobs/{Digest.of(b'kept')}").body == b"kept"
        assert registry.ask("GET", f"/v2/app/blobs/{orphan}").status == 404
        digest = Digest.of(b"012345")
        assert registry.ask("PUT", f"{place}?digest={digest}", b"345").status == 201


def test_manifests_without_a_tag_go_when_asked_for(tmp_path: Path) -> None:
    with running_registry(tmp_path, "--delete") as registry:
        kept = registry.push_image("app", "1", layer=b"first")
        registry.push_image("app", "1", layer=b"second")
        about = {"mediaType": MANIFEST, "digest": Digest.of(b"nowhere"), "size": 1}
        registry.push_image("app", "signature", layer=b"third", subject=about)
        registry.ask("DELETE", "/v2/app/manifests/signature")
        assert collect(registry.root, grace_s=-HOUR_S).blobs == (), "a digest is a name, too"
        assert registry.ask("GET", f"/v2/app/manifests/{kept}").status == 200
        gone = collect(registry.root, grace_s=-HOUR_S, untagged=True)
        assert gone.manifests == 2
        assert registry.ask("GET", f"/v2/app/manifests/{kept}").status == 404
        assert registry.ask("GET", "/v2/app/manifests/1").status == 200


def test_whoever_was_told_that_a_blob_is_there_may_rely_on_it(tmp_path: Path) -> None:
    """A client asks, leaves the blob out, and names it in a manifest a while later."""
    with running_registry(tmp_path) as registry:
        layer = registry.push_blob("app", b"layer")
        registry.push_blob("app", b"{}")
        _make_old(registry, Digest.of(b"{}"))
        _make_old(registry, layer)
        assert registry.ask("HEAD", f"/v2/app/blobs/{layer}").status == 200
        assert collect(registry.root).blobs == (Digest.of(b"{}"),)
        assert registry.ask("HEAD", f"/v2/app/blobs/{layer}").status == 200


def _make_old(registry: OwnRegistry, digest: Digest) -> None:
    from runtime.registry.server.inventory import Inventory

    database = Inventory(registry.root).database
    database.change("UPDATE blobs SET seen_ns = 0 WHERE digest = ?", digest)
    database.close()


def test_collecting_while_twenty_push(tmp_path: Path) -> None:
    """No manifest that was acknowledged ever misses a blob."""
    with running_registry(tmp_path) as registry:
        stop = threading.Event()

        def collect_for_ever() -> None:
            pause_s = 0.01
            while not stop.wait(pause_s):
                collect(registry.root, grace_s=0.2)
                pause_s *= 1.2  # so that a slow machine gets through in the end

        def push(number: int) -> str:
            name, layer = f"app{number}", secrets.token_bytes(50_000)
            for _ in range(50):
                registry.push_blob(name, b"{}")
                registry.push_blob(name, layer)
                data = image_manifest(b"{}", layer)
                path = f"/v2/{name}/manifests/1"
                reply = registry.ask("PUT", path, data, Content_Type=MANIFEST)
                if reply.status == 201:
                    return name
                assert reply.code == "MANIFEST_BLOB_UNKNOWN"
            raise AssertionError("it was never fast enough")

        collector = threading.Thread(target=collect_for_ever)
        collector.start()
        try:
            with ThreadPoolExecutor(10) as pool:
                names = list(pool.map(push, range(10)))
        finally:
            stop.set()
            collector.join(PATIENCE_S)
        for name in names:
            manifest = registry.ask("GET", f"/v2/{name}/manifests/1").json
            for each in (manifest["config"], *manifest["layers"]):
                assert registry.ask("HEAD", f"/v2/{name}/blobs/{each['digest']}").status == 200


# ── Passwords ────────────────────────────────────────────────────────────────────────────────────


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_only_who_has_the_password_comes_in(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(htpasswd_line("bori", "옹기-secret", cost=4) + "\n")
    with running_registry(tmp_path, "--htpasswd", file) as registry:
        for path in ("/", "/v2/", "/v2/_catalog", "/v2/app/manifests/1", "/nothing"):
            reply = registry.ask("GET", path)
            assert (reply.status, reply.code) == (401, "UNAUTHORIZED")
            assert reply.headers["WWW-Authenticate"].startswith('Basic realm="')
        for wrong in (
            basic("bori", "wrong"),
            basic("nobody", "옹기-secret"),
            basic("", ""),
            "Basic !!!",
            "Bearer x",
            basic("bori", "옹기-secret\0"),
            basic("bori", "x" * 100),
        ):
            assert registry.ask("GET", "/v2/", Authorization=wrong).status == 401
        right = basic("bori", "옹기-secret")
        for _ in range(2):  # looked up, and remembered
            assert registry.ask("GET", "/v2/", Authorization=right).status == 200
        assert registry.ask("GET", "/v2/", Authorization=basic("bori", "wrong")).status == 401
        assert "secret" not in registry.log.read_text()
        wait_until(lambda: [e.get("user") for e in registry.requests()].count("bori") == 2)


def test_a_changed_password_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(htpasswd_line("bori", "old", cost=4))
    passwords = Passwords(file)
    assert passwords.user(basic("bori", "old")) == "bori"
    file.write_text(htpasswd_line("bori", "new", cost=4) + "\n# comment\n")
    assert not passwords.is_remembered(basic("bori", "old"))
    assert passwords.user(basic("bori", "old")) is None
    assert passwords.user(basic("bori", "new")) == "bori"
    file.write_text("half a li")
    assert passwords.user(basic("bori", "new")) == "bori", "a file being written changes nothing"


def test_an_unknown_user_costs_what_a_known_one_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bcrypt for everybody, whatever the hashes cost; always the same for a name."""
    tried: list[bytes] = []
    real = bcrypt.checkpw

    def check(password: bytes, stored: bytes) -> bool:
        tried.append(stored)
        return real(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    file = tmp_path / "htpasswd"
    lines = [htpasswd_line(f"user{n}", "x", cost=4 + n % 2) for n in range(6)]
    file.write_text("\n".join(lines))
    passwords = Passwords(file)
    for name in ("user1", "ghost", "ghost", "phantom"):
        assert passwords.user(basic(name, "wrong")) is None
    assert len(tried) == 4 and tried[1] == tried[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nobody\n",
        "bori\n",
        "bori:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
        "bori:$apr1$salt$hash\n",
        "bori:$2y$05$short\n",
        ":" + "$2y$05$" + "a" * 53,
        "bori:$2y$31$" + "a" * 53,
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        Passwords(file)


@pytest.mark.parametrize(("user", "password"), [("a:b", "x"), ("", "x"), ("a\n", "x"), ("a", "")])
def test_lines_that_nobody_could_use(user: str, password: str) -> None:
    with pytest.raises(InvalidInput):
        htpasswd_line(user, password)


# ── Rude clients ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    with running_registry(tmp_path_factory.mktemp("rude")) as running:
        yield running


def test_headers_without_an_end(registry: OwnRegistry) -> None:
    with socket.create_connection(("127.0.0.1", registry.port)) as connection:
        connection.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert connection.recv(100).split()[1] == b"431"


@pytest.mark.parametrize("said", [b"rubbish\r\n\r\n", b"GET /v2/ HTTP/1.1\r\nno header\r\n\r\n"])
def test_what_is_no_request(registry: OwnRegistry, said: bytes) -> None:
    """The refusal is the registry's own, to the last word."""
    with socket.create_connection(("127.0.0.1", registry.port)) as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(said)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        (error,) = json.loads(answer.read())["errors"]
    assert (answer.status, error["message"]) == (400, "this is no HTTP request")
    assert answer.headers["Server"] == "onggi"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    """A server that waits two seconds where others wait sixty."""
    place = tmp_path_factory.mktemp("impatient")
    with running_registry(place, patience_s=2) as running:
        yield running


@pytest.mark.parametrize(
    "said", [b"", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_a_silent_connection_is_closed(impatient: OwnRegistry, said: bytes) -> None:
    """Before a request, within its headers, and behind it."""
    with socket.create_connection(("127.0.0.1", impatient.port)) as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(said)
        heard = b""
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(1 << 16):
                heard += data
        assert heard.startswith(b"HTTP/1.1 200") == said.endswith(b"\r\n\r\n")


def test_a_body_that_comes_too_slowly(impatient: OwnRegistry) -> None:
    """It is refused, and what has come of it by then counts."""
    place = begin(impatient, "slow")
    with socket.create_connection(("127.0.0.1", impatient.port)) as connection:
        connection.settimeout(PATIENCE_S)
        head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 100)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 408
        assert b"the body comes too slowly" in answer.read()
    assert impatient.ask("GET", place).headers["Range"] == "0-99"


def test_an_upload_costs_no_memory(registry: OwnRegistry) -> None:
    before = _memory(registry)
    data = os.urandom(1 << 20)
    with ThreadPoolExecutor(4) as pool:
        replies = list(
            pool.map(
                lambda n: registry.ask("PATCH", begin(registry, f"m{n}"), iter([data] * 40)),
                range(4),
            )
        )
    assert [reply.status for reply in replies] == [202] * 4
    assert _memory(registry) - before < 60 << 20, "160 MiB went through"


def _memory(registry: OwnRegistry) -> int:
    """The most that it ever had in memory, in bytes."""
    status = Path(f"/proc/{registry.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def test_uploads_that_clients_make_up_cost_no_memory(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"

    async def make_up(uploads: Uploads) -> None:
        asked = Asked("PATCH", "", Headers(()), body)
        for number in range(100):
            with pytest.raises(Refused, match="no such upload"):
                await uploads.append("app", f"made-up-{number}", asked, lambda _size: None)
            with pytest.raises(Refused, match="no such upload"):
                await uploads.finish("app", f"made-up-{number}", Digest.of(b"x"))

    uploads = Uploads(tmp_path, Inventory(tmp_path))
    asyncio.run(make_up(uploads))
    assert uploads._known == {}


def test_a_line_of_the_log_is_a_line(registry: OwnRegistry) -> None:
    """Whatever the peer calls itself."""
    count = len(registry.requests())
    registry.ask("GET", "/v2/%0a{}", User_Agent='evil"} {"status": 200')
    wait_until(lambda: len(registry.requests()) > count)  # it is written after the answer
    (entry,) = registry.requests()[count:]
    assert (entry["status"], entry["method"], entry["path"]) == (404, "GET", "/v2/%0a{}")
    assert {"time", "client", "received", "sent", "seconds", "agent"} <= set(entry)


# ── The page ─────────────────────────────────────────────────────────────────────────────────────


def test_the_page_speaks_two_languages(registry: OwnRegistry) -> None:
    registry.push_image("page/app", "v1")
    korean = registry.ask("GET", "/", Accept_Language="ko-KR,ko;q=0.9,en;q=0.8")
    english = registry.ask("GET", "/", Accept_Language="fr, en;q=0.5, ko;q=0.1")
    assert korean.headers["Content-Language"] == "ko" and "레지스트리" in korean.body.decode()
    assert english.headers["Content-Language"] == "en" and "page/app" in english.body.decode()
    assert "default-src 'none'" in english.headers["Content-Security-Policy"]
    assert english.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_on_the_page_is_the_pushers_markup(tmp_path: Path) -> None:
    """Names cannot hold any; a Host header can."""
    from runtime.registry.server.answers import Asked, Headers
    from runtime.registry.server.inventory import Inventory
    from runtime.registry.server.page import catalog_page

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    asked = Asked("GET", "", Headers([("Host", "<script>alert(1)</script>")]), nothing)
    body = catalog_page(Inventory(tmp_path), asked).body
    assert isinstance(body, bytes) and b"&lt;script" in body and b"<script" not in body


def wait_until(fulfilled: Callable[[], bool]) -> None:
    """Or fail, much later."""
    deadline = time.monotonic() + PATIENCE_S
    while not fulfilled():
        assert time.monotonic() < deadline
        time.sleep(0.02)
