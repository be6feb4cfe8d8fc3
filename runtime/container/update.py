"""`update`: other limits for a container that exists, whether it runs or not.

Four places say what a container may use: the request in its row, config.json, the kernel's
control group, and nobody may ever see two of them disagree for long. They change in this order:

    `update` (what it was) → row (from here on it is what it will be) → config.json → kernel → gone

The file `update` in the container's directory is both memory and lock: who changes limits holds
it (flock), and takes it away at the end. A file that nobody holds was left by a process that was
killed in between. Whoever looks at the container next carries on from the row, which names
limits, not changes: to apply them once more does no harm. When the kernel refuses them, all
becomes what it was.

man 2 flock
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.container import limits
from runtime.container.bundle import Bundle, Request
from runtime.database import Database
from runtime.errors import Conflict, NotFound, OnggiError
from runtime.linux.cgroup import Cgroup

MARKER = "update"

PARTS = ("memory", "cpu", "pids", "blockIO")
"""The members of `linux.resources` that a request decides; others (devices) stay as they are."""


def changed(request: Request, changes: Mapping[str, Any]) -> Request:
    """The request with other limits, by docker's rules. Raises Conflict.

    Memory and swap together keep their limit unless a new one is given.
    """
    memory = changes.get("memory_bytes", 0)
    both = limits.swap_bytes(request)
    if memory and both and "memory_swap_bytes" not in changes:
        if memory > both > 0:
            raise Conflict(
                "the new memory limit is above the limit for memory and swap together",
                hint="change both at the same time, with --memory and --memory-swap",
            )
        changes = {**changes, "memory_swap_bytes": both}
    return replace(request, **changes)


def update(database: Database, bundle: Bundle, change: Callable[[Request], Request]) -> Request:
    """Let `change` make another request of a container's, and make it true everywhere.

    Raises what `change` and `limits.resources` raise, and KernelError when the kernel refuses;
    then all is as it was. NotFound.
    """
    with _alone(bundle, wait=True) as marker:
        assert marker is not None
        _carry_on(database, bundle, marker)
        before = _request(database, bundle)
        after = change(before)
        limits.resources(after)
        os.write(marker, before.to_json().encode())
        try:
            _apply(database, bundle, after)
        except BaseException:
            _apply(database, bundle, before)
            raise
        return after


def carry_on(database: Database, bundle: Bundle) -> bool:
    """Finish what an update that was killed has left half done; True if there was one."""
    if not (bundle.directory / MARKER).exists():
        return False
    with _alone(bundle, wait=False) as marker:
        if marker is not None:
            _carry_on(database, bundle, marker)
        return marker is not None


def _carry_on(database: Database, bundle: Bundle, marker: int) -> None:
    """A marker with nothing in it is our own, or was left before anything had changed."""
    before = os.pread(marker, os.fstat(marker).st_size, 0)
    if not before:
        return
    try:
        _apply(database, bundle, _request(database, bundle))
    except OnggiError:
        with contextlib.suppress(ValueError, OnggiError):  # it was not written to its end
            _apply(database, bundle, Request.from_json(before.decode()))
    os.ftruncate(marker, 0)


def _request(database: Database, bundle: Bundle) -> Request:
    row = database.one("SELECT request FROM containers WHERE id = ?", bundle.directory.name)
    if row is None:
        raise NotFound("no such container: {name}", name=bundle.directory.name[:12])
    return Request.from_json(row["request"])


def _apply(database: Database, bundle: Bundle, request: Request) -> None:
    """Row, config.json, kernel. Who starts it meanwhile looks at config.json again after its row
    says that it runs (`monitor.launch`), so one of the two sees the other.
    """
    container_id = bundle.directory.name
    statement = "UPDATE containers SET request = ? WHERE id = ?"
    if not database.change(statement, request.to_json(), container_id):
        raise NotFound("no such container: {name}", name=container_id[:12])
    wanted, spec = limits.resources(request), bundle.spec()
    others = {name: part for name, part in spec.resources.items() if name not in PARTS}
    bundle.rewrite(replace(spec, resources={**others, **wanted}))
    group = Cgroup(container_id)
    row = database.one("SELECT pid FROM containers WHERE id = ?", container_id)
    if row and row["pid"]:
        try:
            group.change(wanted)
        except OnggiError:
            if group.exists():  # otherwise it has just ended
                raise


@contextlib.contextmanager
def _alone(bundle: Bundle, wait: bool) -> Iterator[int | None]:
    """Hold the marker; it is gone afterwards, unless we are killed. Not `wait`: None if there is
    none or somebody holds it. Raises NotFound.
    """
    path = bundle.directory / MARKER
    marker = None
    while marker is None or not _is_at(path, marker):  # its holder has taken it away meanwhile
        if marker is not None:
            os.close(marker)
        try:
            marker = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if wait else 0), 0o600)
            fcntl.flock(marker, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except (FileNotFoundError, BlockingIOError) as error:
            if marker is not None:
                os.close(marker)
            if wait:
                raise NotFound(
                    "no such container: {name}", name=bundle.directory.name[:12]
                ) from error
            yield None
            return
    try:
        yield marker
    finally:
        path.unlink(missing_ok=True)
        os.close(marker)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
