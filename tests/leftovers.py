"""What a test may leave behind: nothing. Two looks at the host, and what the second sees more.

Mounts, control groups, network interfaces, processes and files. A launcher, or a keeper with its
bridges, may stay: it ends by itself when it is idle. PID 1 may reap an orphan a moment late, so
the second look is patient.

In a lane (lane.py) there is nobody else, so whatever is new was left: also a process that has
made itself independent, and any temporary file. Outside, other people's engines may be at work.
Where one is, what cannot be told apart (groups, processes in other namespaces) is only looked at
with CI=true, where none may be.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lane

PATIENCE_S = 5.0
RESIDENTS = ("onggi-launcher", "onggi-keeper", "onggi-deputy")
KEEPER = "onggi-keeper"


def look(strict: bool) -> frozenset[str]:
    """One line for each thing that is there now. Not `strict`: only what is surely this run's."""
    seen = {*_mounts(), *_interfaces(), *_files(), *_children()}
    if strict:
        seen |= {*_control_groups(), *_contained_processes()}
    if lane.current():
        seen |= {*_processes_of_the_lane(), *_files_of_the_lane()}
    return frozenset(seen)


def since(before: frozenset[str], strict: Callable[[], bool]) -> list[str]:
    """What is there now and was not before, after waiting for it to go."""
    deadline = time.monotonic() + PATIENCE_S
    while (new := look(strict()) - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    return sorted(new)


def is_alone(ours: Path) -> bool:
    """Whether every launcher and keeper on this host serves a state directory below `ours`."""
    return all(root.is_relative_to(ours) for _, root in _residents())


def end_launchers(below: Path) -> None:
    """Do not wait until the launchers and keepers of state directories below this are idle."""
    pids = [pid for pid, root in _residents() if root.is_relative_to(below)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while any(_comm(pid) in RESIDENTS for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in pids:  # one that waited for a caller could not put its group away
        _remove_empty_groups(f"onggi/ahead-{pid}/")
    if not _residents():
        _remove_empty_groups()


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        # What a killed run has left mounted gets a new name whenever any pytest cleans up.
        if "/garbage-" not in fields[4]:
            yield f"mount {fields[4]} ({fields[fields.index('-') + 1]})"


def _interfaces() -> Iterator[str]:
    """In this network namespace. Bridges stay while their keeper does."""
    kept = any(_comm(pid) == KEEPER for pid, _ in _residents())
    for _, name in socket.if_nameindex():
        if not (kept and name.startswith("onggi")):
            yield f"network interface {name}"


def _files() -> Iterator[str]:
    """The engine's and the lessons' default places, and temporary files by name."""
    places = ["/var/lib/onggi", "~/.local/share/onggi", "~/onggi-lessons"]
    found = [Path(place).expanduser() for place in places]
    found += Path(tempfile.gettempdir()).glob("onggi-probe-*")
    return (f"file {place}" for place in found if place.exists())


def _children() -> Iterator[str]:
    """Our own children that still run."""
    for pid in _pids():
        fields = _stat(pid)
        if fields and int(fields[1]) == os.getpid() and fields[0] != "Z":
            yield f"child process {pid} {_comm(pid)}"


def _contained_processes() -> Iterator[str]:
    """Processes in another PID namespace than ours, and monitors."""
    ours = os.readlink("/proc/self/ns/pid")
    for pid in _pids():
        with contextlib.suppress(OSError):
            comm = _comm(pid)
            outside = os.readlink(f"/proc/{pid}/ns/pid") == ours
            if comm not in RESIDENTS and (not outside or comm.startswith("onggi")):
                yield f"process {pid} {comm}"


def _processes_of_the_lane() -> Iterator[str]:
    """All but its first, the worker and residents; of one that has ended nothing is left."""
    for pid in _pids():
        comm = _comm(pid)
        if (
            pid not in (1, os.getpid())
            and comm not in RESIDENTS
            and _stat(pid)[:1] not in ([], ["Z"])
        ):
            yield f"process {pid} {comm}"


def _files_of_the_lane() -> Iterator[str]:
    return (f"file {path}" for path in Path(tempfile.gettempdir()).iterdir())


def _control_groups() -> Iterator[str]:
    """The engine's and lanes; in a lane whatever groups there are."""
    # The launcher's own, the parent of all, and that of the process which waits for a caller.
    theirs = ("onggi", "launcher", *(f"ahead-{pid}" for pid in _pids()))
    for pattern in ["*/"] if lane.current() else ["onggi/", "lane-*/"]:
        for group in _groups(pattern):
            if group.name not in theirs:
                yield f"control group {group}"


def _groups(pattern: str) -> Iterator[Path]:
    """These groups of each tree and all below them, the innermost first."""
    for tree in lane.trees():
        for top in tree.where.glob(pattern):
            for directory, _, _ in os.walk(top, topdown=False):
                yield Path(directory)


def _remove_empty_groups(pattern: str = "onggi/") -> None:
    for group in _groups(pattern):
        with contextlib.suppress(OSError):
            group.rmdir()


def _residents() -> list[tuple[int, Path]]:
    """Each launcher and keeper with its state directory."""
    found = []
    for pid in _pids():
        if _comm(pid) in RESIDENTS:
            with contextlib.suppress(OSError, IndexError):
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found.append((pid, Path(os.fsdecode(arguments[-3]))))
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str]:
    """State, parent and so on of man 5 proc's stat; empty for a process that has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split(" ")
    except OSError:
        return []


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""
