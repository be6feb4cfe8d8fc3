"""`onggi --host` on real engines: Debian's dockerd, and our own server.

What a command asks for is compared in test_same_requests.py; here containers really run.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dockerd import running_dockerd

pytestmark = [
    pytest.mark.needs("containers", "docker", "dockerd", "busybox"),
    pytest.mark.timeout(300),
]

ONGGI = (sys.executable, "-m", "runtime.cli.main")


@pytest.fixture(scope="module")
def dockers() -> Iterator[str]:
    """Debian's dockerd, with an image `busybox`; its address."""
    with running_dockerd() as docker:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            for name in ("sh", "echo", "cat", "sleep"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        docker("import", "-", "busybox", stdin=data.getvalue())
        yield docker.address


def onggi(host: str, *line: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, output, complaints."""
    environment = {**os.environ, "ONGGI_LANG": "en", "DOCKER_HOST": host}
    done = subprocess.run(
        [*ONGGI, *line],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def life(host: str, image: str, tmp_path: Path) -> None:
    """A container's, from `run` to `rm`, with what goes in and comes out."""
    plain = ("run", "--rm", "--network", "none")
    assert onggi(host, *plain, image, "echo", "hi") == (0, "hi\n", "")
    assert onggi(host, *plain, image, "sh", "-c", "echo out; echo err >&2; exit 3") == (
        *(3, "out\n"),
        "err\n",
    )
    assert onggi(host, *plain, "-i", image, "cat", stdin="안녕\n") == (0, "안녕\n", "")
    assert onggi(host, *plain, image, "nosuch")[:2] == (127, "")
    script = "echo begun; sleep 1000"
    code, name, _ = onggi(
        host, "run", "-d", "--name", "web", "--network", "none", image, "sh", "-c", script
    )
    assert (code, len(name)) == (0, 65)
    assert onggi(host, "ps", "-q", "--no-trunc") == (0, name, "")
    assert onggi(host, "exec", "-i", "web", "cat", stdin="in") == (0, "in", "")
    assert onggi(host, "exec", "web", "sh", "-c", "exit 4") == (4, "", "")
    assert onggi(host, "logs", "web") == (0, "begun\n", "")
    (tmp_path / "file").write_text("carried")
    assert onggi(host, "cp", str(tmp_path / "file"), "web:/file")[0] == 0
    assert onggi(host, "cp", "web:/file", str(tmp_path / "back"))[0] == 0
    assert (tmp_path / "back").read_text() == "carried"
    assert onggi(host, "inspect", "-f", "{{.State.Status}}", "web") == (0, "running\n", "")
    assert onggi(host, "kill", "web") == (0, "web\n", "")
    assert onggi(host, "wait", "web") == (0, "137\n", "")
    assert onggi(host, "rm", "web") == (0, "web\n", "")
    code, _, complaint = onggi(host, "rm", "web")
    assert (code, "No such container: web" in complaint) == (1, True)


def test_at_dockerd(dockers: str, tmp_path: Path) -> None:
    life(dockers, "busybox", tmp_path)


def test_at_our_own_server(docker_host: str, tmp_path: Path) -> None:
    life(docker_host, "onggi/base", tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    code, out, complaint = onggi(f"unix://{tmp_path}/nobody", "ps")
    assert (code, out) == (1, "")
    assert complaint.startswith(f"onggi: no engine answers at unix://{tmp_path}/nobody")
