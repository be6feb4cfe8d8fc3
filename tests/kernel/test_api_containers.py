"""Containers over docker's API: bodies, streams, and who vanishes."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import leftovers
import pytest
from docker_host import (
    Served,
    UnixConnection,
    ask,
    context,
    half_done,
    serving,
    sleepers,
    wait_until,
)

from runtime.engine import Engine

IMAGE = "onggi/base"
QUIET = {"Image": IMAGE, "HostConfig": {"NetworkMode": "none"}}


def create(host: str, *command: str, name: str = "", **members: Any) -> str:
    """A container without a network; its id."""
    body = {**QUIET, "Cmd": list(command), **members}
    reply = ask(host, "POST", f"/containers/create?name={name}", body)
    assert reply.status == 201, reply.body
    return str(reply.json["Id"])


def run(host: str, *command: str, **members: Any) -> str:
    """The same, and it runs."""
    container = create(host, *command, **members)
    assert ask(host, "POST", f"/containers/{container}/start").status == 204
    return container


def unframed(data: bytes) -> dict[int, bytes]:
    """What docker's frames hold, by the stream's number."""
    held: dict[int, bytes] = {}
    while data:
        number, length = struct.unpack(">BxxxL", data[:8])
        held[number] = held.get(number, b"") + data[8 : 8 + length]
        data = data[8 + length :]
    return held


@contextlib.contextmanager
def hijacked(host: str, path: str, body: Any = None) -> Iterator[socket.socket]:
    """A connection that has stopped being HTTP's."""
    connection = UnixConnection(host.removeprefix("unix://"))
    data = json.dumps(body or {}).encode()
    headers = {"Connection": "Upgrade", "Upgrade": "tcp", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        connection.request("POST", path, data, headers)
        sock = connection.sock
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(1)
            assert piece, head
            head += piece
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield sock


def everything(sock: socket.socket) -> bytes:
    """Until the other side has closed its half."""
    data = b""
    while piece := sock.recv(1 << 16):
        data += piece
    return data


def test_attached_before_the_start_nothing_is_missed(docker_host: str) -> None:
    container = create(
        docker_host,
        "sh",
        "-c",
        "cat; echo err >&2; exit 3",
        OpenStdin=True,
        StdinOnce=True,
        AttachStdin=True,
    )
    query = "stream=1&stdin=1&stdout=1&stderr=1"
    with hijacked(docker_host, f"/containers/{container}/attach?{query}") as sock:
        sock.sendall(b"said before it runs\n")
        sock.shutdown(socket.SHUT_WR)
        assert ask(docker_host, "POST", f"/containers/{container}/start").status == 204
        assert unframed(everything(sock)) == {1: b"said before it runs\n", 2: b"err\n"}
    assert ask(docker_host, "POST", f"/containers/{container}/wait").json == {"StatusCode": 3}


def test_what_cannot_start_lets_go_of_who_is_attached(docker_host: str) -> None:
    container = create(docker_host, "nosuch")
    with hijacked(docker_host, f"/containers/{container}/attach?stream=1&stdout=1") as sock:
        refused = ask(docker_host, "POST", f"/containers/{container}/start")
        assert refused.status == 400 and "executable file not found" in refused.message
        assert everything(sock) == b""


def test_keys_leave_a_terminal_and_it_runs_on(docker_host: str) -> None:
    container = run(docker_host, "cat", Tty=True, OpenStdin=True)
    path = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,b"
    with hijacked(docker_host, path) as sock:
        sock.sendall(b"hello\n")
        heard = b""
        while heard.count(b"hello") < 2:  # the echo, and cat's
            heard += sock.recv(100)
        sock.sendall(b"\x01b")
        everything(sock)
    assert ask(docker_host, "GET", f"/containers/{container}/json").json["State"]["Running"]


def test_an_exec_has_its_code_and_its_input(docker_host: str) -> None:
    container = run(docker_host, "sleep", "1000")
    body = {"Cmd": ["sh", "-c", "cat; exit 5"], "AttachStdin": True, "AttachStdout": True}
    made = ask(docker_host, "POST", f"/containers/{container}/exec", body)
    assert made.status == 201
    with hijacked(docker_host, f"/exec/{made.json['Id']}/start", {"Detach": False}) as sock:
        assert ask(docker_host, "GET", f"/exec/{made.json['Id']}/json").json["Running"]
        sock.sendall(b"x" * 50_000)
        sock.shutdown(socket.SHUT_WR)
        assert unframed(everything(sock)) == {1: b"x" * 50_000}
    ended = ask(docker_host, "GET", f"/exec/{made.json['Id']}/json").json
    assert (ended["Running"], ended["ExitCode"], ended["ContainerID"]) == (False, 5, container)
    again = ask(docker_host, "POST", f"/exec/{made.json['Id']}/start", {})
    assert again.status == 409
    assert ask(docker_host, "GET", "/exec/nobody/json").status == 404


def test_a_follower_hears_the_end(docker_host: str) -> None:
    container = run(docker_host, "sh", "-c", "echo one; sleep 0.5; echo two")
    reply = ask(docker_host, "GET", f"/containers/{container}/logs?follow=1&stdout=1&stderr=1")
    assert unframed(reply.body) == {1: b"one\ntwo\n"}
    assert reply.headers["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    last = ask(docker_host, "GET", f"/containers/{container}/logs?tail=1&stdout=1")
    assert unframed(last.body) == {1: b"two\n"}
    assert ask(docker_host, "GET", f"/containers/{container}/logs").status == 400


@pytest.mark.parametrize("condition", ["", "not-running", "next-exit", "removed"])
def test_wait_ends_with_the_code(engine: Engine, docker_host: str, condition: str) -> None:
    container = create(
        docker_host,
        "sh",
        "-c",
        "read x; exit 9",
        OpenStdin=True,
        HostConfig={"NetworkMode": "none", "AutoRemove": True},
    )
    if condition in ("", "not-running"):
        ask(docker_host, "POST", f"/containers/{container}/start")
    connection = UnixConnection(docker_host.removeprefix("unix://"))
    with contextlib.closing(connection):
        connection.request("POST", f"/containers/{container}/wait?condition={condition}")
        answer = connection.getresponse()  # its headers come before the end
        ask(docker_host, "POST", f"/containers/{container}/start")
        ask(docker_host, "POST", f"/containers/{container}/kill?signal=KILL")
        assert json.loads(answer.read()) == {"StatusCode": 137}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"Image": 5}, "body.Image"),
        ({**QUIET, "Env": "A=1"}, "body.Env"),
        ({"Image": IMAGE, "HostConfig": {"Memory": "1g"}}, "body.HostConfig.Memory"),
        ({"Image": IMAGE, "HostConfig": {"Binds": {"a": 1}}}, "body.HostConfig.Binds"),
        ({"Image": IMAGE, "HostConfig": {"PortBindings": {"80/tcp": 5.5}}}, "port"),
        ({"Image": IMAGE, "HostConfig": {"CpuCount": 3}}, "HostConfig.CpuCount"),
        ({}, "body.Image"),
    ],
)
def test_a_bad_body_is_refused_by_the_name_of_its_member(
    unwatched_host: str, body: Any, words: str
) -> None:
    reply = ask(unwatched_host, "POST", "/containers/create", body)
    assert reply.status == 400 and words in reply.message, reply.body


