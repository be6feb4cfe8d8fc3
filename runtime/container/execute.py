"""`exec`: one more process in a container that runs already.

The launcher forks a child that enters the container's namespaces and forks once more, because
a PID namespace is entered by one's children only. The grandchild joins the control group, and
what then happens to it is what happens to PID 1 at the end of `init.become`: it gives its power
away and becomes the program. The child between is not the container's: it counts in no limit.

Nothing that the program reads or writes goes through the child between, as long as its caller
is there. When he has gone, the child reads in his place, and throws away: the program runs on.

man 2 setns, man 7 pid_namespaces
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from runtime.container import init, messages
from runtime.container.bundle import Bundle
from runtime.container.executions import Notes
from runtime.container.messages import Message
from runtime.container.terminal import open_terminal
from runtime.errors import Conflict, KernelError
from runtime.linux import cgroup, namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.linux.seccomp import Filter
from runtime.linux.terminal import Size, hold_open, read_master
from runtime.oci.document import Document
from runtime.oci.spec import NAMESPACES, Process

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is taken along when the container's namespaces are entered: descriptors that lead to
    its first process and into its control group, and its filter.
    """

    pidfd: int
    doors: tuple[int, ...]
    filter_: Filter | None


def execute(
    message: Message,
    bundle: Bundle,
    caller: socket.socket,
    stdio: init.Stdio | None,
    begun: Callable[[], None],
) -> int | None:
    """Run the process that `message` describes in the container of `bundle`; without
    `stdio` on a terminal of its own.

    Its exit code is returned, or None when it could not be begun. `caller` is told that it has
    begun, and its exit code; or the error. `executions` knows, too. `begun` is called when it has
    begun.
    """
    code: int | None = None
    process.set_name("onggi-exec")
    # Until it is the program, nobody inside may look into this process: not at its memory, and
    # not at its executable, which is the host's.
    process.prctl(process.PR_SET_DUMPABLE, 0)
    init.forbid_imports()
    program = Process.from_json(Document(message["process"], "process"))
    try:
        notes = Notes(bundle.directory, message["id"], message["process"])
        outputs = () if stdio is None else other_ends(stdio)
        entrance = enter(bundle, message["pid"], message["pid_start"])
        child, channel = fork_into(program, stdio, entrance, notes)
        if stdio is not None:
            for descriptor in {stdio.stdin, stdio.stdout, stdio.stderr}:
                os.close(descriptor)
        masters = hear_it_begin(child, channel)
        notes.begun(child)
        with contextlib.suppress(OSError):
            messages.send(caller, {"terminal": True} if masters else {"running": True}, masters)
        begun()
        for master in masters:
            hold_open(master)
        code = stay(child, caller, outputs or masters)
        notes.ended(code)
        answer: Message = {"exit_code": code}
    except BaseException as error:  # noqa: BLE001  (reported to the one who asked)
        answer = {"error": messages.described(error)}
    with contextlib.suppress(OSError):  # nobody may be there any more
        messages.send(caller, answer)
    return code


def enter(bundle: Bundle, pid: int, pid_start: int) -> Entrance:
    """Find the container's first process and enter its world (see `enter_world`).

    The descriptor is taken before the start time is compared, so that a number which has
    meanwhile been given to another process is noticed. Raises Conflict, KernelError.
    """
    container_id = bundle.directory.name
    ended = Conflict("container {name} is not running", name=container_id[:12])
    try:
        pidfd = namespaces.pidfd_open(pid)
        if not process.is_alive(pid, pid_start):
            raise ended
        return enter_world(bundle, pidfd)
    except KernelError as error:
        if error.errno in (errno.ESRCH, errno.ENOENT):
            raise ended from error
        raise


def enter_world(bundle: Bundle, pidfd: int) -> Entrance:
    """Move this process into the container's namespaces, but for that of its control groups:
    from inside, a process could not be moved there from outside. Raises KernelError.
    """
    flags = 0
    for kind in {*NAMESPACES} - {"cgroup"}:
        flags |= namespaces.FLAG_OF_KIND[kind]
    doors, filter_ = Cgroup(bundle.directory.name).doors(), bundle.filter()
    namespaces.setns(pidfd, flags)
    return Entrance(pidfd, doors, filter_)


def fork_into(
    program: Process, stdio: init.Stdio | None, entrance: Entrance, notes: Notes
) -> tuple[int, socket.socket]:
    """Fork into the PID namespace; the child becomes the program. Its PID, and what it says."""
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        notes.close()
        channel.close()
        _become(program, stdio, entrance, theirs)
    theirs.close()
    return child, channel


def hear_it_begin(child: int, channel: socket.socket) -> tuple[int, ...]:
    """Wait until the child is the program; the master of its terminal, if it has one.

    Raises CommandNotStarted, or what else it reports instead; then it is gone.
    """
    message, masters = messages.receive(channel)
    if masters:
        message, _ = messages.receive(channel)
    if message is not None:  # otherwise the channel was closed by becoming the program
        os.waitpid(child, 0)
        raise messages.as_error(message["error"])
    return masters


def other_ends(stdio: init.Stdio) -> tuple[int, ...]:
    """The reading ends of the pipes that the program will write to."""
    return tuple(
        os.open(f"/proc/self/fd/{output}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        for output in {stdio.stdout, stdio.stderr}
        if stat.S_ISFIFO(os.fstat(output).st_mode)
    )


def stay(child: int, caller: socket.socket, outputs: tuple[int, ...]) -> int:
    """Wait for the child's end; its exit code. From the caller's end on, empty its `outputs`."""
    pidfd = namespaces.pidfd_open(child)
    with selectors.DefaultSelector() as selector:
        selector.register(pidfd, selectors.EVENT_READ)
        selector.register(caller, selectors.EVENT_READ)
        while ready := {key.fd for key, _ in selector.select()}:
            if pidfd in ready:
                break
            if caller.fileno() in ready:  # he says nothing, so he has gone
                selector.unregister(caller)
                for output in outputs:
                    selector.register(output, selectors.EVENT_READ)
            for output in ready.intersection(outputs):
                if read_master(output, CHUNK_BYTES) == b"":
                    selector.unregister(output)
    return process.exit_code(os.waitpid(child, 0)[1])


def _become(
    program: Process, stdio: init.Stdio | None, entrance: Entrance, channel: socket.socket
) -> NoReturn:
    try:
        os.setsid()
        cgroup.pass_through(entrance.doors)
        namespaces.setns(entrance.pidfd, namespaces.CLONE_NEWCGROUP)
        if stdio is None:
            window = program.console_size
            slave = open_terminal(window and Size(*window), channel, console=False)
            stdio = init.Stdio(slave, slave, slave)
        init.require_directory(program.cwd)
        init.execute(program, stdio, entrance.filter_)
    except BaseException as error:  # noqa: BLE001  (a forked child must never return)
        messages.send(channel, {"error": messages.described(error)})
    os._exit(125)
