"""The same with docker: a cell types Docker's own command, and our engine answers.

    same_with_docker("docker ps", "docker logs sunja")

Where a docker client is installed its lines are typed as they stand, and `onggi serve` answers
them. Where there is none, `onggi` is typed with the same words. The first line says which of the
two it was: nothing is passed off for what it is not.

The server begins with the first such cell, is there for the next, and ends with the lesson's last
cell or with the kernel.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lessons_lib import attendant
from lessons_lib.language import say
from lessons_lib.refusals import Refused
from lessons_lib.terminal import Transcript, answered
from lessons_lib.waiting import until


def same_with_docker(*lines: str) -> Transcript:
    """Type lines that begin with `docker`, each in a shell of its own; see `terminal`."""
    if not is_installed():
        ours = [re.sub(r"\bdocker\b", "onggi", line, count=1) for line in lines]
        # It stands in for docker, which speaks English only.
        return answered(ours, note=say("docker_command.by-onggi"), ONGGI_LANG="en")
    return answered(
        lines,
        note=say("docker_command.by-docker"),
        DOCKER_HOST=served(),
        DOCKER_BUILDKIT="0",  # its other builder speaks to BuildKit, which is not in our engine
    )


def is_installed() -> bool:
    """Whether there is a command `docker` which is Docker's: podman has one of that name, too."""
    program = shutil.which("docker")
    if program is None:
        return False
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return told.stdout.startswith("Docker version")


@dataclass(frozen=True, slots=True)
class _Server:
    process: subprocess.Popen[bytes]
    address: str


_serving: list[_Server] = []


def served() -> str:
    """Where this kernel's `onggi serve` listens, for DOCKER_HOST; it is started if there is none.

    Its socket is its owner's, and no group's. Raises Refused when nobody begins to answer.
    """
    if _serving and _serving[0].process.poll() is not None:
        _serving.clear()
    if not _serving:
        _serving.append(_served_anew())
    return _serving[0].address


def stop_serving() -> None:
    """End the server, if there is one."""
    while _serving:
        attendant.end(_serving.pop().process)


def _served_anew() -> _Server:
    path = Path(tempfile.gettempdir(), f"onggi-served-{secrets.token_hex(8)}")
    address = f"unix://{path}"
    with tempfile.TemporaryFile() as log:
        server = attendant.begin(["serve", "-H", address, "--group", ""], log)
        until(lambda: _answers(path) or server.poll() is not None)
        if not _answers(path):
            attendant.end(server)
            log.seek(0)
            why = log.read().decode(errors="replace").strip()
            raise Refused("docker_command.nobody-answers", why=why)
    return _Server(server, address)


def _answers(path: Path) -> bool:
    """Whether it answers: its door is there a moment before anybody behind it."""
    with socket.socket(socket.AF_UNIX) as caller, contextlib.suppress(OSError):
        caller.settimeout(1)
        caller.connect(str(path))
        caller.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return caller.recv(1) != b""
    return False