def test_what_is_no_json_is_refused(unwatched_host: str) -> None:
    for data in (b"{", b"[]", b"[" * 100_000):
        reply = ask(unwatched_host, "POST", "/containers/create", data)
        assert reply.status == 400, reply.body
    text = ask(unwatched_host, "POST", "/containers/create", b"{}", Content_Type="text/plain")
    assert text.status == 400 and "Content-Type" in text.message
    page = ask(unwatched_host, "GET", "/_ping", Origin="http://evil.example")
    assert page.status == 403


def test_archives_carry_their_stat(docker_host: str, tmp_path: Path) -> None:
    container = create(docker_host, "true")
    (tmp_path / "hello").write_text("hi")
    tar = subprocess.run(["tar", "-C", tmp_path, "-c", "hello"], capture_output=True, check=True)
    put = ask(docker_host, "PUT", f"/containers/{container}/archive?path=/root", tar.stdout)
    assert put.status == 200, put.body
    head = ask(docker_host, "HEAD", f"/containers/{container}/archive?path=/root/hello")
    assert head.status == 200 and head.headers["X-Docker-Container-Path-Stat"]
    got = ask(docker_host, "GET", f"/containers/{container}/archive?path=/root/hello")
    assert b"hi" in got.body and got.headers["Content-Type"] == "application/x-tar"
    assert ask(docker_host, "HEAD", f"/containers/{container}/archive?path=/no").status == 404
    outside = ask(docker_host, "GET", f"/containers/{container}/archive?path=../../../etc/shadow")
    assert b"root:" not in outside.body or b"onggi" in outside.body
    (change,) = [
        each
        for each in ask(docker_host, "GET", f"/containers/{container}/changes").json
        if each["Path"] == "/root/hello"
    ]
    assert change["Kind"] == 1


