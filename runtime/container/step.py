"""A build step: one command in a container of its own, which lives no longer than its caller.

It is started like every container, by the launcher and with a monitor, but it has no row in
the database and hangs on a lifeline: when the caller goes away, even by kill -9, the monitor
kills it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runtime.container import launch, log, profile
from runtime.container.bundle import Bundle
from runtime.container.messages import Exit, Start
from runtime.container.worlds import HOST_NETWORK, NO_NETWORK, network_annotation
from runtime.errors import OnggiError
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount
from runtime.oci.spec import NAMESPACES, Namespace, Process, Spec

HOSTNAME = "build"
"""The same in every build, so that what a command writes does not depend on it."""


def run_step(
    root: Path,
    snapshot: str,
    program: Process,
    on_output: Callable[[str, bytes], None],
    mounts: tuple[Mount, ...] = (),
    network: str = NO_NETWORK,
) -> Exit:
    """Run `program` on a writable snapshot, with `mounts`, and wait for its end. Its `network` is
    none, the host's, or else the default bridge.

    `on_output` gets what it writes, as (stream, bytes), while it runs. Raises
    CommandNotStarted; whatever interrupts this, the command is dead afterwards and only the
    snapshot is left.
    """
    bundle = Bundle(root, root / "builds" / snapshot)
    seccomp = profile.default_seccomp(program.capabilities)
    own = [kind for kind in NAMESPACES if kind != "network" or network != HOST_NETWORK]
    spec = Spec(
        process=program,
        hostname=HOSTNAME,
        mounts=(*DEFAULT_MOUNTS, *mounts),
        namespaces=tuple(map(Namespace, own)),
        annotations=network_annotation(network),
        seccomp=seccomp,
    )
    bundle.write(spec)
    try:
        with log.Reader(bundle.directory / log.NAME) as reader:
            return _attend(root, bundle.directory, reader, on_output)
    finally:
        bundle.remove()


def _attend(
    root: Path, directory: Path, reader: log.Reader, on_output: Callable[[str, bytes], None]
) -> Exit:
    start = Start(root, directory, directory.name, recorded=False, lifeline=True, attached=True)
    session = launch.start(start)
    try:
        for _ in session.news():
            for entry in reader.new():
                on_output(entry.stream, entry.data)
    finally:
        if session.exit is None:
            session.abort()
        session.close()
    if session.exit is None:
        raise OnggiError("the monitor of a build step was killed", hint="build again")
    return session.exit
