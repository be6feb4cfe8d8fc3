"""PID 1 before its program: forked before it is needed, furnished when it is.

Forking, and making namespaces, is a good part of a container's start, and much of it does not
depend on which container it will be. So it is done ahead: a `FirstProcess` waits, alone in new PID,
network, IPC and UTS namespaces, for its orders, with what most containers have (`ahead`).

    monitor                                    first process
    fork ───────────────────────────────────▶  new namespaces, loopback up, furniture
    prepare: {start} ───────────────────────▶  reads what it will be, puts the layers together
    furnish: {worlds} ──────────────────────▶  mounts, devices, gives power away (`init.become`)
                      ◀── {terminal} + master, if it has one
    begin:   {go} ──────────────────────────▶  becomes the program
                      ◀── {error}, or the end of the channel: it is the program

The channel is closed on exec, so its end is the good news. The two work at the same time: between
`prepare` and `furnish` the monitor sees to the control group, between `furnish` and `begin` it
writes down that the container runs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from runtime.container import ahead, init, joining, messages, rehearsal
from runtime.container.bundle import Bundle
from runtime.container.messages import STDIN, STREAMS, Start, StdinPolicy
from runtime.errors import HostLacks, KernelError
from runtime.linux import namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.oci.spec import Namespace, Spec
from runtime.snapshot.overlay import Snapshots

FROZEN_S = 0.5
"""So long a first process is waited for before one asks whether it was frozen on its way."""

GONE = (BrokenPipeError, ConnectionResetError)
"""What one hears who sends to a process that has ended, with or without having read all before."""


class FirstProcess:
    """The monitor's side. `pid` is the host's number for it."""

    def __init__(self, root: Path, pid_world: int | None = None) -> None:
        """Fork it, as the first in a PID namespace of its own; or into that of a process, by its
        pidfd. No other child of the caller lives in a PID namespace.
        """
        self._group = ahead.make_group() if pid_world is None else None
        self._in_group = self._dismissed = False
        doors = self._group.doors() if self._group else ()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        me = namespaces.pidfd_open(os.getpid())
        with contextlib.suppress(OSError):  # without privilege: `live` will say so
            if pid_world is None:
                namespaces.give_children_new_pids()
            else:
                namespaces.setns(pid_world, namespaces.CLONE_NEWPID)
        self.pid = os.fork()
        if self.pid == 0:
            self._channel.close()
            _tie_to(me)
            live(root, theirs, doors, usual=pid_world is None)
        for descriptor in (me, *doors):
            os.close(descriptor)
        theirs.close()

    def prepare(self, start: Start) -> None:
        """Tell it which container it will be. Nobody else may be starting that one."""
        with contextlib.suppress(*GONE):  # it has failed already: `begin` says why
            messages.send(self._channel, start.to_message())

    def take_group(self, spec: Spec, group: Cgroup) -> bool:
        """Make its control group the container's, if that will do: see `ahead`."""
        taken = ahead.take_group(self._group, spec, group.name)
        self._in_group = taken
        return taken

    def furnish(self, worlds: joining.Worlds) -> None:
        """Let it leave some of its worlds for these, if any, and set itself up. The container's
        control group must be there.
        """
        message = {
            "worlds": [(flags, whose) for flags, _, whose in worlds],
            "in_group": self._in_group,
        }
        with contextlib.suppress(*GONE):
            messages.send(self._channel, message, tuple(pidfd for _, pidfd, _ in worlds))

    def begin(self, group: Cgroup) -> int | None:
        """Let it become its program; the master of its terminal, if it has one. Raises what it
        reports instead. `group` is its control group, in which it may have been frozen.
        """
        with contextlib.suppress(*GONE):  # it has failed already, and says why
            messages.send(self._channel, {"go": True})
        master = None
        message, descriptors = self._hear(group)
        if message is not None and "terminal" in message:
            (master,) = descriptors
            message, _ = self._hear(group)
        if message is not None:
            raise messages.as_error(message["error"])
        self._channel.close()
        self.leave_group()
        return master

    def _hear(self, group: Cgroup) -> tuple[messages.Message | None, tuple[int, ...]]:
        """Its next message. It runs by its row, so somebody may pause it before it has begun, and
        then it would never get so far: it is let go on, as often as need be.
        """
        while not select.select([self._channel], [], [], FROZEN_S)[0]:
            with contextlib.suppress(HostLacks, KernelError):
                if group.is_frozen():
                    group.thaw()
        return messages.receive_all_the_same(self._channel)

    def let_go(self) -> None:
        """It is not needed: it ends by itself, and is reaped when this process has ended."""
        self._channel.close()

    def dismiss(self) -> None:
        """It is not needed: end it and reap it, if that has not been done."""
        self._channel.close()
        if self._dismissed:
            return
        self._dismissed = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.leave_group()

    def leave_group(self) -> None:
        """Remove the group that was made ahead, unless it is the container's now. If somebody is
        in it still, that is left to whoever makes the next one.
        """
        if self._group is not None and not self._in_group:
            with contextlib.suppress(KernelError):
                self._group.remove()


