"""A program's terminal: made inside the container, held outside.

The child that is about to become the program opens a pair in the container's own devpts, keeps
the slave as its standard input and outputs, and sends the master to whoever stays outside: for
PID 1 that is the monitor, for an exec the process between. So the slave's name is one of the
container's, and no program of the container ever holds the master.
"""

from __future__ import annotations

import os
import socket

from runtime.container import messages
from runtime.container.furniture import mount_point, refuse_kernels_own
from runtime.linux import mount
from runtime.linux.terminal import (
    Size,
    become_controlling,
    erase_whole_characters,
    open_pair,
    set_size,
)

PTMX = "/dev/pts/ptmx"
CONSOLE = "/dev/console"


def open_terminal(size: Size | None, channel: socket.socket, *, console: bool) -> int:
    """A terminal for the calling process, which leads a session; its slave.

    `size` is set before anybody can ask for it. With `console` it is also seen as
    /dev/console. Raises OSError: the container has no /dev/pts, or something else is there.
    """
    pair = open_pair(PTMX)
    if size is not None:
        set_size(pair.slave, size)
    erase_whole_characters(pair.slave)
    become_controlling(pair.slave)
    if console:
        show_as_console(pair.slave)
    messages.send(channel, {"terminal": True}, (pair.master,))
    os.close(pair.master)
    return pair.slave


def show_as_console(slave: int) -> None:
    """Bind the slave to /dev/console. By descriptors, both of them: /dev may be a volume, and no
    link in it decides what is shown, or where. Raises UnsafePath, KernelError. runtime-spec:
    config-linux.md, "Default Devices"
    """
    place, tree = mount_point(CONSOLE, directory=False), mount.open_tree_at(slave)
    try:
        refuse_kernels_own(place, CONSOLE)
        mount.move_mount_to(tree, place)
    finally:
        os.close(place)
        os.close(tree)
