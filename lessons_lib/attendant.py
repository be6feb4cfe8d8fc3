"""A server beside a lesson: `onggi serve`, `onggi registry serve`, in a process of its own.

It is told to end when the kernel that began it ends, whatever ended that one: Ctrl-C, a restart,
kill -9. So a lesson that is left in the middle leaves no server behind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

_ATTEND = """\
import signal, sys
from runtime.linux.process import die_with_parent
die_with_parent(signal.SIGTERM)
from runtime.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def begin(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start `onggi` with these words; what it says goes to `log`."""
    return subprocess.Popen(
        [sys.executable, "-c", _ATTEND, *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def end(server: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and wait until it has."""
    server.send_signal(signal.SIGTERM)
    server.wait()