def descriptors(server: Served) -> int:
    """How many the server has open, but for those of the database: each thread has its own."""
    folder = f"/proc/{server.process.pid}/fd"
    found = 0
    for each in os.listdir(folder):
        with contextlib.suppress(OSError):  # it has just been closed
            found += ".db" not in os.readlink(f"{folder}/{each}")
    return found


def test_who_vanishes_leaves_nothing_open(engine: Engine, tmp_path: Path) -> None:
    with serving(tmp_path / "s.sock", "--group", "root") as server:
        container = run(server.host, "sh", "-c", "cat; sleep 1000", OpenStdin=True)
        made = ask(
            server.host,
            "POST",
            f"/containers/{container}/exec",
            {"Cmd": ["sleep", "1000"], "AttachStdout": True},
        )
        for path in ("json", "logs?stdout=1"):
            ask(server.host, "GET", f"/containers/{container}/{path}")
        before = descriptors(server)
        query = "stream=1&stdin=1&stdout=1"
        with (
            hijacked(server.host, f"/containers/{container}/attach?{query}") as attached,
            hijacked(server.host, f"/exec/{made.json['Id']}/start") as listening,
            contextlib.closing(UnixConnection(str(tmp_path / "s.sock"))) as waiting,
            contextlib.closing(UnixConnection(str(tmp_path / "s.sock"))) as following,
        ):
            waiting.request("POST", f"/containers/{container}/wait")
            following.request("GET", f"/containers/{container}/logs?follow=1&stdout=1")
            waiting.getresponse()
            following.getresponse()
            assert descriptors(server) > before
            attached.sendall(b"x")
            listening.close()
        wait_until(lambda: descriptors(server) <= before)
        assert ask(server.host, "GET", f"/containers/{container}/json").json["State"]["Running"]


def test_a_slow_reader_holds_up_nobody(docker_host: str) -> None:
    container = run(docker_host, "sh", "-c", "head -c 2000000 /dev/zero; echo; echo end")
    connection = UnixConnection(docker_host.removeprefix("unix://"))
    with contextlib.closing(connection):
        connection.request("GET", f"/containers/{container}/logs?follow=1&stdout=1")
        connection.getresponse()  # and reads nothing
        assert ask(docker_host, "POST", f"/containers/{container}/wait").json["StatusCode"] == 0
        whole = ask(docker_host, "GET", f"/containers/{container}/logs?stdout=1")
    assert unframed(whole.body)[1].endswith(b"end\n")


