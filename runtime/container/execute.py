"""`exec`: one more process in a container that runs already.

The launcher forks a child that enters the container's namespaces and forks once more, because
a PID namespace is entered by one's children only. The grandchild joins the control group, and
what then happens to it is what happens to PID 1 at the end of `init.become`: it gives its power
away and becomes the program. The child between is not the container's: it counts in no limit.

man 2 setns, man 7 pid_namespaces
"""

from __future__ import annotations

import errno
import json
import os
import socket
from dataclasses import dataclass
from typing import NoReturn

from runtime.container import init, messages
from runtime.container.bundle import Bundle
from runtime.container.messages import Message
from runtime.errors import Conflict, KernelError
from runtime.linux import cgroup, namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.linux.seccomp import Filter
from runtime.oci.document import Document
from runtime.oci.spec import NAMESPACES, Process


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is taken along when the container's namespaces are entered: descriptors that lead to
    its first process and into its control group, and its filter.
    """

    pidfd: int
    doors: tuple[int, ...]
    filter_: Filter | None


def execute(message: Message, bundle: Bundle, caller: socket.socket, stdio: init.Stdio) -> None:
    """Run the process that `message` describes in the container of `bundle`; tell `caller` its
    exit code, or the error.
    """
    process.set_name("onggi-exec")
    # Until it is the program, nobody inside may look into this process: not at its memory, and
    # not at its executable, which is the host's.
    process.prctl(process.PR_SET_DUMPABLE, 0)
    init.forbid_imports()
    program = Process.from_json(Document(message["process"], "process"))
    try:
        entrance = enter(bundle, message["pid"], message["pid_start"])
        code = run(program, stdio, entrance)
    except BaseException as error:  # noqa: BLE001  (reported to the one who asked)
        messages.send(caller, {"error": json.loads(messages.described(error))})
        return
    messages.send(caller, {"exit_code": code})


def enter(bundle: Bundle, pid: int, pid_start: int) -> Entrance:
    """Move this process into the container's namespaces, but for that of its control groups:
    from inside, a process could not be moved there from outside.

    The descriptor is taken before the start time is compared, so that a number which has
    meanwhile been given to another process is noticed. Raises Conflict, KernelError.
    """
    container_id = bundle.directory.name
    ended = Conflict("container {name} is not running", name=container_id[:12])
    flags = 0
    for kind in {*NAMESPACES} - {"cgroup"}:
        flags |= namespaces.FLAG_OF_KIND[kind]
    try:
        pidfd = namespaces.pidfd_open(pid)
        if not process.is_alive(pid, pid_start):
            raise ended
        doors, filter_ = Cgroup(container_id).doors(), bundle.filter()
        namespaces.setns(pidfd, flags)
    except KernelError as error:
        if error.errno in (errno.ESRCH, errno.ENOENT):
            raise ended from error
        raise
    return Entrance(pidfd, doors, filter_)


def run(program: Process, stdio: init.Stdio, entrance: Entrance) -> int:
    """Fork into the PID namespace, become the program, wait for it; return its exit code.

    Raises CommandNotStarted.
    """
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        _become(program, stdio, entrance, theirs)
    for descriptor in {theirs.detach(), stdio.stdin, stdio.stdout, stdio.stderr}:
        os.close(descriptor)
    problem, _ = messages.receive(channel)  # none: it was closed by becoming the program
    _, status = os.waitpid(child, 0)
    if problem is not None:
        raise messages.as_error(problem["error"])
    return process.exit_code(status)


def _become(
    program: Process, stdio: init.Stdio, entrance: Entrance, channel: socket.socket
) -> NoReturn:
    try:
        os.setsid()
        cgroup.pass_through(entrance.doors)
        namespaces.setns(entrance.pidfd, namespaces.CLONE_NEWCGROUP)
        init.execute(program, stdio, entrance.filter_)
    except BaseException as error:  # noqa: BLE001  (a forked child must never return)
        messages.send(channel, {"error": json.loads(messages.described(error))})
    os._exit(125)
