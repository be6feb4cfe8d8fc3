"""A build step: one command in a container of its own, which lives no longer than its caller.

It is started like every container, by the launcher and with a monitor, but it has no row in
the database and hangs on a lifeline: when the caller goes away, even by kill -9, the monitor
kills it. What a container's row says of it stands in a file of its bundle, `request.json`, where
the networks' keeper looks for it (`network/records`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runtime.cancellation import Cancellation
from runtime.container import isolation, launch, limits, log, profile, worlds
from runtime.container.bundle import Bundle, Request, etc_mounts
from runtime.container.messages import Exit, Start
from runtime.errors import OnggiError
from runtime.oci.mounts import Mount
from runtime.oci.spec import Process, Spec

HOSTNAME = "build"
"""The same in every build, so that what a command writes does not depend on it."""


PLAIN = Request(image="", network=worlds.NO_NETWORK)


def run_step(
    root: Path,
    snapshot: str,
    program: Process,
    on_output: Callable[[str, bytes], None],
    mounts: tuple[Mount, ...] = (),
    request: Request = PLAIN,
    cancellation: Cancellation | None = None,
) -> Exit:
    """Run `program` on a writable snapshot, with `mounts`, and wait for its end. `request` says
    what surrounds it, and nothing else: its network, names for /etc/hosts, limits, shared memory.

    `on_output` gets what it writes, as (stream, bytes), while it runs. Raises
    CommandNotStarted, Cancelled; whatever interrupts this, the command is dead afterwards and only
    the snapshot is left.
    """
    bundle = Bundle(root, root / "builds" / snapshot)
    neighbour = worlds.neighbour_bundle(request, root) or bundle.directory
    spec = Spec(
        process=replace(program, rlimits=isolation.rlimits_of(request)),
        hostname=HOSTNAME,
        mounts=(*worlds.mounts_of(request, root), *etc_mounts(neighbour), *mounts),
        namespaces=worlds.namespaces_of(request, root),
        resources=limits.resources(request),
        annotations=worlds.network_annotation(request.network),
        seccomp=profile.default_seccomp(program.capabilities),
    )
    bundle.write(spec, request)
    (bundle.directory / "request.json").write_text(request.to_json())
    try:
        with log.Reader(bundle.directory / log.NAME) as reader:
            cancelled = cancellation or Cancellation()
            return _attend(root, bundle.directory, reader, on_output, cancelled)
    finally:
        bundle.remove()


def _attend(
    root: Path,
    directory: Path,
    reader: log.Reader,
    on_output: Callable[[str, bytes], None],
    cancellation: Cancellation,
) -> Exit:
    start = Start(root, directory, directory.name, recorded=False, lifeline=True, attached=True)
    session = launch.start(start)
    try:
        with cancellation.ends(session.let_go):
            for _ in session.news():
                for entry in reader.new():
                    on_output(entry.stream, entry.data)
    finally:
        if session.exit is None:
            session.abort()
        session.close()
    cancellation.check()
    if session.exit is None:
        raise OnggiError("the monitor of a build step was killed", hint="build again")
    return session.exit
