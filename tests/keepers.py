"""The keeper of a state directory, as the kernel has it: for tests that kill it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from lessons_lib.waiting import until


def keepers(root: Path) -> list[int]:
    """Those in this network namespace; never more than one."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            comm = Path(f"/proc/{name}/comm").read_text().strip()
            arguments = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            here = os.readlink(f"/proc/{name}/ns/net") == os.readlink("/proc/self/ns/net")
            if comm == "onggi-keeper" and os.fsencode(root) in arguments and here:
                found.append(int(name))
    return found


def kill_keeper(root: Path) -> None:
    """With -9, and wait until it is gone, its listening socket too: that outlives its command line
    for a moment.
    """
    killed = keepers(root)
    assert killed, "there is none"
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: all(map(_has_ended, killed)))


def _has_ended(pid: int) -> bool:
    """Whether nothing of it is left, but for a number that nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except OSError:
        return True
