"""The API on a socket: what every endpoint has in common."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from docker_host import PATIENCE_S, ask, wait_until

from runtime.api.http import LONG_CALLS, SHORT_CALLS
from runtime.engine import Engine

IMAGE = "onggi/base"


def test_ping_says_what_is_spoken(docker_host: str) -> None:
    for method in ("GET", "HEAD"):
        reply = ask(docker_host, method, "/_ping")
        assert reply.status == 200 and reply.headers["Api-Version"] == "1.47"
        assert reply.body == (b"OK" if method == "GET" else b"")


@pytest.mark.parametrize(
    ("version", "status", "words"),
    [("1.24", 200, ""), ("1.47", 200, ""), ("1.23", 400, "too old"), ("1.99", 400, "too new")],
)
def test_versions(docker_host: str, version: str, status: int, words: str) -> None:
    reply = ask(docker_host, "GET", f"/v{version}/containers/json")
    assert reply.status == status
    assert not words or words in reply.message


def test_a_container_from_start_to_stop(engine: Engine, docker_host: str) -> None:
    container = engine.containers.create(IMAGE, ["sleep", "60"], name="web", stop_signal="SIGKILL")
    assert ask(docker_host, "GET", "/containers/json").json == []
    assert ask(docker_host, "POST", "/v1.47/containers/web/start").status == 204
    assert ask(docker_host, "POST", "/v1.47/containers/web/start").status == 304
    (listed,) = ask(docker_host, "GET", "/containers/json").json
    assert listed["Id"] == container.id and listed["State"] == "running"
    assert ask(docker_host, "GET", "/containers/web/json").json["State"]["Running"]
    assert ask(docker_host, "POST", "/containers/web/stop?t=x").status == 400
    assert ask(docker_host, "POST", "/containers/web/stop").status == 204
    assert ask(docker_host, "POST", "/containers/web/stop").status == 304


def test_refusals_are_dockers(docker_host: str) -> None:
    missing = ask(docker_host, "GET", "/containers/nobody/json")
    assert missing.status == 404 and missing.message == "No such container: nobody"
    nowhere = ask(docker_host, "GET", "/nowhere")
    assert nowhere.status == 404 and nowhere.message == "page not found"


def test_bodies_that_stand_still_hold_up_nobody(unwatched_host: str) -> None:
    """More of them than there are threads for short calls, and for long ones."""
    head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    paths = {"/volumes/create": SHORT_CALLS + 1, "/containers/create": LONG_CALLS + 1, "/build": 9}
    with contextlib.ExitStack() as silent:
        for path, count in paths.items():
            for _ in range(count):
                client = silent.enter_context(socket.socket(socket.AF_UNIX))
                client.connect(unwatched_host.removeprefix("unix://"))
                client.sendall(f"POST {path} HTTP/1.1\r\n{head}".encode())
        assert ask(unwatched_host, "GET", "/volumes").json["Volumes"] == []
        assert ask(unwatched_host, "GET", "/info").status == 200


def test_a_number_without_end_is_no_version(unwatched_host: str) -> None:
    assert ask(unwatched_host, "GET", f"/v{'9' * 5000}.1/_ping").status == 404


@pytest.mark.parametrize("remote", ["/etc", "../etc", "file:///etc", "ext::sh -c true", "-x"])
def test_a_client_names_no_directory_of_this_host(unwatched_host: str, remote: str) -> None:
    reply = ask(unwatched_host, "POST", f"/build?remote={quote(remote)}", b"")
    assert reply.status == 400 and "not an address to build from" in reply.message


def test_who_is_told_to_end_before_it_answers_leaves_no_file(state_root: Path) -> None:
    path = state_root / "s"
    line = [sys.executable, "-m", "runtime.cli.main", "serve", "-H", f"unix://{path}", "-G", "root"]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as server:
        wait_until(path.exists)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
    assert [each.name for each in state_root.iterdir() if each.is_socket()] == []
