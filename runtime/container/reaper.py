"""--init: a process 1 that does what process 1 has to do, and nothing else.

    onggi-init (PID 1) ── the container's program
         │
         └ reaps every orphan, hands on every signal, ends with the program's exit code

A program that happens to be PID 1 has two surprises. The kernel gives it no default action for
signals: SIGTERM, unhandled, does nothing. And every process whose parent has died becomes its
child: unless it waits for them, they stay as zombies. Docker puts `tini` before such a program;
here it is this file. man 7 pid_namespaces, man 2 wait, https://github.com/krallin/tini

It costs a resident Python (forked, so most of its memory is shared with the launcher).
Nobody in the container may look into it: it has the host's interpreter in its memory. It keeps
its standard streams, so that a program that closes its own loses nothing that it has written.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NoReturn

from runtime.linux import process

NOT_PASSED_ON = {signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU}
"""The kernel's word to a parent, and what comes to whoever is not in the terminal's foreground."""


def stay_behind() -> None:
    """Fork. The child returns, to become the program, in a process group of its own, which has the
    terminal if there is one. The parent is PID 1 and stays here until the child has ended.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        _take_terminal()
        return
    reap(child)


def reap(child: int) -> NoReturn:
    """Hand on signals to `child` and wait for everybody, until `child` has ended."""
    process.prctl(process.PR_SET_DUMPABLE, 0)
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)  # with --pid=host it is not process 1
    os.closerange(3, 1 << 16)
    while True:
        number = signal.sigwait(signal.valid_signals())
        if number == signal.SIGCHLD:
            _wait_for_everybody(child)
        elif number not in NOT_PASSED_ON:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)


def _wait_for_everybody(child: int) -> None:
    """One SIGCHLD may stand for several ends. With the child's, this process ends."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid == child:
                os._exit(process.exit_code(status))


def _take_terminal() -> None:
    """SIGTTOU is blocked, so the terminal may be taken from the background. man 3 tcsetpgrp"""
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, os.getpid())
