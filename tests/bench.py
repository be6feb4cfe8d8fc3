"""`make bench`: how fast, as a ratio to a named peer, both measured in the same run.

    run true      Engine.containers.run("onggi/base", "true", network="none", remove=True) in a
                  process with 200 MB of heap, against `runc run` of the same root file system
                  with the same namespaces

Ours and the peer take turns, so that a busy machine is busy for both. Printed are the medians and
their ratio; the times depend on the machine, the ratio much less. Needs root and runc.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import leftovers

from runtime.engine import Engine

ROUNDS = 60
WARM_UP = 5
HEAP_BYTES = 200_000_000


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def compare(
    name: str, ours: Callable[[], object], peer: Callable[[], object], limit: float
) -> bool:
    """Take turns, print one line; whether the ratio of the medians is within `limit`."""
    pairs = [(seconds(ours), seconds(peer)) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    mine, theirs = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = mine / theirs
    times = f"onggi {mine:6.1f} ms   peer {theirs:6.1f} ms"
    print(f"{name:<12} {times}   ratio {ratio:.2f} (≤ {limit})")
    return bool(ratio <= limit)


def runc_bundle(engine: Engine, folder: Path) -> None:
    """A bundle with the files of onggi/base and the namespaces of our containers."""
    rootfs = folder / "rootfs"
    for layer in engine.images.get("onggi/base").layers:
        command = ["cp", "-aT", "--remove-destination", str(layer.files), str(rootfs)]
        subprocess.run(command, check=True)
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    document = json.loads((folder / "config.json").read_bytes())
    document["process"] |= {"terminal": False, "args": ["true"], "rlimits": []}
    document["root"]["readonly"] = False
    kinds = ("pid", "network", "ipc", "uts", "mount", "cgroup")
    document["linux"]["namespaces"] = [{"type": kind} for kind in kinds]
    (folder / "config.json").write_text(json.dumps(document))


def main() -> int:
    """Exit code 0 if every ratio is within its limit."""
    with tempfile.TemporaryDirectory(prefix="onggi-bench-") as folder:
        root = Path(folder, "state")
        engine = Engine(root)
        engine.images.bootstrap(names=("onggi/base",))
        bundle = Path(folder, "bundle")
        bundle.mkdir()
        runc_bundle(engine, bundle)
        heap = bytearray(b"x") * HEAP_BYTES
        good = compare(
            "run true",
            lambda: engine.containers.run("onggi/base", "true", network="none", remove=True),
            lambda: subprocess.run(
                ["runc", "run", "onggi-bench"], cwd=bundle, stdin=subprocess.DEVNULL, check=True
            ),
            limit=1.0,
        )
        del heap
        leftovers.end_launchers(root)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
