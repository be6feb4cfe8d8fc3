"""`make bench`, the networks: what it costs to be plugged in.

    run on a bridge  Engine.containers.run("onggi/base", "true", remove=True) on the default bridge,
                     in this process, against `docker run --rm onggi/base true` on docker's

Each has a network namespace of its own: nothing of the host's network is touched. Needs root and
Debian's docker.io.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import leftovers
from bench import report, turns
from bench_peers import docker, export, quiet

from runtime.engine import Engine
from runtime.linux import namespaces, netdevice


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
        medians = turns(
            lambda: engine.containers.run("onggi/base", "true", remove=True),
            lambda: quiet(["docker", "run", "--rm", "onggi/base", "true"], environment),
            rounds=20,
            warm_up=3,
        )
        return 0 if report("run on a bridge", *medians, limit=0.10) else 1


if __name__ == "__main__":
    sys.exit(main())
