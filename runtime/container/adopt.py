"""Adoption: a new monitor for a container whose monitor was killed.

The container has noticed nothing: its output waits in the named pipes, which it holds open itself.
The first call of the engine that finds a row with a dead monitor and living processes asks the
launcher for a successor. Of several who are asked at once one gets the lock, and the others leave.

The container's first process is nobody's child here, so nobody can wait for it. But a pidfd that
was opened while it ran tells how it ended (Linux 6.15: PIDFD_INFO_EXIT). Where the kernel does not
say it, nothing is invented: the end is recorded as one that nobody saw.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable

from runtime.container import messages
from runtime.container.bundle import Bundle
from runtime.container.first import FirstProcess
from runtime.container.messages import Start
from runtime.container.monitor import Running, checkup_inside, clear, is_alone, launch, rest, stay
from runtime.container.post import listening, only_successor
from runtime.container.record import Record
from runtime.container.records import Records
from runtime.container.state import Status
from runtime.container.streams import Streams
from runtime.errors import KernelError
from runtime.linux import namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_oom import OomWatch


def adopt(
    start: Start,
    records: Records,
    first: FirstProcess,
    caller: socket.socket,
    begun: Callable[[], None],
) -> None:
    """Become the container's monitor, unless somebody else is: until its last end.

    `caller` is answered when that is decided. Never raises: what goes wrong is told to it.
    """
    process.set_name("onggi-monitor")
    os.setsid()
    record = Record(start, records)
    try:
        with only_successor(start, record) as chosen:
            if not chosen:
                first.dismiss()
                messages.send(caller, {})
                return
            with listening(start.directory) as listener:
                running, guests = take_over(start, record, first, listener, caller)
                begun()
                if running is None:
                    return
                running, ended = stay(start, record, running, listener, guests)
                running.streams.say_goodbye(ended)
            clear(running, record)
    except BaseException as error:  # noqa: BLE001  (reported to the one who asked)
        with contextlib.suppress(OSError):
            messages.send(caller, {"error": messages.described(error)})


def take_over(
    start: Start,
    record: Record,
    first: FirstProcess,
    listener: socket.socket,
    caller: socket.socket,
) -> tuple[Running | None, list[socket.socket]]:
    """Continue where the other one was killed; None if there is nothing to continue. Beside it,
    who came meanwhile.

    A container that waited for its restart is started when its pause is over; `first` is for that.
    """
    if record.status() == Status.RESTARTING:
        record.adopted()
        messages.send(caller, {})
        guests = rest(record, listener, record.pause_left_s())
        if guests is None:
            first.dismiss()
            return None, []
        first.prepare(start)
        return launch(start, record, first), guests
    first.dismiss()
    running = resume(start, record)
    messages.send(caller, {})
    return running, []


def resume(start: Start, record: Record) -> Running | None:
    """Attend to a container that runs; None if it has just ended, and nobody saw how."""
    pid, pid_start = record.program()
    try:
        pidfd = namespaces.pidfd_open(pid)
    except KernelError:
        return None
    if not process.is_alive(pid, pid_start):
        os.close(pidfd)
        return None
    record.adopted()
    bundle = Bundle(start.root, start.directory)
    spec = bundle.spec()
    checkup = checkup_inside(record, bundle, pidfd)
    streams, group = Streams(start.directory, spec), Cgroup(start.directory.name)
    alone = is_alone(spec)
    watch = OomWatch(group) if spec.resources.get("memory") else None
    return Running(pid, pidfd, streams, group, watch, alone, checkup, adopted=True)
