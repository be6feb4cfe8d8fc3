"""`make bench`, docker's API: the unmodified docker client with `onggi serve` and with dockerd.

    docker run      `docker run --rm onggi/base true` on the default bridge
    docker ps       with 200 containers that run
    onggi --host ps our client's, with the same containers, against docker's client at one server
    50 clients      at once start and remove 500 containers in all: none is lost, none is left
    followers       the memory of the server with 1,000 idle `logs -f`, who all hear what is said
                    in the end

The same client speaks to both, in turns. Each engine has a network namespace of its own. Needs
root and Debian's docker.io. `python tests/bench_api.py ps run` runs only the lines whose names
have one of these words in them.
"""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import leftovers
from bench import remove_all, report, seconds, turns
from bench_peers import docker, export, quiet
from docker_host import Served, serving

from runtime.engine import Engine
from runtime.linux import namespaces, netdevice

CONTAINERS = 200
CLIENTS, STARTS = 50, 500
FOLLOWERS, FOLLOWED = 1000, 20
MEMORY_MB = 100.0
PATIENCE_S = 120
SLEEP = ["sleep", "3600"]
TALKER = ["sh", "-c", "trap 'echo heard' USR1; echo begun; while :; do sleep 3600 & wait $!; done"]

Environment = dict[str, str]


class Bench:
    """Our server and the peer, with the environment of a client of each."""

    def __init__(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onggi-bench-")))
        self.engine = Engine(folder / "state")
        self.engine.images.bootstrap(names=("onggi/base",))
        stack.callback(leftovers.end_launchers, folder / "state")
        stack.callback(remove_all, self.engine)
        state = {**os.environ, "ONGGI_ROOT": str(folder / "state")}
        self.server = stack.enter_context(serving(folder / "socket", "--group", "root", env=state))
        self.ours: Environment = {**os.environ, "DOCKER_HOST": self.server.host}
        rootfs = export(self.engine, folder)
        self.peer = stack.enter_context(docker(folder / "docker", rootfs, network=""))

    def run(self) -> bool:
        """On the bridge, from the client's start to its end."""
        line = ["docker", "run", "--rm", "onggi/base", "true"]
        return self._compared("docker run", line, rounds=20, limit=0.25)

    def ps(self) -> bool:
        """With as many containers on both sides."""
        start = ["docker", "run", "-d", "--network", "none", "onggi/base", *SLEEP]
        for environment in filter(None, (self.ours, self.peer)):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _, env=environment: quiet(start, env), range(CONTAINERS)))
            listed = ask(["docker", "ps", "-q"], environment).split()
            assert len(listed) == CONTAINERS, len(listed)
        fine = self._compared("docker ps", ["docker", "ps"], rounds=20, limit=1.5)
        fine = self._elsewhere() and fine
        remove_all(self.engine)
        return fine

    def _elsewhere(self) -> bool:
        """Both clients ask our server, ours as often as somebody who has a deputy by now."""
        environment = {**self.ours, "ONGGI_ROOT": str(self.engine.root)}
        onggi = [str(Path(sys.executable).with_name("onggi")), "--host", self.server.host, "ps"]
        medians = turns(
            lambda: quiet(onggi, environment),
            lambda: quiet(["docker", "ps"], self.ours),
            rounds=20,
            warm_up=3,
        )
        return report("onggi --host ps", *medians, 3.0)

    def _compared(self, name: str, line: list[str], rounds: int, limit: float) -> bool:
        if self.peer is None:
            return False
        peer = self.peer
        medians = turns(
            lambda: quiet(line, self.ours), lambda: quiet(line, peer), rounds, warm_up=3
        )
        return report(name, *medians, limit)

    def clients(self) -> bool:
        """Fifty at once. Raises CalledProcessError for one that was lost."""

        def client(number: int) -> None:
            for turn in range(STARTS // CLIENTS):
                name = f"client{number}-{turn}"
                quiet(["docker", "run", "-d", "--name", name, "onggi/base", *SLEEP], self.ours)
                quiet(["docker", "rm", "-f", name], self.ours)

        def all_at_once() -> None:
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(client, range(CLIENTS)))

        took_s = seconds(all_at_once)
        left = ask(["docker", "ps", "-aq"], self.ours).split()
        each_ms = took_s * 1000 / STARTS
        print(f"50 clients       {STARTS} containers, {each_ms:.0f} ms each, {len(left)} left (0)")
        return not left

    def followers(self) -> bool:
        """The sum of what the server and all its helpers have in memory, while nobody speaks."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for our ends of them
        start = ["docker", "run", "-d", "--network", "none", "onggi/base", *TALKER]
        names = [ask(start, self.ours).strip() for _ in range(FOLLOWED)]
        before_mb = memory_mb(self.server)
        with ExitStack() as stack:
            lines = [
                stack.enter_context(following(self.server, names[number % FOLLOWED]))
                for number in range(FOLLOWERS)
            ]
            for each in lines:
                hear(each, b"begun")
            idle_mb = memory_mb(self.server)
            quiet(["docker", "kill", "-s", "USR1", *names], self.ours)
            for each in lines:
                hear(each, b"heard")
        remove_all(self.engine)
        said = f"{idle_mb:.0f} MB (≤ {MEMORY_MB:.0f}), {before_mb:.0f} without them"
        print(f"followers        {FOLLOWERS} × logs -f: {said}", flush=True)
        return idle_mb <= MEMORY_MB


def ask(line: list[str], environment: Environment) -> str:
    """What it says."""
    done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


@contextmanager
def following(server: Served, name: str) -> Iterator[socket.socket]:
    """`docker logs -f` without a process of its own: the request that it sends."""
    with closing(socket.socket(socket.AF_UNIX)) as line:
        line.connect(server.host.removeprefix("unix://"))  # in a full queue it waits, as it blocks
        line.settimeout(PATIENCE_S)
        path = f"/v1.47/containers/{name}/logs?follow=1&stdout=1&stderr=1"
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
        yield line


def hear(line: socket.socket, word: bytes) -> None:
    """Wait until that has come. Raises TimeoutError."""
    heard = b""
    while word not in heard:
        data = line.recv(1 << 16)
        assert data, f"it ended before {word!r}: {heard[-200:]!r}"
        heard += data


def memory_mb(server: Served) -> float:
    """The proportional share of the server and its children, in MB. man 5 proc, smaps_rollup"""
    children = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    pids = [
        server.process.pid,
        *(int(pid) for each in children for pid in each.read_text().split()),
    ]
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    found = [re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0] for text in texts]
    return sum(map(int, found)) / 1000


def main(words: list[str]) -> int:
    """The exit code: 0 if everything is within its limit."""
    namespaces.unshare(namespaces.CLONE_NEWNET)
    netdevice.bring_up("lo")
    with ExitStack() as stack:
        bench = Bench(stack)
        lines: list[tuple[str, Callable[[], bool]]] = [
            ("docker run", bench.run),
            ("docker ps", bench.ps),
            ("50 clients", bench.clients),
            ("followers", bench.followers),
        ]
        wanted = [act for name, act in lines if not words or any(each in name for each in words)]
        results = [act() for act in wanted]  # all of them, whatever becomes of the first
        return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
