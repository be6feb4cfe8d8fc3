"""The heir: who stays with a container has not started it.

To start a container is to use half of the engine once, and a forked Python copies each page of
memory that it uses; the copies would be held for as long as the container runs. So there are two.
One starts it; the other one was forked just before, sleeps, and has copied nothing.

    launcher ──fork──▶ heir ──fork──▶ monitor ──fork──▶ PID 1
                        ◀── {start, pid, …} + descriptors: all that the monitor holds
                        ──▶ the end of the channel: "I hold it, too"
                                       ends; PID 1 becomes the heir's own child

No pipe and no terminal is without a holder for a moment: its program would take that for the end.
Nobody reads for some milliseconds: what is written then waits, and has the time of its reading.

From then on the heir is the container's monitor. It can wait for PID 1 like a parent, because it
is one: a process whose parent ends becomes the child of the nearest ancestor that is a
"subreaper". The heir is one for just this moment: other people's orphans go to the launcher.

Where somebody waits for a container's end nothing is handed over: the first monitor has all that
it takes to write down the end at hand, and is heard sooner. Nor where its processes live in another
PID namespace than one of their own: orphans of theirs would be the heir's, too, in that moment.
Then the heir only waits for its monitor's end.

man 2 prctl, PR_SET_CHILD_SUBREAPER
"""

from __future__ import annotations

import os
import signal
import socket
from typing import NoReturn

from runtime.container import messages
from runtime.container.messages import Message
from runtime.linux import process


class Heir:
    """The monitor's side. `pid` is the heir, who forked it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid = os.getppid()

    def is_ready(self) -> bool:
        """False if it has been killed. From now on the monitor would be killed with it: so what a
        row says of its container's monitor is true of both.
        """
        process.die_with_parent(signal.SIGKILL)
        return os.getppid() == self.pid

    def let_go(self) -> None:
        """It is not needed; whether it lives does not matter any more."""
        process.die_with_parent(0)

    def take(self, bequest: Message, descriptors: tuple[int, ...]) -> NoReturn:
        """Hand everything over, and end: so PID 1 goes over, too."""
        messages.send(self._channel, bequest, descriptors)
        self._channel.recv(1)
        os._exit(0)


def succeed(channel: socket.socket, monitor: int) -> None:
    """The heir's side: it holds by now what it was left, so let the monitor end, its child, and be
    what that was to PID 1.
    """
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
    channel.close()
    os.waitpid(monitor, 0)
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 0)