@pytest.mark.timeout(300)
def test_a_killed_server_loses_nothing(engine: Engine, tmp_path: Path) -> None:
    """kill -9 while 20 containers run and a build is under way: the containers run on, the next
    server shows and controls them, and their logs are complete; the build is reported failed to
    its client, and leaves nothing.
    """
    script = "i=0; while [ $i -lt 1000000 ]; do echo $i; i=$((i+1)); sleep 0.05; done"
    path, before = tmp_path / "s.sock", half_done(engine.root)
    recipe = f"FROM {IMAGE}\nRUN echo > /made; sleep 7532\n"
    with serving(path, "--group", "root") as server:
        made = [run(server.host, "sh", "-c", script) for _ in range(20)]
        exec_id = ask(
            server.host, "POST", f"/containers/{made[0]}/exec", {"Cmd": ["sleep", "1000"]}
        ).json["Id"]
        ask(server.host, "POST", f"/exec/{exec_id}/start", {"Detach": True})
        with contextlib.closing(UnixConnection(str(path))) as builder:
            builder.request("POST", "/build?t=api/never", context(Dockerfile=recipe))
            building = builder.getresponse()
            wait_until(lambda: sleepers("sleep\x007532"))
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                building.read()
    assert path.exists(), "nobody was there to take it away"
    wait_until(lambda: not sleepers("sleep\x007532"))
    reached = [written(engine, each) for each in made]
    wait_until(lambda: all(map(int.__lt__, reached, [written(engine, each) for each in made])))
    with serving(path, "--group", "root") as server:
        assert half_done(engine.root) == before
        assert str(engine.root / "builds") not in Path("/proc/self/mountinfo").read_text()
        assert ask(server.host, "GET", "/images/api/never/json").status == 404
        listed = ask(server.host, "GET", "/containers/json").json
        assert {each["Id"]: each["State"] for each in listed} == dict.fromkeys(made, "running")
        assert ask(server.host, "GET", f"/exec/{exec_id}/json").json["Running"]
        with concurrent.futures.ThreadPoolExecutor(len(made)) as clients:
            list(clients.map(partial(controlled, server.host), made))


def written(engine: Engine, container: str) -> int:
    """How many lines it has written by now."""
    return int(engine.containers.get(container).logs().count(b"\n"))


def controlled(host: str, container: str) -> None:
    """A command runs in it, it is stopped, and its log has every line that it wrote."""
    body = {"Cmd": ["sh", "-c", "exit 7"], "AttachStdout": True}
    exec_id = ask(host, "POST", f"/containers/{container}/exec", body).json["Id"]
    with hijacked(host, f"/exec/{exec_id}/start") as sock:
        everything(sock)
    assert ask(host, "GET", f"/exec/{exec_id}/json").json["ExitCode"] == 7
    assert ask(host, "POST", f"/containers/{container}/stop?signal=KILL").status == 204
    assert ask(host, "POST", f"/containers/{container}/wait").json["StatusCode"] == 137
    lines = unframed(ask(host, "GET", f"/containers/{container}/logs?stdout=1").body)[1].split()
    assert lines == [str(number).encode() for number in range(len(lines))] and lines


def test_limits_are_the_same_by_the_server_and_without_it(engine: Engine, tmp_path: Path) -> None:
    """The server raises its own limit of open files; containers do not get that one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    command = ["sh", "-c", "ulimit -Sn; ulimit -Hn"]
    onggi = [sys.executable, "-m", "runtime.cli.main", "run", "--rm", "--network", "none", IMAGE]
    leftovers.end_launchers(engine.root)  # the next one is the server's
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
    try:
        with serving(tmp_path / "s.sock", "--group", "root") as server:
            container = run(server.host, *command)
            ask(server.host, "POST", f"/containers/{container}/wait")
            log = ask(server.host, "GET", f"/containers/{container}/logs?stdout=1").body
        leftovers.end_launchers(engine.root)
        local = subprocess.run([*onggi, *command], capture_output=True, check=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        leftovers.end_launchers(engine.root)
    assert unframed(log)[1] == local.stdout == f"{soft // 2}\n{hard}\n".encode()
