"""inotify: the kernel says when a file changes, so nobody has to keep looking.

man 7 inotify
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.linux.libc import checked

IN_ATTRIB = 0x00000004
"""Its metadata were changed, such as its time."""


def init() -> int:
    """A descriptor that becomes readable when something that is watched has changed. Closed on
    exec. Raises KernelError. man 2 inotify_init1
    """
    return checked("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)


def add_watch(descriptor: int, path: Path, events: int) -> None:
    """Watch a file for `events`. Raises KernelError. man 2 inotify_add_watch"""
    checked("inotify_add_watch", descriptor, os.fsencode(path), events)
