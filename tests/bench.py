"""`make bench`: how fast, as a ratio to named peers, both measured in the same run.

    run true        Engine.containers.run("onggi/base", "true", network="none", remove=True) in a
                    process with 200 MB of heap, against `runc run` of the same files with the
                    same config.json: filter, capabilities, mounts and all
    exec true       Container.exec_run("true"), against `runc exec` in a container that runs
    start sleepers  a hundred of them, detached, against `docker run -d --network none`
    memory          of all our own processes, for each of the hundred
    onggi ps        with the hundred, against `docker ps` with its hundred

Ours and the peer take turns, so that a busy machine is busy for both; and each waits a moment, so
that what the other one still does after it has answered is not done in its time. Printed are the
medians and their ratio; the times depend on the machine, the ratio much less. A peer that is not
there is said and left out. Needs root; Debian's runc and docker.io. `python tests/bench.py exec ps`
runs only the lines whose names have one of these words in them. Other measurements: bench_*.py.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import leftovers
from bench_peers import docker, export, quiet, runc_bundle, runc_sleeper

from runtime.engine import Engine

HEAP_BYTES = 200_000_000
CALM_S = 0.1
"""Between two turns. Ours tidies up after it has answered, and forks the next pair."""

SLEEPERS = 100
SLEEP = ["sleep", "3600"]

Action = Callable[[], object]


def seconds(action: Action) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def calmly(action: Action) -> float:
    """How long one call takes on a machine that has come to rest."""
    time.sleep(CALM_S)
    return seconds(action)


def turns(ours: Action, peer: Action, rounds: int, warm_up: int) -> tuple[float, float]:
    """The medians in ms of both, who take turns."""
    pairs = [(calmly(ours), calmly(peer)) for _ in range(warm_up + rounds)][warm_up:]
    mine, theirs = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    return mine, theirs


def report(name: str, mine: float, theirs: float, limit: float, unit: str = "ms") -> bool:
    """One line; whether the ratio is within `limit`."""
    ratio = mine / theirs
    times = f"onggi {mine:7.1f} {unit}   peer {theirs:7.1f} {unit}"
    print(f"{name:<16} {times}   ratio {ratio:.2f} (≤ {limit})", flush=True)
    return ratio <= limit


class Bench:
    """One run: its folder, its engine, and the peers, each started when it is first needed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.root = folder / "state"
        self.engine = Engine(self.root)
        self.engine.images.bootstrap(names=("onggi/base",))
        self.rootfs = export(self.engine, folder)

    def run_true(self) -> bool:
        """In a process as large as a notebook's."""
        example = self.engine.containers.create("onggi/base", "true", network="none")
        bundle = runc_bundle(self.folder / "true", self.rootfs, example)
        heap = bytearray(b"x") * HEAP_BYTES
        medians = turns(
            lambda: self.engine.containers.run("onggi/base", "true", network="none", remove=True),
            lambda: subprocess.run(
                ["runc", "run", "onggi-bench"], cwd=bundle, stdin=subprocess.DEVNULL, check=True
            ),
            rounds=60,
            warm_up=5,
        )
        del heap
        return report("run true", *medians, limit=0.5)

    def exec_true(self) -> bool:
        """One more program in a container that runs."""
        container = self.engine.containers.run("onggi/base", SLEEP, detach=True)
        bundle = runc_bundle(self.folder / "sleeper", self.rootfs, container)
        with runc_sleeper(bundle) as name:
            medians = turns(
                lambda: container.exec_run("true"),
                lambda: quiet(["runc", "exec", name, "true"]),
                rounds=60,
                warm_up=5,
            )
        container.remove(force=True)
        return report("exec true", *medians, limit=0.5)

    def hundred(self, wanted: Callable[[str], bool]) -> Iterator[bool]:
        """Start a hundred of ours and a hundred of docker's, in turns of ten; then look at them."""
        environment = self.stack.enter_context(docker(self.folder / "docker", self.rootfs))
        ours, theirs = [], []
        for _ in range(SLEEPERS // 10):
            ours.append(seconds(self._start_ten))
            if environment:
                theirs.append(seconds(lambda: _docker_start_ten(environment)))
        if environment:
            mine, peer = (sum(times) * 1000 / SLEEPERS for times in (ours, theirs))
            yield report("start sleepers", mine, peer, limit=0.2)
        if wanted("memory"):
            yield self._memory()
        if environment and wanted("onggi ps"):
            yield self._list(environment)

    def _start_ten(self) -> None:
        for _ in range(10):
            self.engine.containers.run("onggi/base", SLEEP, detach=True, network="none")

    def _memory(self) -> bool:
        each = own_memory_bytes(self.root) / SLEEPERS / 10**6
        print(f"{'memory':<16} onggi {each:7.2f} MB a container (≤ 5)", flush=True)
        return each <= 5

    def _list(self, environment: dict[str, str]) -> bool:
        program = Path(sys.executable).with_name("onggi")
        mine = {**os.environ, "ONGGI_ROOT": str(self.root)}
        mine.pop("PYTHONDONTWRITEBYTECODE", None)  # people's Python keeps its bytecode
        medians = turns(
            lambda: quiet([program, "ps"], mine),
            lambda: quiet(["docker", "ps"], environment),
            rounds=20,
            warm_up=3,
        )
        return report("onggi ps", *medians, limit=3.0)


def _docker_start_ten(environment: dict[str, str]) -> None:
    for _ in range(10):
        quiet(["docker", "run", "-d", "--network", "none", "onggi/base", *SLEEP], environment)


def own_memory_bytes(root: Path) -> int:
    """The proportional share (PSS) of the launcher, the monitors and what is forked ahead: of a
    page that n processes share, each has an nth. man 5 proc, smaps_rollup
    """
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            ours = (folder / "comm").read_text().startswith("onggi")
            if ours and os.fsencode(root) in arguments:
                text = (folder / "smaps_rollup").read_text()
                total += int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0]) * 1024
    return total


def main(words: list[str]) -> int:
    """Exit code 0 if every ratio is within its limit."""

    def wanted(name: str) -> bool:
        return not words or any(word in name for word in words)

    if not shutil.which("runc"):
        print("runc is not here: install Debian's runc")
        return 2
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    good = []
    with tempfile.TemporaryDirectory(prefix="onggi-bench-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack)
        stack.callback(leftovers.end_launchers, bench.root)
        stack.callback(remove_all, bench.engine)
        if wanted("run true"):
            good.append(bench.run_true())
        if wanted("exec true"):
            good.append(bench.exec_true())
        if any(map(wanted, ("start sleepers", "memory", "onggi ps"))):
            good += bench.hundred(wanted)
    return 0 if all(good) else 1


def remove_all(engine: Engine) -> None:
    """Every container of the run."""
    for container in engine.containers.list(all=True):
        container.remove(force=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
