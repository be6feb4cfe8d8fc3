"""Standing in for a container that is elsewhere: its output comes from the engine's connection,
and what is written to it goes there.

The two have the words of `engine.attachment.Attachment` and `engine.execution.Execution`, so that
the command line speaks to both alike. Without a terminal the two outputs come in frames.

Docker Engine API 1.47, ContainerAttach, "Stream format"
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import OnggiError

if TYPE_CHECKING:
    from runtime.api.client.http import Reply

STREAMS = ("stdout", "stdout", "stderr", "stderr")
"""By the numbers that frames have: 0 is what comes of an input, 3 what the engine itself says."""

_FRAME = struct.Struct(">BxxxL")
LONGEST_FRAME = 1 << 26


class Piece(NamedTuple):
    """Bytes that a program wrote to one of its outputs."""

    stream: str
    data: bytes


class Exit(NamedTuple):
    """How a container has ended."""

    code: int


def pieces_of(reply: Reply, *, framed: bool) -> Iterator[Piece]:
    """What comes, apart by its outputs. Raises OnggiError for what is no frame."""
    if not framed:
        for data in reply.pieces():
            yield Piece("stdout", data)
        return
    held = bytearray()
    left, stream = 0, "stdout"  # of the frame under way
    for data in reply.pieces():
        held += data
        while held:
            if left:
                part = bytes(held[:left])
                del held[:left]
                left -= len(part)
                yield Piece(stream, part)
            elif len(held) < _FRAME.size:
                break
            else:
                number, left = _FRAME.unpack_from(held)
                del held[: _FRAME.size]
                if number >= len(STREAMS) or left > LONGEST_FRAME:
                    reply.hang_up()
                    raise OnggiError("the engine's answer was cut off")
                stream = STREAMS[number]


class Input:
    """A program's standard input, at the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """All of it. Raises OSError when nobody listens any more."""
        self._connection.sendall(data)

    def close(self) -> None:
        """There will be nothing more; what comes out still comes."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)


class Attachment:
    """A container, or a command in it, that is being listened to."""

    def __init__(
        self,
        reply: Reply,
        connection: socket.socket,
        *,
        stdin: bool,
        framed: bool,
        resize: Callable[[int, int], None],
        ended: Callable[[], int],
    ) -> None:
        """`resize` tells its terminal's size, `ended` waits for its exit code."""
        self.stdin = Input(connection) if stdin else None
        self._reply = reply
        self._framed = framed
        self._resize = resize
        self._ended = ended
        self._left = False

    def output(self) -> Iterator[Piece]:
        """What it writes, until it has ended or we have left."""
        try:
            yield from pieces_of(self._reply, framed=self._framed)
        except OnggiError:
            if not self._left:
                raise
        finally:
            self._reply.hang_up()

    def resize(self, height: int, width: int) -> None:
        """Tell its terminal how large its window is; one that has ended has none."""
        with contextlib.suppress(OnggiError):
            self._resize(height, width)

    def leave(self) -> None:
        """Let it go on without us; `output` ends. Any thread may call it."""
        self._left = True
        self._reply.hang_up()

    def close(self) -> None:
        """The same."""
        self.leave()

    @property
    def exit(self) -> Exit:
        """How it ended, once `output` is exhausted."""
        return Exit(self._ended())

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self._ended()
