"""`top`: the processes of a container, as the host sees them.

Without options the columns are those of `ps -ef`, read from /proc here; no program is needed.
With options the host's `ps` prints what it is asked for, and its lines about other processes are
left out, as docker does it.

man 5 proc, man 1 ps
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.errors import HostLacks, InvalidInput

TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def top(pids: Iterable[int], options: str | None = None) -> dict[str, Any]:
    """Docker's answer: Titles, and Processes with as many columns each.

    Raises InvalidInput for options that `ps` does not take or that show no PID, HostLacks where
    there is no `ps`.
    """
    if options:
        return choose(run_ps(shlex.split(options)), frozenset(pids))
    rows = (describe(pid) for pid in sorted(pids))
    return {"Titles": list(TITLES), "Processes": [row for row in rows if row]}


def describe(pid: int) -> list[str] | None:
    """One line of `ps -ef`; None if the process has just ended."""
    folder = Path(f"/proc/{pid}")
    try:
        line = (folder / "stat").read_text()
        owner = folder.stat().st_uid
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return None
    name, _, rest = line.partition(" (")[2].rpartition(") ")
    state, parent, _, _, terminal, *_ = fields = rest.split()
    used_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    began_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + int(fields[19]) / TICKS_PER_S
    lives_s = max(time.time() - began_s, 1 / TICKS_PER_S)
    return [
        user_name(owner),
        str(pid),
        parent,
        str(min(99, int(used_s / lives_s * 100))),
        clock(began_s, time.time()),
        terminal_name(int(terminal)),
        time.strftime("%H:%M:%S", time.gmtime(used_s)),
        command_line(command, name) + (" <defunct>" if state == "Z" else ""),
    ]


def user_name(uid: int) -> str:
    """As the host calls the user; the number where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def clock(began_s: float, now_s: float) -> str:
    """ "14:05" if it began today, else "Nov28"."""
    began, now = time.localtime(began_s), time.localtime(now_s)
    return time.strftime("%H:%M" if began[:3] == now[:3] else "%b%d", began)


def terminal_name(number: int) -> str:
    """Of man 5 proc's tty_nr: "pts/0", or "?" for none."""
    major = number >> 8 & 0xFFF
    minor = number & 0xFF | number >> 12 & 0xFFF00
    if 136 <= major <= 143:  # Documentation/admin-guide/devices.txt, "Unix98 PTY slaves"
        return f"pts/{(major - 136 << 8) + minor}"
    return f"tty{minor}" if major == 4 else "?"


def command_line(command: bytes, name: str) -> str:
    """Its arguments; its name in brackets when it has none (any more)."""
    words = command.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return words or f"[{name}]"


def run_ps(options: list[str]) -> str:
    """What the host's `ps` prints. Raises HostLacks, InvalidInput."""
    program = shutil.which("ps")
    if program is None:
        raise HostLacks(
            "this host has no ps, so only the default columns can be shown",
            hint="leave the options out, or install procps ({evidence})",
            feature="ps",
            evidence="PATH",
        )
    done = subprocess.run(
        [program, *options],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
    )
    said = done.stdout.decode(errors="replace")
    if done.returncode != 0 and not said:
        complaint = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise InvalidInput("ps does not take these options: {reason}", reason=complaint)
    return said


def choose(said: str, pids: frozenset[int]) -> dict[str, Any]:
    """Of what `ps` printed, the lines about `pids`. Raises InvalidInput if it shows no PID."""
    header, *lines = said.splitlines() or [""]
    titles = header.split()
    if "PID" not in titles:
        raise InvalidInput(
            "there is no PID among the columns of ps",
            hint="let it show one, as in: -o pid,comm",
        )
    at = titles.index("PID")
    found = []
    for line in lines:
        row = line.split(None, len(titles) - 1)
        with contextlib.suppress(IndexError, ValueError):
            if int(row[at]) in pids:
                found.append(row)
    return {"Titles": titles, "Processes": found}
