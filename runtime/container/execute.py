"""`exec`: one more process in a container that runs already.

The launcher forks a child that enters the container's namespaces and forks once more, because
a PID namespace is entered by one's children only. What then happens to the grandchild is what
happens to PID 1 at the end of `init.become`: it gives its power away and becomes the program.

man 2 setns, man 7 pid_namespaces
"""

from __future__ import annotations

import json
import os
import socket
from typing import NoReturn

from runtime.container import init, messages
from runtime.container.messages import Message
from runtime.errors import Conflict
from runtime.linux import namespaces, process
from runtime.linux.cgroup import Cgroup
from runtime.oci.document import Document
from runtime.oci.spec import NAMESPACES, Process


def execute(message: Message, caller: socket.socket, stdio: init.Stdio) -> None:
    """Run the process that `message` describes; tell `caller` its exit code, or the error."""
    process.set_name("onggi-exec")
    # Until it is the program, nobody inside may look into this process: not at its memory, and
    # not at its executable, which is the host's.
    process.prctl(process.PR_SET_DUMPABLE, 0)
    init.forbid_imports()
    program = Process.from_json(Document(message["process"], "process"))
    try:
        enter(message["container"], message["pid"], message["pid_start"])
        code = run(program, stdio)
    except BaseException as error:  # noqa: BLE001  (reported to the one who asked)
        messages.send(caller, {"error": json.loads(messages.described(error))})
        return
    messages.send(caller, {"exit_code": code})


def enter(container_id: str, pid: int, pid_start: int) -> None:
    """Move this process into the container's control group and namespaces.

    The descriptor is taken before the start time is compared, so that a number which has
    meanwhile been given to another process is noticed. Raises Conflict, KernelError.
    """
    pidfd = namespaces.pidfd_open(pid)
    if not process.is_alive(pid, pid_start):
        raise Conflict("container {name} is not running", name=container_id[:12])
    Cgroup(container_id).join()
    flags = 0
    for kind in NAMESPACES:
        flags |= namespaces.FLAG_OF_KIND[kind]
    namespaces.setns(pidfd, flags)
    os.close(pidfd)


def run(program: Process, stdio: init.Stdio) -> int:
    """Fork into the PID namespace, become the program, wait for it; return its exit code.

    Raises CommandNotStarted.
    """
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        _become(program, stdio, theirs)
    for descriptor in {theirs.detach(), stdio.stdin, stdio.stdout, stdio.stderr}:
        os.close(descriptor)
    problem, _ = messages.receive(channel)  # none: it was closed by becoming the program
    _, status = os.waitpid(child, 0)
    if problem is not None:
        raise messages.as_error(problem["error"])
    return process.exit_code(status)


def _become(program: Process, stdio: init.Stdio, channel: socket.socket) -> NoReturn:
    try:
        os.setsid()
        init.execute(program, stdio)
    except BaseException as error:  # noqa: BLE001  (a forked child must never return)
        messages.send(channel, {"error": json.loads(messages.described(error))})
    os._exit(125)