def born_where_wanted(first: FirstProcess, spec: Spec, start: Start) -> FirstProcess:
    """A first process in the PID world that `spec` wants: mostly the one that is ready.

    Raises Conflict, NotFound for another container's that is not there.
    """
    pid_world = joining.pid_world_of(spec, start.root)
    if pid_world is None:
        return first
    first.dismiss()
    first = FirstProcess(start.root, pid_world)
    os.close(pid_world)
    first.prepare(start)
    return first


def live(root: Path, channel: socket.socket, doors: tuple[int, ...], *, usual: bool) -> NoReturn:
    """The child's side. Never returns: it becomes a program, or says why not and ends.

    It waits in the control group to which `doors` lead, if there is one. What it will be is not
    known yet: probably as `usual`.
    """
    try:
        os.setsid()
        init.enter_early_namespaces()
        if doors:
            ahead.step_into(doors)
        furniture = None
        if usual:
            furniture = ahead.furnish_room(root / "floor", in_group=bool(doors))
        rehearsal.read()
        rehearsal.become(root)
        message, _ = messages.receive(channel)
        if message is not None:
            process.set_name("onggi-init")
            start = Start.from_message(root, message)
            world = _world(start)
            # Opened in the host's mounts, it keeps its name.
            nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            shown = init.prepare(world)
            message, descriptors = messages.receive(channel)
        if message is not None:
            if message["worlds"] or world.spec.namespace("pid") != Namespace("pid"):
                # Who shares a world must not look into this process, which is the host's yet.
                process.prctl(process.PR_SET_DUMPABLE, 0)
                furniture = None  # it was made in worlds that are left now
            fetched = {**shown, **_enter_worlds(message["worlds"], descriptors)}
            policy = StdinPolicy.of(world.spec.annotations)
            stdio = None if world.spec.process.terminal else _pipes(start, policy, nothing)
            in_group = message["in_group"]
            world = replace(world, fetched=fetched, furniture=furniture, in_group=in_group)
            init.become(world, stdio, channel)
    except BaseException as error:  # noqa: BLE001  (a forked child must never return)
        with contextlib.suppress(OSError):
            messages.send(channel, {"error": messages.described(error)})
    os._exit(125)


def _enter_worlds(worlds: list[tuple[int, str]], descriptors: tuple[int, ...]) -> Mapping[str, int]:
    pairs = zip(worlds, descriptors, strict=True)
    return joining.enter([(flags, pidfd, whose) for (flags, whose), pidfd in pairs])


def _world(start: Start) -> init.World:
    bundle = Bundle(start.root, start.directory)
    overlay = Snapshots(start.root).overlay(start.snapshot)
    group = Cgroup(start.directory.name)
    spec = bundle.spec()
    if start.window is not None:
        spec = replace(spec, process=replace(spec.process, console_size=start.window))
    return init.World(spec, overlay, bundle, group, start.lifeline, reaped=start.init)


def _pipes(start: Start, policy: StdinPolicy, nothing: int) -> init.Stdio:
    """The named pipes, or `nothing` as the input. The outputs are opened for reading, too: see
    `streams`. So is an input for ever for writing: it does not end with the monitor either.
    """
    stdin = nothing
    if policy != StdinPolicy.NOTHING:
        mode = os.O_RDWR if policy == StdinPolicy.FOR_EVER else os.O_RDONLY
        stdin = os.open(start.directory / STDIN, mode | os.O_CLOEXEC)
    outputs = (os.open(start.directory / name, os.O_RDWR | os.O_CLOEXEC) for name in STREAMS)
    return init.Stdio(stdin, *outputs)


def _tie_to(monitor_pidfd: int) -> None:
    """A half made container must not outlive its monitor, nor one that died before this."""
    process.die_with_parent(signal.SIGKILL)
    if select.select([monitor_pidfd], [], [], 0)[0]:
        os._exit(1)
    os.close(monitor_pidfd)
