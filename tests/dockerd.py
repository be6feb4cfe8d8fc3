"""A dockerd of our own: with its own mounts, network and state, which end with it.

Debian's service is not touched. Whoever compares with docker, a test or a bench, begins with
`with running_dockerd() as docker: docker("load", "-i", path)`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lane

PATIENCE_S = 60


class Docker:
    """The docker command, talking to that daemon."""

    def __init__(self, socket: Path, network: str) -> None:
        self.address = f"unix://{socket}"
        """Where clients find it, as DOCKER_HOST."""
        self.network = network
        """The daemon's network namespace, as a file for nsenter."""
        program = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
        self._command = [program, "-H", self.address]

        self._pidfile = socket.with_name("pid")

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return int(self._pidfile.read_text())

    def __call__(self, *line: str | Path, stdin: bytes | None = None) -> str:
        """What it says, having succeeded."""
        done = self.run(*line, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def run(
        self, *line: str | Path, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Whatever comes of it."""
        return subprocess.run(
            [*self._command, *map(str, line)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def inspect(self, name: str) -> Any:
        """An image, as `docker image inspect` has it."""
        return json.loads(self("image", "inspect", name))[0]

    def import_busybox(self) -> None:
        """So that it has an image: Debian's busybox, with the names of some of its programs."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            for name in ("sh", "echo", "cat", "sleep", "stty"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        self("import", "-", "busybox", stdin=data.getvalue())


@contextlib.contextmanager
def running_dockerd(
    *, own_network: bool = True, also_at: Sequence[str] = (), **more: str
) -> Iterator[Docker]:
    """The daemon, from when it answers until it has ended: in a network of its own or, for those
    who are in one already, in the caller's. `also_at` are further places to listen at, `more` are
    options; "" leaves one to the daemon.
    """
    with tempfile.TemporaryDirectory(prefix="onggi-dockerd-") as folder:
        place = Path(folder)
        options = {
            "data-root": place / "data",
            "exec-root": place / "exec",
            "pidfile": place / "pid",
            "host": f"unix://{place}/socket",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
            "cgroup-parent": f"/{place.name}",
            "log-level": "error",
            **more,
        }
        for tree in lane.trees():  # now, and not during the test that first runs a container
            (tree.where / place.name).mkdir()
        command = ["unshare", "--mount", *(["--net"] if own_network else []), "dockerd"]
        command += [f"--{name}={value}" for name, value in options.items() if value]
        command += [f"--host={address}" for address in also_at]
        own = {**os.environ, "TMPDIR": folder}  # containerd's stacks, if it is slow to end
        with (place / "log").open("wb") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log, env=own)
        try:
            client = Docker(place / "socket", f"/proc/{daemon.pid}/ns/net")
            deadline = time.monotonic() + PATIENCE_S
            while client.run("version").returncode != 0:
                assert daemon.poll() is None, (place / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield client
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE_S)
            _remove_groups(place.name)


def _remove_groups(name: str) -> None:
    """The daemon's control groups in all trees; the kernel empties them a moment late."""
    deadline = time.monotonic() + 10
    while groups := [group for tree in lane.trees() if (group := tree.where / name).exists()]:
        for group in groups:
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
