"""Bytes between our own standard input and output and a container's.

What a container reads and writes goes through pipes, never through our terminal itself: a
program inside must not find a terminal that nobody gave it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator, Mapping

from runtime.cli.console import pass_on

CHUNK_BYTES = 1 << 16


@contextlib.contextmanager
def standard_input(wanted: bool) -> Iterator[int | None]:
    """A descriptor that becomes a container's standard input; None if it is not `wanted`.

    Entered, it is an empty pipe; our own input flows into it from the end of the block on, so
    that nothing is read (and lost) if the container cannot be started in the block.
    """
    if not wanted:
        yield None
        return
    readable, writable = os.pipe()
    try:
        yield readable
    except BaseException:
        os.close(writable)
        raise
    finally:
        os.close(readable)
    threading.Thread(target=_feed, args=(writable,), daemon=True).start()


def _feed(writable: int) -> None:
    """Copy our standard input until its end, or until nobody reads the copy any more."""
    with contextlib.suppress(OSError):
        while data := os.read(0, CHUNK_BYTES):
            view = memoryview(data)
            while view:
                view = view[os.write(writable, view) :]
    os.close(writable)


def pass_on_until(ended: socket.socket, outputs: Mapping[int, int]) -> None:
    """Copy what comes from each pipe of `outputs` to its descriptor, 1 or 2.

    Until all pipes are at their end, or until `ended` has news and the pipes are empty: a
    process that was left behind may hold them open for ever.
    """
    poll = select.poll()
    for descriptor in (*outputs, ended.fileno()):
        poll.register(descriptor, select.POLLIN)
    open_pipes, timeout_ms = set(outputs), None
    while open_pipes:
        ready = {descriptor for descriptor, _ in poll.poll(timeout_ms)}
        if ended.fileno() in ready:
            poll.unregister(ended)
            timeout_ms = 0
        elif not ready:
            return
        for pipe in ready & open_pipes:
            if data := os.read(pipe, CHUNK_BYTES):
                pass_on(data, outputs[pipe])
            else:
                poll.unregister(pipe)
                open_pipes.discard(pipe)
