"""The programs that we are compared with, each in a place of its own that goes afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.engine import Engine
from runtime.engine.container import Container

PATIENCE_S = 60
DAEMON = """
mount --make-rprivate /
mount -t tmpfs tmpfs /run
exec dockerd --host "$1" --data-root "$2/data" --exec-root "$2/run" --pidfile "$2/pid" \
    $3 --storage-driver overlay2 --cgroup-parent /onggi-bench-docker
"""
"""In namespaces of its own: it touches neither the host's network nor another daemon's sockets."""

NO_BRIDGE = "--bridge none --iptables=false --ip6tables=false"
"""A bridge would cost it time, where we do not spend any."""


def quiet(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run it; what it says matters only if it fails."""
    subprocess.run(command, env=environment, check=True, capture_output=True)


def export(engine: Engine, folder: Path) -> Path:
    """onggi/base as one directory."""
    rootfs = folder / "rootfs"
    for layer in engine.images.get("onggi/base").layers:
        quiet(["cp", "-aT", "--remove-destination", str(layer.files), str(rootfs)])
    return rootfs


def runc_bundle(folder: Path, rootfs: Path, container: Container) -> Path:
    """A bundle with which runc makes what we make of `container`: the same description, with the
    same capabilities, filter, devices, mounts, masked and read-only paths. Only its root is a plain
    directory: whoever uses runc puts the layers together before.
    """
    folder.mkdir()
    document = container.spec.to_json()
    document["root"] |= {"path": str(rootfs)}
    document["linux"] |= {"cgroupsPath": "/onggi-bench"}
    (folder / "config.json").write_text(json.dumps(document))
    return folder


@contextlib.contextmanager
def runc_sleeper(bundle: Path) -> Iterator[str]:
    """A container of runc's that runs in the background; its name."""
    name = f"onggi-bench-{os.getpid()}"
    subprocess.run(
        ["runc", "run", "--detach", name],
        cwd=bundle,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    try:
        yield name
    finally:
        quiet(["runc", "delete", "--force", name])


@contextlib.contextmanager
def docker(home: Path, rootfs: Path, network: str = NO_BRIDGE) -> Iterator[dict[str, str] | None]:
    """A docker daemon with onggi/base; the environment of its clients. None without docker."""
    if not shutil.which("dockerd"):
        print("docker is not here: left out", flush=True)
        yield None
        return
    home.mkdir()
    host = f"unix://{home}/socket"
    environment = {**os.environ, "DOCKER_HOST": host}
    with (home / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-c", DAEMON, "sh", host, str(home), network],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(daemon, environment, home)
        tar = home / "base.tar"
        quiet(["tar", "-C", rootfs, "-cf", tar, "."])
        quiet(["docker", "import", tar, "onggi/base"], environment)
        yield environment
        remove_containers(environment)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        for group in Path("/sys/fs/cgroup").glob("**/onggi-bench-docker"):
            with contextlib.suppress(OSError):
                group.rmdir()


def wait_for(daemon: subprocess.Popen[bytes], environment: dict[str, str], home: Path) -> None:
    """Raises RuntimeError with what it said, when it does not answer."""
    deadline = time.monotonic() + PATIENCE_S
    command = ["docker", "info"]
    while subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((home / "log").read_text(errors="replace")[-2000:])
        time.sleep(0.1)


def remove_containers(environment: dict[str, str]) -> None:
    """All of them, at once."""
    listed = subprocess.run(
        ["docker", "ps", "-aq"], env=environment, capture_output=True, text=True, check=True
    )
    if names := listed.stdout.split():
        quiet(["docker", "rm", "-f", *names], environment)
