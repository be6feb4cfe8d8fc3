"""One probe of a health check: a command in the container, forked by its monitor.

It becomes what an `exec` becomes, with everything that keeps the container apart. The monitor's
children are born in the container's PID namespace (see `first`), so no process between is needed.
The monitor never waits for a probe: it looks when one of the descriptors is ready.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import NoReturn

from runtime.container import execute, init
from runtime.container.bundle import Bundle
from runtime.container.health import LONGEST_OUTPUT, NOT_RUN, Result
from runtime.container.log import timestamp
from runtime.linux import cgroup, namespaces, process
from runtime.oci.spec import Process

TIMED_OUT = "Health check exceeded timeout ({timeout})"
"""Docker's words: they stand in `inspect`."""


class Probe:
    """A command that runs. `ended` and `output` are descriptors to be watched."""

    def __init__(self, bundle: Bundle, pidfd: int, program: Process) -> None:
        """`pidfd` is the container's PID 1. Raises OSError when nothing can be forked any more: the
        container is just ending.
        """
        self.id = os.urandom(32).hex()
        self._began_ns = time.time_ns()
        self._said = bytearray()
        self._timeout_s: float | None = None
        self.output, theirs = os.pipe()
        self._refusal, refusal = os.pipe()  # at its end without a word when it is the program
        process.prctl(process.PR_SET_DUMPABLE, 0)  # born inside: nobody there may look into it
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _become(bundle, pidfd, program, theirs, refusal)
        except OSError:
            for descriptor in (self.output, self._refusal):
                os.close(descriptor)
            raise
        finally:
            process.prctl(process.PR_SET_DUMPABLE, 1)
            for descriptor in (theirs, refusal):
                os.close(descriptor)
        os.set_blocking(self.output, False)
        self.ended = namespaces.pidfd_open(self._pid)

    def read(self) -> bool:
        """Take what it has said, and keep as much as docker does; False if there was nothing."""
        try:
            data = os.read(self.output, 1 << 16)
        except BlockingIOError:
            return False
        self._said += data[: LONGEST_OUTPUT + 1 - len(self._said)]
        return bool(data)

    def kill(self, timeout_s: float | None = None) -> None:
        """End it; with `timeout_s`, because it took longer than that."""
        self._timeout_s = timeout_s
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.ended, signal.SIGKILL)

    def result(self) -> Result:
        """How it was. It must have ended, or been killed; nothing of it is left afterwards."""
        _, status = os.waitpid(self._pid, 0)
        while self.read():
            pass
        refusal = os.read(self._refusal, LONGEST_OUTPUT).decode(errors="replace")
        for descriptor in (self.output, self._refusal, self.ended):
            os.close(descriptor)
        output = self._said[:LONGEST_OUTPUT].decode(errors="replace")
        if len(self._said) > LONGEST_OUTPUT:
            output += "..."
        code = process.exit_code(status)
        if refusal:
            code, output = NOT_RUN, refusal
        elif self._timeout_s is not None:
            code = NOT_RUN
            told = TIMED_OUT.format(timeout=in_go(self._timeout_s))
            output = f"{told}: {output}" if output else told
        return Result(timestamp(self._began_ns), timestamp(time.time_ns()), code, output)


def in_go(seconds: float) -> str:
    """A duration as Go writes it: 30s, 1m30s, 500ms."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest:g}s"
    )


def _become(bundle: Bundle, pidfd: int, program: Process, output: int, refusal: int) -> NoReturn:
    try:
        os.setsid()
        init.forbid_imports()
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        entrance = execute.enter_world(bundle, pidfd)
        cgroup.pass_through(entrance.doors)
        namespaces.setns(entrance.pidfd, namespaces.CLONE_NEWCGROUP)
        init.execute(program, init.Stdio(nothing, output, output), entrance.filter_)
    except BaseException as error:  # noqa: BLE001  (a forked child must never return)
        os.write(refusal, str(error).encode()[:LONGEST_OUTPUT] or b"?")
    os._exit(125)
