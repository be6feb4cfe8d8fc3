"""The monitor: the one process that stays with a container from its first to its last moment.

It puts the container into its control group and its namespaces, lets `streams` copy what it
writes into the log, sees how it ends, and writes that down. It is forked by the launcher, so
neither a restarted notebook kernel nor a closed terminal touches it. Where nobody waits for the
end, one process starts the container (`monitor`), and another one stays with it (`inherit`): see
`heir`.

The container's output comes through named pipes that the container holds open for reading,
too: when a monitor is killed, the container does not die of a broken pipe, and nothing that
it has written is lost.

Rule: single-threaded, small, no library beyond Python's own. It talks to callers through one
socket (`monitor.sock`): connected callers get `output` when there is more in the log, and the
end of the conversation after the exit has been recorded.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from runtime.container import devices, joining, messages
from runtime.container.bundle import Bundle
from runtime.container.cable import Cable
from runtime.container.checkup import Checkup
from runtime.container.first import FirstProcess, born_where_wanted
from runtime.container.heir import Heir
from runtime.container.messages import Exit, Message, Start
from runtime.container.post import going_on, listening, only_monitor
from runtime.container.record import Record
from runtime.container.records import UNKNOWN_EXIT, Records
from runtime.container.state import Status
from runtime.container.streams import Streams
from runtime.errors import KernelError
from runtime.linux import namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_oom import OomWatch, oom_kills
from runtime.oci.spec import Namespace, Process, Spec


@dataclass(frozen=True, slots=True)
class Running:
    """A container that has been started: its first process, its bytes, its control group, and
    who tells when memory has run out in it: it must have a limit, and the watch takes a moment.

    `alone`: its PID namespace is its own, and ends with its first process. `adopted`: that is
    another monitor's child, which was killed. `mounts` are its mounts, held for a while after its
    end, if that is permitted: see `clear`.
    """

    pid: int
    pidfd: int
    streams: Streams
    group: Cgroup
    watch: OomWatch | None
    alone: bool
    checkup: Checkup | None = None
    adopted: bool = False
    mounts: int | None = None


def monitor(
    start: Start,
    records: Records,
    first: FirstProcess,
    caller: socket.socket,
    begun: Callable[[], None],
    heir: Heir,
) -> None:
    """Start the container, stay until it has ended, record how; or leave all but the start to
    `heir`, and end.

    `caller` is told the PID or the error, then `output`, then the exit; `begun` is called when
    the program runs, or when it has ended if somebody waits for that. Never raises: what goes wrong
    is told to the caller.
    """
    process.set_name("onggi-monitor")
    os.setsid()
    record = Record(start, records)
    try:
        with only_monitor(start, record) as lock:
            first.prepare(start)
            with listening(start.directory) as listener:
                chosen = heir if not start.attached and heir.is_ready() else None
                running = launch(start, record, first, chosen)
                with contextlib.suppress(OSError):  # it has gone: that is no reason to stop
                    messages.send(caller, {"pid": running.pid})
                if not start.attached:
                    begun()
                    if chosen is not None and running.alone:
                        hand_over(chosen, start, running, (caller, listener, lock))
                    heir.let_go()
                running, ended = stay(start, record, running, listener, [caller])
                running.streams.say_goodbye(ended)
                begun()
            clear(running, record)
    except BaseException as error:  # noqa: BLE001  (reported to the one who asked)
        with contextlib.suppress(OSError):
            messages.send(caller, {"error": messages.described(error)})


def hand_over(
    heir: Heir, start: Start, running: Running, post: tuple[socket.socket, socket.socket, int]
) -> NoReturn:
    """Leave the container to the heir, with what belongs to the post, and end."""
    caller, listener, lock = post
    spec = running.streams.spec
    ours = {name: text for name, text in spec.annotations.items() if name.startswith("onggi.")}
    optional = {"master": running.streams.master, "mounts": running.mounts}
    there = {name: number for name, number in optional.items() if number is not None}
    bequest = {
        **start.to_message(),
        "pid": running.pid,
        "alone": running.alone,
        "limited": running.watch is not None,
        "checked": running.checkup is not None,
        "terminal": spec.process.terminal,
        "annotations": ours,
        "there": list(there),
    }
    heir.take(bequest, (caller.fileno(), listener.fileno(), lock, *there.values()))


def inherit(
    root: Path,
    bequest: Message,
    descriptors: tuple[int, ...],
    succeed: Callable[[], None],
) -> None:
    """Stay with a container that another process has started, and still holds: until `succeed` is
    called, which makes this process the parent.
    """
    process.set_name("onggi-monitor")
    os.setsid()
    caller, listener, _, *optional = descriptors  # the lock is held by being open
    there = dict(zip(bequest["there"], optional, strict=True))
    start = Start.from_message(root, bequest)
    record = Record(start, Records(root))
    with socket.socket(fileno=listener) as ours, going_on(start.directory):
        running = inherited(bequest, start, record, there)
        succeed()
        running, ended = stay(start, record, running, ours, [socket.socket(fileno=caller)])
        running.streams.say_goodbye(ended)
    clear(running, record)


def inherited(bequest: Message, start: Start, record: Record, there: Mapping[str, int]) -> Running:
    """The container, as this process sees it. The bundle's description is not read, unless there
    are probes to be made from it: it is long.
    """
    pid, group = bequest["pid"], Cgroup(start.directory.name)
    program = Process((), terminal=bequest["terminal"])
    streams = Streams(start.directory, Spec(program, annotations=bequest["annotations"]))
    if "master" in there:
        streams.take_terminal(there["master"])
    watch = None
    if bequest["limited"]:
        watch = OomWatch(group)
        record.lost(oom_kills(group))
    pidfd, checkup = namespaces.pidfd_open(pid), None
    if bequest["checked"]:
        checkup = checkup_inside(record, Bundle(start.root, start.directory), pidfd)
    mounts = there.get("mounts")
    return Running(pid, pidfd, streams, group, watch, bequest["alone"], checkup, mounts=mounts)


def stay(
    start: Start,
    record: Record,
    running: Running,
    listener: socket.socket,
    guests: Sequence[socket.socket] = (),
) -> tuple[Running, Exit]:
    """Attend to this run of the container, and to all those that its restart policy adds; the
    last one, and how it ended. Whoever listens to a run is told the end of that run: `guests`, who
    are there already, and those who come.
    """
    while True:
        attend(running, record, listener, guests, lifeline=start.lifeline)
        ended = finish(running)
        pause_s = record.ended(ended)
        if pause_s is None:
            return running, ended
        running.streams.say_goodbye(ended)
        clear(running, record)
        came = rest(record, listener, pause_s)
        if came is None:
            return running, ended
        first = FirstProcess(start.root)
        first.prepare(start)
        running, guests = launch(start, record, first), came


def rest(record: Record, listener: socket.socket, pause_s: float) -> list[socket.socket] | None:
    """Wait for the moment to start the container again; those who came meanwhile. None if somebody
    has decided against it: who does so knocks.
    """
    guests: list[socket.socket] = []
    until_s = time.monotonic() + pause_s
    while (left_s := until_s - time.monotonic()) > 0:
        if select.select([listener], [], [], left_s)[0]:
            guests.append(listener.accept()[0])
            if not record.waits_for_restart():
                for guest in guests:
                    guest.close()
                return None
    return guests


def launch(start: Start, record: Record, first: FirstProcess, heir: Heir | None = None) -> Running:
    """Make the control group and the pipes, and let `first`, which is prepared, become the program.

    It sets itself up while this process writes down that it exists; only then may it begin.
    `heir` is who will stay with it if it lives in a PID namespace of its own. Raises what went
    wrong inside; then nothing is left of it.
    """
    bundle, group = Bundle(start.root, start.directory), Cgroup(start.directory.name)
    try:
        edition, spec = bundle.edition(), bundle.spec()
        first = born_where_wanted(first, spec, start)
        if not first.take_group(spec, group):
            make_group(group, spec)
        watch = OomWatch(group) if spec.resources.get("memory") else None
        streams = Streams(start.directory, spec)
        with joining.worlds_of(spec, start.root) as worlds:
            first.furnish(worlds)
        try:
            cable = Cable(start, spec, first.pid)
            record.started(first.pid, heir.pid if heir and is_alone(spec) else None)
            cable.wait()
            if bundle.edition() != edition:  # its limits were changed meanwhile: see `update`
                group.change(bundle.spec().resources)
            pidfd, alone = namespaces.pidfd_open(first.pid), is_alone(spec)
            checkup = watch_health(record, spec, bundle, pidfd)
            master = first.begin(group)
            mounts = hold_mounts(first.pid)
            if master is not None:
                streams.take_terminal(master)
            if record.status() == Status.PAUSED:  # before it had begun: see `FirstProcess.begin`
                group.freeze()
        except BaseException as error:
            first.dismiss()
            record.failed(error)
            raise
    except BaseException:
        first.dismiss()  # whoever hears of this may remove the layers that it was just mounting
        group.kill()
        group.remove()
        raise
    return Running(first.pid, pidfd, streams, group, watch, alone, checkup, mounts=mounts)


def make_group(group: Cgroup, spec: Spec) -> None:
    """Make the control group, with limits and device rules. Raises HostLacks, KernelError."""
    group.create(spec.resources)
    devices.keep_rules(group, spec)


def hold_mounts(pid: int) -> int | None:
    """A descriptor of the process's mount namespace; None where that is not permitted, or when it
    has ended already.
    """
    with contextlib.suppress(OSError):
        return os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    return None


def is_alone(spec: Spec) -> bool:
    """Whether the container has a PID namespace for itself."""
    return spec.namespace("pid") == Namespace("pid")


def watch_health(record: Record, spec: Spec, bundle: Bundle, pidfd: int) -> Checkup | None:
    """What its user or its image wants to know about it; None if they do not ask."""
    found = record.check()
    if found is None:
        return None
    check, shell, ran_s = found
    program = replace(spec.process, args=check.command(shell), terminal=False)
    return Checkup(record, check, bundle, program, pidfd, ran_s)


def checkup_inside(record: Record, bundle: Bundle, pidfd: int) -> Checkup | None:
    """The same for a container that another process has started: its probes are to be born inside,
    as this one's children. None if it has ended meanwhile: there is no inside any more.
    """
    try:
        namespaces.setns(pidfd, namespaces.CLONE_NEWPID)
    except KernelError as error:
        if error.errno != errno.ESRCH:
            raise
        return None
    return watch_health(record, bundle.spec(), bundle, pidfd)


def attend(
    running: Running,
    record: Record,
    listener: socket.socket,
    guests: Sequence[socket.socket],
    *,
    lifeline: bool,
) -> None:
    """Copy output to the log, greet callers and see how the container is, until PID 1 has
    ended. With `lifeline` it is killed when a guest goes away.

    Each descriptor is registered together with what to do when it is ready.
    """

    checkup = running.checkup

    def greet() -> None:
        running.streams.greet(listener.accept()[0])

    def kill() -> None:
        signal.pidfd_send_signal(running.pidfd, signal.SIGKILL)

    def count_kills() -> None:
        assert running.watch is not None
        record.lost(running.watch.new_kills())

    with selectors.DefaultSelector() as selector:
        if running.watch is not None:
            selector.register(running.watch, selectors.EVENT_READ, count_kills)
        selector.register(running.pidfd, selectors.EVENT_READ, lambda: None)
        selector.register(listener, selectors.EVENT_READ, greet)
        running.streams.watch(selector)
        for guest in guests:
            running.streams.greet(guest, kill if lifeline else None)
        while True:
            ready = [key for key, _ in selector.select(checkup.due_s() if checkup else None)]
            for key in ready:
                key.data()
            if checkup:
                checkup.look(selector)
            if any(key.fd == running.pidfd for key in ready):
                return


def finish(running: Running) -> Exit:
    """Empty the pipes, reap PID 1, read off how it was.

    When PID 1 ends the kernel kills everybody else in its PID namespace, so nobody writes any
    more and the pipes can be read to their end. In a namespace that is shared nobody does that, so
    it is done here. man 7 pid_namespaces
    """
    status = process.status_of(running.pidfd) if running.adopted else os.waitpid(running.pid, 0)[1]
    if not running.alone:
        running.group.kill()
    if running.checkup is not None:
        running.checkup.close()
    running.streams.close()
    os.close(running.pidfd)
    code = UNKNOWN_EXIT if status is None else process.exit_code(status)
    ended = Exit(code, oom_kills(running.group) > 0, seen=status is not None)
    if running.watch is not None:
        running.watch.close()
    return ended


def clear(running: Running, record: Record) -> None:
    """Remove what nobody needs any more, and nobody waits for: those who wanted to hear of the end
    have heard. Until it is done the post is taken, so nobody starts the container meanwhile.

    Unmounting takes the kernel a while, and a last process that has to do it ends that much later:
    so its mounts are held, and end here. Those of a monitor that is killed end with it.
    """
    if running.mounts is not None:
        os.close(running.mounts)
    with contextlib.suppress(KernelError):  # a guest from outside stays in it: see `delete`
        running.group.remove()
    record.clear()
