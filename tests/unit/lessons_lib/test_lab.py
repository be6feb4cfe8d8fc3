"""`make lab` from outside: what it prints, what it serves, and what a kernel there knows."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import websocket

from lessons_lib import lab
from lessons_lib.language import LANGUAGES, Language
from lessons_lib.publish.shelf import Shelf

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab/tree/notebooks/\S+\?token=[0-9a-f]{48}")


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that is open, and the address that it printed."""

    address: str

    @property
    def token(self) -> str:
        return urlsplit(self.address).query.removeprefix("token=")

    def ask(self, path: str, content: object = None) -> bytes:
        """The reply to a request with the token; a POST if there is `content`."""
        where = f"http://{urlsplit(self.address).netloc}{path}"
        body = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(where, body, {"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return bytes(reply.read())

    def run(self, notebook: str, code: str) -> str:
        """What `code` prints in a kernel that was started for `notebook`, as the page does it."""
        kernel = {"name": "python3"}
        session = {"path": notebook, "name": "", "type": "notebook", "kernel": kernel}
        started = json.loads(self.ask("/api/sessions", session))["kernel"]["id"]
        where = f"ws://{urlsplit(self.address).netloc}/api/kernels/{started}/channels"
        channel = websocket.create_connection(f"{where}?token={self.token}", timeout=60)
        channel.send(json.dumps(_execute(code)))
        for message in map(json.loads, iter(channel.recv, "")):
            if message["msg_type"] == "stream":
                channel.close()
                return str(message["content"]["text"])
        raise AssertionError("the kernel said nothing")


def _execute(code: str) -> dict[str, object]:
    header = {"msg_id": uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    names = {"username": "", "session": uuid4().hex}
    content = {"code": code, "silent": False, "store_history": False}
    return {
        "header": {**header, **names},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": content,
        "buffers": [],
    }


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab as `make lab` opens it on a server, in a home of its own."""
    environment = {**os.environ, "HOME": str(tmp_path), "LANG": "ko_KR.UTF-8"}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "LC_ALL", "ONGGI_LANG"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "lessons_lib.lab"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        found = next(filter(None, map(ADDRESS.search, process.stdout)))
        wait_for_answer(urlsplit(found[0]).port, process)
        yield Lab(found[0])
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for_answer(port: int | None, process: subprocess.Popen[str]) -> None:
    """Until somebody listens on the port; fails when JupyterLab has ended."""
    while True:
        assert process.poll() is None, "JupyterLab has ended"
        try:
            socket.create_connection((lab.ADDRESS, port or 0)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)


def test_the_printed_address_serves_the_page_and_kernels_know_their_language(
    open_lab: Lab,
) -> None:
    assert "/notebooks/ko/00-start-here.ipynb" in open_lab.address
    assert b"JupyterLab" in urllib.request.urlopen(open_lab.address, timeout=30).read()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(open_lab.address.split("/lab")[0] + "/api/sessions", timeout=30)
    code = "from lessons_lib.language import current; import runtime; print(current())"
    assert open_lab.run("notebooks/en/any.ipynb", code) == "en\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_root_it_says_what_works_and_what_does_not_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = "\n".join(lab.greeting("http://here", 8888))
    assert lab.say(language, "without-root") in said
    assert "--allow-root" not in lab.command_line("x", 8888)


def test_root_may_open_it_but_only_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    command = lab.command_line("x", 8888)
    assert {"--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1"} <= set(command)
    assert "sudo" not in "\n".join(lab.greeting("http://here", 8888))


def test_a_port_that_is_taken_is_not_printed() -> None:
    with socket.create_server((lab.ADDRESS, 0)) as taken:
        lab_port = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lab, "FIRST_PORT", lab_port)
            patch.setattr(lab, "LAST_PORT", lab_port)
            with pytest.raises(SystemExit, match=str(lab_port)):
                lab.free_port()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_lesson_is_there(language: Language) -> None:
    assert Shelf().book(lab.first_lesson(), language).exists()
