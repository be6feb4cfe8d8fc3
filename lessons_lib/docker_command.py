"""The same with docker: a cell types Docker's own command, and our engine answers.

    same_with_docker("docker ps", "docker logs sunja")

Where a docker client is installed its lines are typed as they stand, and `onggi serve` runs for as
long as the cell. Where there is none, `onggi` is typed with the same words. The first line says
which of the two it was: nothing is passed off for what it is not.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lessons_lib.language import say
from lessons_lib.refusals import Refused
from lessons_lib.terminal import Transcript, answered
from lessons_lib.waiting import until

PATIENCE_S = 60.0


def same_with_docker(*lines: str) -> Transcript:
    """Type lines that begin with `docker`, each in a shell of its own; see `terminal`."""
    if not is_installed():
        ours = [re.sub(r"\bdocker\b", "onggi", line, count=1) for line in lines]
        return answered(ours, note=say("docker_command.by-onggi"))
    with served() as address:
        return answered(lines, note=say("docker_command.by-docker"), DOCKER_HOST=address)


def is_installed() -> bool:
    """Whether there is a command `docker` which is Docker's: podman has one of that name, too."""
    program = shutil.which("docker")
    if program is None:
        return False
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return told.stdout.startswith("Docker version")


@contextlib.contextmanager
def served() -> Iterator[str]:
    """`onggi serve` on a socket that only its owner can open; what DOCKER_HOST is to be.

    Raises Refused when it does not begin to answer.
    """
    with tempfile.TemporaryDirectory(prefix="onggi-served-") as folder:
        path = Path(folder, "socket")
        address = f"unix://{path}"
        line = ["serve", "-H", address, "--group", str(os.getgid())]
        with Path(folder, "log").open("w+b") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "runtime.cli.main", *line],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                until(lambda: _answers(path) or server.poll() is not None, PATIENCE_S)
                if not _answers(path):
                    log.seek(0)
                    told = log.read().decode(errors="replace").strip()
                    raise Refused("docker_command.nobody-answers", why=told)
                yield address
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller, contextlib.suppress(OSError):
        caller.connect(str(path))
        return True
    return False
