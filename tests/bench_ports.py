"""`make bench`, the packets' ways: bytes and round trips by TCP, against docker's network.

    among containers   from one container to another one on the default bridge
    published          from another machine (a namespace with a cable) to a published port
    by the proxy       the same without NAT, against our own NAT: nobody has to be this fast

A small program that only sends and receives stands at both ends, in the network namespaces of the
containers. Each engine has a network namespace of its own. Needs root, Debian's docker.io and
iproute2.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import leftovers
from bench import report, turns
from bench_peers import docker, export
from worlds import World, cable

from runtime.engine import Engine
from runtime.linux import namespaces, netdevice

BYTES = 128 << 20
ROUND_TRIPS = 2000
SLEEP = ["sleep", "3600"]
HOST, OUTSIDE = "10.9.0.1", "10.9.0.2"
LIMIT = 1.11
"""As fast as docker's, but for a tenth."""


def world_of(pid: int) -> World:
    """The network namespace of a process."""
    world = World()
    world.descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    return world


@contextmanager
def serving(world: World) -> Iterator[None]:
    """Who swallows what begins with "s", and gives back everything else, at port 80 there."""
    with world.inside():
        server = socket.create_server(("0.0.0.0", 80))
    pid = os.fork()
    if pid == 0:
        while True:
            line, _ = server.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if line.recv(1) == b"s":
                while line.recv(1 << 18):
                    pass
                line.send(b"!")
            while data := line.recv(64):
                line.send(data)
            line.close()
    server.close()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def line_to(world: World, address: str, port: int) -> socket.socket:
    """A connection of somebody in that world."""
    with world.inside():
        line = socket.create_connection((address, port), timeout=60)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def send(world: World, address: str, port: int) -> None:
    """Many bytes, and the word that all have come."""
    data = bytes(1 << 18)
    with line_to(world, address, port) as line:
        line.sendall(b"s")
        for _ in range(BYTES // len(data)):
            line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        line.recv(1)


def go_back_and_forth(world: World, address: str, port: int) -> None:
    """Many times one byte."""
    with line_to(world, address, port) as line:
        line.sendall(b"l")
        for _ in range(ROUND_TRIPS):
            line.sendall(b"x")
            line.recv(1)


Way = tuple[World, str, int]
"""Who sends, and where to."""


def compare(name: str, ours: Way, peer: Way, limit: float) -> bool:
    """Two lines."""
    actions: tuple[tuple[str, Callable[[World, str, int], None]], ...]
    actions = (("bytes", send), ("round trips", go_back_and_forth))
    good = True
    for what, action in actions:
        medians = turns(partial(action, *ours), partial(action, *peer), rounds=25, warm_up=2)
        good = report(f"{name}, {what}", *medians, limit=limit) and good
    return good


def main() -> int:
    """The exit code: 0 if we are as fast as we want to be."""
    namespaces.unshare(namespaces.CLONE_NEWNET)
    netdevice.bring_up("lo")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = Engine(folder / "state")
        engine.images.bootstrap(names=("onggi/base",))
        stack.callback(leftovers.end_launchers, folder)
        rootfs = export(engine, folder)
        environment = stack.enter_context(docker(folder / "docker", rootfs, network=""))
        if environment is None:
            return 0
        docker_host = world_of(int((folder / "docker" / "pid").read_text()))

        def run_docker(*options: str) -> tuple[World, str]:
            line = ["docker", "run", "-d", *options, "onggi/base", *SLEEP]
            name = told(line)
            form = "{{.State.Pid}} {{.NetworkSettings.IPAddress}}"
            pid, address = told(["docker", "inspect", "-f", form, name]).split()
            return world_of(int(pid)), address

        def told(line: list[str]) -> str:
            done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
            return done.stdout.strip()

        mine = [
            engine.containers.run(
                *("onggi/base", SLEEP), detach=True, network="bridge", ports={80: port}
            )
            for port in (4000, 4001)
        ]
        for container in mine:
            stack.callback(container.remove, force=True)
        shop, visitor = (world_of(container.pid) for container in mine)
        address = mine[0].attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        their_shop, their_address = run_docker("-p", "4000:80")
        their_visitor, _ = run_docker()
        outside, their_outside = (stack.enter_context(World()) for _ in range(2))
        cable(outside, f"{HOST}/24", f"{OUTSIDE}/24", HOST)
        with docker_host.inside():
            cable(their_outside, f"{HOST}/24", f"{OUTSIDE}/24", HOST)
        with serving(shop), serving(their_shop):
            ways = ((visitor, address, 80), (their_visitor, their_address, 80))
            good = compare("among containers", *ways, limit=LIMIT)
            nat = (outside, HOST, 4000)
            good = compare("published", nat, (their_outside, HOST, 4000), limit=LIMIT) and good
            here = world_of(os.getpid())
            compare("by the proxy", (here, "::1", 4000), nat, limit=float("inf"))
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
