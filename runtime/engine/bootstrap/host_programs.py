"""Programs of the host: where they are, and how to take them with all that they need.

With a static busybox only a few are taken, for what it cannot do; without one they are the
whole shell and its tools.

Rule: only the names listed here are taken, never a whole folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.elf import read_elf
from runtime.engine.bootstrap.libraries import Loader, join
from runtime.engine.bootstrap.tree import Entry, File, link_to, merged

SHELL_TOOLS = (
    *("sh", "bash", "[", "arch", "base64", "basename", "cat", "chgrp", "chmod", "chown", "chroot"),
    *("cksum", "comm", "cp", "cut", "date", "dd", "df", "dirname", "du", "echo", "env", "expr"),
    *("false", "fold", "groups", "head", "id", "install", "join", "link", "ln", "ls", "md5sum"),
    *("mkdir", "mkfifo", "mknod", "mktemp", "mv", "nice", "nl", "nohup", "nproc", "od", "paste"),
    *("printenv", "printf", "pwd", "readlink", "realpath", "rm", "rmdir", "seq", "sha1sum"),
    *("sha256sum", "sha512sum", "shuf", "sleep", "sort", "split", "stat", "stty", "sync", "tac"),
    *("tail", "tee", "test", "timeout", "touch", "tr", "true", "truncate", "tty", "uname"),
    *("unlink", "uniq", "wc", "who", "whoami", "yes"),
    *("grep", "egrep", "fgrep", "sed", "awk", "find", "xargs", "diff", "cmp", "which"),
    *("tar", "gzip", "gunzip", "zcat", "xz", "unxz", "bzip2"),
    *("ps", "top", "free", "kill", "pgrep", "pkill", "pidof", "uptime", "watch", "sysctl"),
    *("hostname", "ip", "ss", "ifconfig", "ping", "nc"),
    *("mount", "umount", "mountpoint", "findmnt", "unshare", "nsenter", "setpriv", "lsns"),
    *("dmesg", "more", "getopt", "setsid", "flock", "su"),
)
"""What a person who learns containers types, as far as the host has it."""

UNICODE_TOOLS = ("sh", "bash", "ls")
"""For a busybox that prints `??` where a name is `한글`. The shell goes with ls, because such
a busybox's shell prefers its own ls to any other, whatever PATH says."""

WEB_CLIENTS = ("curl", "wget")
"""The first one that the host has. Busybox's wget speaks no TLS that checks certificates."""

_USUAL_FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
_ON_THE_PATH = frozenset(
    PurePosixPath(folder, name) for folder in ("/usr", "/usr/local") for name in ("bin", "sbin")
)


def find_program(name: str) -> Path | None:
    """Where the host has program `name`, with all links followed.

    The system's folders come first: what a learner put in front of PATH, such as a virtual
    environment, is no part of an image. A snap is none either: it cannot leave its cage.
    """
    found = shutil.which(name, path=f"{_USUAL_FOLDERS}:{os.environ.get('PATH', '')}")
    program = Path(found).resolve() if found else None
    return program if program and program.name != "snap" else None


def find_web_client() -> str | None:
    """The web client that goes into our images."""
    return next(filter(find_program, WEB_CLIENTS), None)


def program_entries(names: Iterable[str]) -> Iterator[Entry]:
    """The named programs, as far as the host has them, with their shared libraries.

    A name that is a link on the host (`awk`, `sh`) is one here. Scripts are taken when the
    shell can run them.
    """
    programs = {name: place for name in names if (place := _find_runnable(name))}
    for name, place in programs.items():
        yield from _named(PurePosixPath("/usr/bin", name), place)
    yield from _libraries(set(programs.values()))


def _find_runnable(name: str) -> Path | None:
    place = find_program(name)
    return place if place and (read_elf(place) or _is_shell_script(place)) else None


def _named(path: PurePosixPath, program: Path) -> Iterator[Entry]:
    place = merged(program)
    yield File(place, program, 0o755)
    if place.name != path.name or place.parent not in _ON_THE_PATH:
        yield link_to(path, place)


def _libraries(programs: Iterable[Path]) -> Iterator[Entry]:
    """Nearly always one loader; a host may have programs for two (glibc and musl)."""
    users: dict[Loader, list[Path]] = {}
    for program in sorted(programs):
        if loader := Loader.of(program):
            users.setdefault(loader, []).append(program)
    for loader, those in users.items():
        yield from loader.entries(join(map(loader.needs, those)))


def _is_shell_script(program: Path) -> bool:
    try:
        with program.open("rb") as script:
            return script.readline(64).split() in ([b"#!/bin/sh"], [b"#!", b"/bin/sh"])
    except OSError:
        return False
