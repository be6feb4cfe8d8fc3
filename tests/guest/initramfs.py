"""The guest's whole file system, made of this host's own files: an archive that the kernel unpacks.

The trees are those of which `engine/bootstrap` makes the base images: busybox and a Python. On top
of them lie the engine as it is here, the checks, a state directory with onggi/base, and modules.

Documentation/driver-api/early-userspace/buffer-format.rst
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from guest.kernel import Kernel

from runtime.engine.bootstrap.bytecode import module_entries
from runtime.engine.bootstrap.recipes import BASE, PYTHON, recipes
from runtime.engine.bootstrap.tree import Entry, File, Folder, Link, Source, Tree

HERE = Path(__file__).parent
RUNTIME = Path(__file__).parents[2] / "runtime"
MODULES = ("overlay",)
LEFT_OUT = ("/usr/share/zoneinfo", "/etc/ssl", "/usr/lib/locale")

LARGEST_BLOB_BYTES = 1 << 20
"""A layer's blob is only needed to push it: its files lie unpacked beside it."""

INIT = """#!/bin/sh
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do insmod $module; done
mount -t tmpfs tmpfs /state
cp -a /seed/. /state
# The kernel's first root can be no container's old root: put it on top of itself. man 2 pivot_root
mkdir -p /.new
mount --rbind / /.new
cd /.new
mount --move . /
exec chroot . python3 -I -B /guest/inside.py < /dev/null > /dev/ttyS1 2>&1
"""


def write(kernel: Kernel, state: Path, archive: Path) -> None:
    """Write the archive; `state` is a state directory that nobody uses now."""
    with archive.open("wb") as file:
        for number, entry in enumerate(guest_tree(kernel, state).entries.values(), 1):
            file.write(_archived(entry, number))
        file.write(_header("TRAILER!!!", 0, 0, b""))


def guest_tree(kernel: Kernel, state: Path) -> Tree:
    """Everything that is in the guest."""
    images = {recipe.name: recipe for recipe in recipes((BASE, PYTHON))}
    programs = [
        entry
        for layer in images[PYTHON].layers[:-1]  # the last one is pip
        for entry in layer.tree.entries.values()
        if not str(entry.path).startswith(LEFT_OUT)
    ]
    modules = [
        File(PurePosixPath("/modules", f"{name}.ko"), kernel.module(name)) for name in MODULES
    ]
    return Tree.of(
        [
            *programs,
            *modules,
            *_python_files(RUNTIME, PurePosixPath("/guest/runtime")),
            *_seed(state, PurePosixPath("/seed")),
            File(PurePosixPath("/guest/inside.py"), HERE / "inside.py"),
            File(PurePosixPath("/guest/guest/checks.py"), HERE / "checks.py"),
            File(PurePosixPath("/init"), INIT.encode(), 0o755),
            *(Folder(PurePosixPath(path)) for path in ("/proc", "/sys", "/dev", "/state")),
        ]
    )


def _python_files(folder: Path, place: PurePosixPath) -> Iterator[Entry]:
    """The engine with its bytecode: compiling takes an emulated processor long."""
    tag = sys.implementation.cache_tag
    for path in sorted(folder.rglob("*")):
        inside = place / path.relative_to(folder)
        if path.suffix == ".py":
            yield from module_entries(inside, path, tag)
        elif path.is_file() and "__pycache__" not in path.parts:
            yield File(inside, path)


def _seed(folder: Path, place: PurePosixPath) -> Iterator[Entry]:
    """A directory as it is; sockets and the like are left out."""
    for path in sorted(folder.rglob("*")):
        inside, status = place / path.relative_to(folder), path.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield Link(inside, str(path.readlink()))
        elif stat.S_ISDIR(status.st_mode):
            yield Folder(inside, stat.S_IMODE(status.st_mode))
        elif stat.S_ISREG(status.st_mode) and not _is_layer(path):
            yield File(inside, path, stat.S_IMODE(status.st_mode))


def _is_layer(path: Path) -> bool:
    return "blobs" in path.parts and path.stat().st_size > LARGEST_BLOB_BYTES


def _archived(entry: Entry, number: int) -> bytes:
    name = str(entry.path.relative_to("/"))
    match entry:
        case Folder(mode=mode):
            return _header(name, stat.S_IFDIR | mode, number, b"")
        case Link(target=target):
            return _header(name, stat.S_IFLNK | 0o777, number, os.fsencode(target))
        case File(source=source, mode=mode):
            return _header(name, stat.S_IFREG | mode, number, _content(source))


def _content(source: Source) -> bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    return source if isinstance(source, bytes) else source()


def _header(name: str, mode: int, number: int, content: bytes) -> bytes:
    """One member in the "newc" format: thirteen hexadecimal numbers, name, content, each padded."""
    path = os.fsencode(name) + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)
