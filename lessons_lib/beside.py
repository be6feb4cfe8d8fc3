"""A container made by hand beside one of the engine's: what each has been given, from /proc.

Both are read the same way, from the host's /proc, so the table says what the kernel says and not
what either of the two had in mind.

man 5 proc, man 5 proc_pid_mountinfo
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from lessons_lib.language import say
from lessons_lib.shown import LEAF, Shown, code, escaped, listing, strong
from lessons_lib.workbench import KINDS, Look, Run, held
from lessons_lib.workpiece import recorded
from runtime.engine.container import Container

FURNITURE = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup")
FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""Where a container may find something mounted; what else is there differs from host to host."""


def beside(by_hand: Run, container: Container) -> Shown:
    """Two columns: what the steps made, and what the engine has made of `container`."""
    assert by_hand.before and by_hand.after
    container.reload()
    host = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        there, engines = recorded(host, "self"), recorded(host, container.pid)
    finally:
        os.close(host)
    ours, theirs = _facts(by_hand.before, by_hand.after), _facts(there, engines)
    rows = [[what, mine, other] for (what, mine), (_, other) in zip(ours, theirs, strict=True)]
    head = [say(f"beside.{name}") for name in ("what", "by-hand", "engine")]
    page = [[escaped(what), code(mine), _marked(mine, other)] for what, mine, other in rows]
    return listing(head, rows, page)


def _facts(before: Look, after: Look) -> Iterator[tuple[str, str]]:
    """(what, how it is) of a process; `before` is what one of the host has."""
    kinds = [kind for kind in KINDS if before["worlds"][kind] != after["worlds"][kind]]
    places = [place for place, _ in after["mounts"]]
    yield say("beside.worlds"), " ".join(kinds)
    yield say("beside.root"), dict(after["mounts"])["/"]
    yield say("beside.furniture"), " ".join(p for p in FURNITURE if p in places) or "–"
    yield say("beside.files"), " ".join(p for p in FILES if p in places) or "–"
    yield say("beside.hidden"), _yes(any(place.startswith("/proc/") for place in places))
    yield say("beside.power"), str(len(held(after, "CapBnd")))
    yield say("beside.filter"), _yes(after["status"]["Seccomp"] not in ("", "0"))


def _yes(answer: bool) -> str:
    return say("beside.yes" if answer else "beside.no")


def _marked(ours: str, theirs: str) -> str:
    """The engine's column stands out where it differs."""
    return code(theirs) if ours == theirs else strong(theirs, LEAF)
