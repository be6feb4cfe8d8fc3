"""Shared libraries: which ones a program needs, and where to put them.

A program names its libraries (`libz.so.1`), not where they are; the dynamic loader finds them,
by rules about caches, run paths and processor variants. So we do not imitate it, we ask it:
`ld.so --list PROGRAM` maps a program and its libraries, prints them and runs none of them. It is
what `ldd` does, without its danger: the loader is taken from a program that the host's owner
runs anyway. Both C libraries of Linux, glibc and musl, understand it.

In the image all libraries lie in one folder: the one with the C library, because that is
where each loader looks without being told. It needs no cache and no configuration there.
man 8 ld.so
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.elf import read_elf
from runtime.engine.bootstrap.tree import Entry, File, merged

_FOUND = re.compile(r"^\s*(\S+) => (/.*) \(0x[0-9a-f]+\)$", re.M)
_MISSING = re.compile(r"^\s*(\S+) => not found$|^Error loading shared library ([^:]+):", re.M)

_OPENED_LATER = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")
"""What glibc opens only when it is needed, so that no program names it: looking up users and
hosts (in its own libraries before glibc 2.34), and ending a thread."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The libraries of one program: host paths by name, and the names that were not found."""

    found: Mapping[str, Path]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loader:
    """A dynamic loader of this host: `/lib64/ld-linux-x86-64.so.2`, `/lib/ld-musl-….so.1`."""

    path: Path

    @classmethod
    def of(cls, program: Path) -> Loader | None:
        """The loader that `program` asks for; None if it is static or no program."""
        elf = read_elf(program)
        return cls(elf.interpreter) if elf and elf.interpreter else None

    def needs(self, program: Path) -> Needs:
        """The libraries of `program` (a program or a library), and theirs, and so on."""
        answer = subprocess.run(
            [self.path, "--list", program],
            capture_output=True,
            env=_loader_environment(),
            encoding="utf-8",
            errors="surrogateescape",
            check=False,  # musl ends with 1 when a plug-in's symbols are the program's
        )
        said = answer.stdout + answer.stderr
        return Needs(
            found={name: Path(place) for name, place in _FOUND.findall(said)},
            missing=tuple(sorted({a or b for a, b in _MISSING.findall(said)})),
        )

    def home(self, needs: Needs) -> PurePosixPath:
        """The folder of the C library, in the image."""
        libc = (path for name, path in needs.found.items() if name.startswith("libc."))
        return merged(next(libc, self.path).parent)

    def entries(self, needs: Needs) -> Iterable[Entry]:
        """The libraries of `needs` with the loader itself, ready for an image."""
        home = self.home(needs)
        yield File(merged(self.path), self.path, 0o755)
        for name, place in needs.found.items():
            if merged(place) != merged(self.path):  # musl's loader is its C library as well
                yield File(home / PurePosixPath(name).name, place, 0o755)
        for name in _OPENED_LATER:
            if (place := Path("/") / home.relative_to("/") / name).exists():
                yield File(home / name, place, 0o755)


def join(needs: Iterable[Needs]) -> Needs:
    """What several programs need together."""
    found: dict[str, Path] = {}
    missing: set[str] = set()
    for one in needs:
        found |= one.found
        missing |= set(one.missing)
    return Needs(found, tuple(sorted(missing)))


def _loader_environment() -> dict[str, str]:
    """Some interpreters find their libraries by LD_LIBRARY_PATH only; nothing else counts."""
    path = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": path} if path else {}
