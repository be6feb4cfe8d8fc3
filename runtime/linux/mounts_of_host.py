"""The host's mounts as the kernel lists them: which one a path is on, and who hears of changes.

man 5 proc_pid_mountinfo; man 7 mount_namespaces, "SHARED SUBTREES"
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from runtime.errors import HostLacks

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mounted(NamedTuple):
    """One line: where, which directory of the file system, its options and propagation
    ("shared:1", "master:2"), its type, its source.
    """

    path: str
    root: str
    options: str
    propagation: tuple[str, ...]
    type: str
    source: str


def mounted(process: str = "self") -> list[Mounted]:
    """All mounts that a process sees, in the order in which they were made."""
    lines = Path(f"/proc/{process}/mountinfo").read_text(errors="surrogateescape").splitlines()
    return [_parsed(line) for line in lines]


def _parsed(line: str) -> Mounted:
    fields = line.split(" ")
    dash = fields.index("-", 6)
    root, path = (_ESCAPE.sub(lambda found: chr(int(found[1], 8)), text) for text in fields[3:5])
    kind, source = fields[dash + 1 : dash + 3]
    return Mounted(path, root, fields[5], tuple(fields[6:dash]), kind, source)


def mount_holding(path: Path) -> Mounted:
    """The mount that a path is on: links are followed, and of several at one place the last
    counts.
    """
    real = os.path.realpath(path)
    holding = [each for each in mounted() if f"{real}/".startswith(each.path.rstrip("/") + "/")]
    return max(enumerate(holding), key=lambda pair: (len(pair[1].path), pair[0]))[1]


def refuse_propagation(path: Path, propagation: str) -> None:
    """Raises HostLacks where the host's mount does not let that happen: `shared` needs a shared
    one, `slave` one that is shared or a slave itself.
    """
    kind = propagation.removeprefix("r")
    if kind not in ("shared", "slave"):
        return
    holding = mount_holding(path)
    names = {each.partition(":")[0] for each in holding.propagation}
    if not names & ({"shared"} if kind == "shared" else {"shared", "master"}):
        raise HostLacks(
            "path {path} is mounted on {place} but it is not a shared mount"
            if kind == "shared"
            else "path {path} is mounted on {place} but it is not a shared or slave mount",
            feature="mount propagation",
            evidence="/proc/self/mountinfo",
            hint="make that mount shared on the host first: mount --make-shared {place}",
            path=path,
            place=holding.path,
        )
