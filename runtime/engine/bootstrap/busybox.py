"""Busybox: two hundred small tools in one static file, which does what its own name says.

Called `ls` it is ls, called `sh` it is a shell. So the whole tool box is one program and a
link per name, and needs nothing else: no library, no loader.

Rule: only a static busybox is taken; a dynamic one is a host program like any other.
https://busybox.net/downloads/BusyBox.html
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.elf import read_elf
from runtime.engine.bootstrap.host_programs import find_program
from runtime.engine.bootstrap.tree import Entry, File, link_to, merged

BUSYBOX = PurePosixPath("/usr/bin/busybox")

_NAMES = ("busybox", "busybox.static", "busybox-static")


def find_busybox() -> Path | None:
    """A static busybox of this host, or None."""
    for name in _NAMES:
        place = find_program(name)
        if place and (elf := read_elf(place)) and elf.is_static:
            return place
    return None


def busybox_entries(busybox: Path) -> Iterator[Entry]:
    """The program, and a link for each of its applets where that one is expected."""
    yield File(BUSYBOX, busybox, 0o755)
    for applet in sorted(_applets(busybox)):
        if applet != BUSYBOX:
            yield link_to(applet, BUSYBOX)


def shows_unicode(busybox: Path) -> bool:
    """Whether its ls prints Hangul; many a busybox is built to print `??` instead."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "한글").touch()
        answer = subprocess.run(
            [busybox, "ls", folder], capture_output=True, env={"LANG": "C.UTF-8"}, check=True
        )
    return "한글".encode() in answer.stdout


def _applets(busybox: Path) -> set[PurePosixPath]:
    """`bin/ls`, `usr/sbin/chroot`…; without `linuxrc`, which is for boot disks."""
    answer = subprocess.run([busybox, "--list-full"], capture_output=True, text=True, check=True)
    return {merged(f"/{line}") for line in answer.stdout.split() if "/" in line}
