"""The launcher: a small resident process that forks monitors.

A notebook kernel has threads and hundreds of megabytes; forking it is slow and can deadlock
the child. A fresh interpreter for every container costs more than the container. So one small,
single-threaded process a state directory has everything imported and forks on request. It ends
when it has not been needed for a while.

It belongs to nobody's session, control group, directory or environment: whoever happened to
start it may go away. Its children are reaped by the kernel (SIGCHLD is ignored).

Forking takes a millisecond, opening the database another: so one child is always there before
it is needed (`Spare`).

Rule: it never talks to a caller; each conversation is held by a child.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from runtime.container import ahead, init, messages, rehearsal
from runtime.container.adopt import adopt
from runtime.container.execute import execute
from runtime.container.first import FirstProcess
from runtime.container.heir import Heir, succeed
from runtime.container.messages import Start
from runtime.container.monitor import inherit, monitor
from runtime.container.records import Records
from runtime.errors import OnggiError
from runtime.linux import cgroup, namespaces, process

IDLE_S = 60.0
"""After this long without a request it ends. Starting it anew takes a few hundredths of a
second."""

CALM_S = 0.1
"""For so long nothing is done beside a container that begins, or for whose end somebody waits."""

GROUP = cgroup.Cgroup("launcher")


def main(listener_descriptor: int, root: str, path: str) -> None:
    """Serve requests on an inherited listening socket until there have been none for long."""
    listener = socket.socket(fileno=listener_descriptor)
    os.closerange(3, listener_descriptor)
    os.closerange(listener_descriptor + 1, 1 << 16)
    _stand_alone()
    rehearsal.script()
    rehearsal.wish()
    gc.collect()
    gc.freeze()  # so that a child's garbage collection does not copy the pages it shares
    try:
        while Spare(listener, Path(root)).was_needed(IDLE_S):
            pass
    finally:
        # Whoever connects from now on finds no file, and starts another launcher.
        Path(path).unlink(missing_ok=True)
    while select.select([listener], [], [], 0)[0]:
        Spare(listener, Path(root)).was_needed(IDLE_S)
    leave_group()


class Spare:
    """A child that is forked before it is needed, and has everything open that it will need.

    It takes the next caller itself. The two are tied by a line: the child says when it has been
    called, and lets go of it when the next one may be forked; it ends when the launcher lets go.
    """

    def __init__(self, listener: socket.socket, root: Path) -> None:
        self._listener = listener
        self._line, theirs = socket.socketpair()
        launcher = os.getpid()
        if os.fork() == 0:
            self._line.close()
            serve_one(listener, root, theirs, launcher)
        theirs.close()

    def was_needed(self, patience_s: float) -> bool:
        """Wait until it has a caller and has served it; False if none came, and then it is gone.

        Raises ChildProcessError if it died before it could have one.
        """
        with self._line:
            if not select.select([self._line], [], [], patience_s)[0]:
                return False
            if not self._line.recv(1):
                raise ChildProcessError("a spare died before anybody called")
            # Forking the next one now would slow this one down, unless it is needed already.
            select.select([self._line, self._listener], [], [], CALM_S)
            return True


def serve_one(listener: socket.socket, root: Path, line: socket.socket, launcher: int) -> NoReturn:
    """The spare's life: let a child serve, and stay with the container that it leaves, if any."""
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        serve(listener, root, line, Heir(theirs))
    for each in (listener, line, theirs):
        each.close()
    try:
        bequest, descriptors = messages.receive(ours)
        if bequest is None:
            os.waitpid(child, 0)
        else:
            inherit(root, bequest, descriptors, functools.partial(succeed, ours, child))
    except BaseException:  # noqa: BLE001  (a forked child must not return into the loop)
        traceback.print_exc(file=sys.stderr)
    if os.getppid() != launcher:
        leave_group()
    os._exit(0)


def serve(listener: socket.socket, root: Path, line: socket.socket, heir: Heir) -> NoReturn:
    """The child's life: get ready, wait for a caller, hold the conversation, end."""
    first = FirstProcess(root)
    records = Records(root)
    if not select.select([listener, line], [], [], 0)[0]:  # there is time
        with contextlib.suppress(OnggiError):
            rehearsal.keep_record(records)
        rehearsal.read()
    ready, _, _ = select.select([listener, line], [], [])
    if listener not in ready:
        first.dismiss()
        os._exit(0)
    connection, _ = listener.accept()
    listener.close()
    line.send(b"!")
    try:
        _converse(records, first, connection, line, heir)
    except BaseException:  # noqa: BLE001  (a forked child must not return into the loop)
        traceback.print_exc(file=sys.stderr)
    first.let_go()
    first.leave_group()
    os._exit(0)


def _stand_alone() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    # A container whose monitor is killed becomes our child, and is reaped at once when it ends.
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
    process.set_name("onggi-launcher")
    with contextlib.suppress(OSError):  # without privilege there are no groups of our own
        GROUP.create({})
        GROUP.join()


def leave_group() -> None:
    """The last one out of the launcher's control group removes it."""
    cgroup.leave()
    ahead.clear_groups()
    GROUP.remove_if_empty()


def _converse(
    records: Records,
    first: FirstProcess,
    connection: socket.socket,
    line: socket.socket,
    heir: Heir,
) -> None:
    """Carry out one request."""
    message, descriptors = messages.receive(connection)
    if message is None:
        first.dismiss()
    elif message["verb"] == "exec":
        bundle = records.bundle(message["container"])
        stdio = init.Stdio(*descriptors) if descriptors else None
        with namespaces.coming_home():
            code = execute(message, bundle, connection, stdio, begun=first.let_go)
        if code is not None:
            facts = {"execID": message["id"], "exitCode": str(code)}
            records.note(message["container"], "exec_die", **facts)
    elif message["verb"] == "adopt":
        start = Start.from_message(records.root, message)
        adopt(start, records, first, connection, begun=line.close)
    else:
        start = Start.from_message(records.root, message)
        monitor(start, records, first, connection, line.close, heir)
