"""The launcher: a small resident process that forks monitors.

A notebook kernel has threads and hundreds of megabytes; forking it is slow and can deadlock
the child. A fresh interpreter for every container costs more than the container. So one small,
single-threaded process a state directory has everything imported and forks on request. It ends
when it has not been needed for a while.

It belongs to nobody's session, control group, directory or environment: whoever happened to
start it may go away. Its children are reaped by the kernel (SIGCHLD is ignored).

Rule: it never waits for a caller; each conversation is held by a forked child.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

from runtime.container import init, messages
from runtime.container.execute import execute
from runtime.container.messages import Start
from runtime.container.monitor import monitor
from runtime.linux import cgroup, process

IDLE_S = 60.0
"""After this long without a request it ends. Starting it anew takes a few hundredths of a
second."""

GROUP = cgroup.Cgroup("launcher")


def main(listener_descriptor: int, root: str, path: str) -> None:
    """Serve requests on an inherited listening socket until there have been none for long."""
    listener = socket.socket(fileno=listener_descriptor)
    _stand_alone()
    gc.collect()
    gc.freeze()  # so that a child's garbage collection does not copy the pages it shares
    while select.select([listener], [], [], IDLE_S)[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _converse(Path(root), connection)
        connection.close()
    # Whoever connects from now on finds no file, or nobody behind it, and starts another.
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    leave_group()


def _stand_alone() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    process.set_name("onggi-launcher")
    with contextlib.suppress(OSError):  # without privilege there are no groups of our own
        GROUP.create({})
        GROUP.join()


def leave_group() -> None:
    """The last one out of the launcher's control group removes it."""
    cgroup.leave()
    GROUP.remove_if_empty()


def _converse(root: Path, connection: socket.socket) -> None:
    """Carry out one request in this child, then end."""
    launcher = os.getppid()
    try:
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        message, descriptors = messages.receive(connection)
        if message is None:
            pass
        elif message["verb"] == "exec":
            execute(message, connection, init.Stdio(*descriptors))
        else:
            start = Start.from_message(root, message)
            monitor(start, connection, descriptors[0] if descriptors else None)
    except BaseException:  # noqa: BLE001  (a forked child must not return into the loop)
        traceback.print_exc(file=sys.stderr)
    if os.getppid() != launcher:
        leave_group()
    os._exit(0)
