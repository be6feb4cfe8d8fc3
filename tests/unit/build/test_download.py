"""ADD of addresses: a real server on the loopback, and everything it can do wrong."""

from __future__ import annotations

import hashlib
import os
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from runtime.build import web
from runtime.build.cache_directory import clear_unfinished
from runtime.build.download import Downloads
from runtime.build.sources import Source
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError

BODY = b"the file\n"
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(BODY).hexdigest()}"
NAMED = 'attachment; filename="../../n.txt"'
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; tells the test what it was asked."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("If-None-Match", "")))
        match self.path.partition("?")[0]:
            case "/moved":
                self.answer(302, {"Location": "/dir/file%20name.txt"})
            case "/to-this-host":
                self.answer(302, {"Location": "file:///etc/passwd"})
            case "/round":
                self.answer(302, {"Location": "/round"})
            case "/short":
                self.answer(200, {"Content-Length": "1000"}, BODY)
            case "/named":
                self.answer(200, {"Content-Disposition": NAMED}, BODY)
            case "/gone":
                self.answer(404, {})
            case "/silent":
                self.server.release.wait(30)
            case "/dir/file%20name.txt" if self.headers.get("If-None-Match") == '"1"':
                self.answer(304, {"ETag": '"1"'})
            case _:
                self.answer(200, {"ETag": '"1"', "Last-Modified": DATE}, self.server.body)

    def answer(self, code: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silently."""


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []
        self.body = BODY
        self.release = threading.Event()

    def address(self, path: str) -> Word:
        text = f"http://127.0.0.1:{self.server_address[1]}{path}"
        return Word(text, Place("Dockerfile", 2, (5, 9), f"ADD {text} /"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.release.set()
        server.shutdown()


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path, largest_bytes=1000)


def read(source: Source) -> bytes:
    with os.fdopen(source.reader.open_file(source.files[0].path), "rb") as file:
        return file.read()


def test_a_file_and_what_is_known_of_it(server: Server, downloads: Downloads) -> None:
    with downloads.fetch(server.address("/moved")) as source:
        assert (source.name, read(source), read(source)) == ("moved", BODY, BODY)
        file = source.files[0]
        assert (file.mode, file.mtime_ns) == (0o600, 1_700_000_000 * 10**9)
        assert file.content == SHA256[7:]
    with downloads.fetch(server.address("/dir/file%20name.txt?query#part")) as source:
        assert source.name == "file name.txt"
    with downloads.fetch(server.address("/named")) as source:
        assert (source.name, source.files[0].mtime_ns) == ("n.txt", 0)
    with downloads.fetch(server.address("/")) as source:
        assert source.name == "download"


def test_it_is_asked_for_and_not_sent_again(server: Server, downloads: Downloads) -> None:
    address = server.address("/dir/file%20name.txt")
    for _ in range(2):
        with downloads.fetch(address) as source:
            assert read(source) == BODY
    assert [tag for _, tag in server.asked] == ["", '"1"']
    ((kept, uses),) = downloads.all().values()
    assert (kept.size_bytes, uses.count) == (len(BODY), 2)


def test_what_has_changed_is_new(server: Server, downloads: Downloads) -> None:
    with downloads.fetch(server.address("/x")) as source:
        server.body = b"another"
        with downloads.fetch(server.address("/x")) as newer:
            assert (read(source), read(newer)) == (BODY, b"another")


@pytest.mark.parametrize("checksum", [SHA256, SHA512])
def test_with_its_checksum_nobody_is_asked_twice(
    server: Server, downloads: Downloads, checksum: str
) -> None:
    for _ in range(2):
        with downloads.fetch(server.address("/x"), checksum) as source:
            assert read(source) == BODY
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("path", "checksum", "reason"),
    [
        ("/x", "sha256:" + "0" * 64, f"its checksum is {SHA256}, not sha256:000"),
        ("/gone", "", "404"),
        ("/short", "", "it ends after 9 of 1000 bytes"),
        ("/round", "", "redirect"),
        ("/to-this-host", "", "Redirection"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(
    server: Server, downloads: Downloads, tmp_path: Path, path: str, checksum: str, reason: str
) -> None:
    with (
        pytest.raises(DockerfileError, match="cannot be downloaded") as caught,
        downloads.fetch(server.address(path), checksum),
    ):
        pass
    assert reason in caught.value.message
    folder = tmp_path / "downloads"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_file_that_is_too_large(server: Server, downloads: Downloads) -> None:
    server.body = b"x" * 1001
    with (
        pytest.raises(DockerfileError, match="more than 1000 bytes"),
        downloads.fetch(server.address("/x")),
    ):
        pass


def test_a_server_that_says_nothing(
    server: Server, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    with (
        pytest.raises(DockerfileError, match="timed out"),
        downloads.fetch(server.address("/silent")),
    ):
        pass


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "http://", "http://a:port/"]
)
def test_only_http_is_spoken(downloads: Downloads, address: str) -> None:
    word = Word(address, Place("Dockerfile", 1, (1, 2), address))
    with pytest.raises(DockerfileError, match="cannot be downloaded"), downloads.fetch(word):
        pass


def test_forgetting(server: Server, downloads: Downloads, tmp_path: Path) -> None:
    with downloads.fetch(server.address("/x")) as source:
        assert [kept.name for kept in downloads.remove().values()] == ["x"]
        assert read(source) == BODY
    assert downloads.all() == {}
    (tmp_path / "downloads" / ".new-x").mkdir()
    clear_unfinished(tmp_path / "downloads")
    assert not list((tmp_path / "downloads").iterdir())
