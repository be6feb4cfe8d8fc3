"""A connection that stops being HTTP's: attach and exec.

After the headers of the answer the two sides just write: what the program says comes out, what the
client sends goes into the program. A client that has no more to send closes its half, and goes on
listening (`echo hi | docker run -i … cat`).

Docker Engine API 1.47, ContainerAttach: "Hijacking"
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import termios
import time
from collections.abc import Callable
from concurrent.futures import Executor

from runtime.api.answers import Conversation, Hijacked
from runtime.api.following import follow, writable
from runtime.engine.keys import Keys

MOST_UNREAD = 1 << 18
"""So many bytes of a client's are kept while the program does not read; then the client waits."""
LOOK_AGAIN_S = 2.0
"""How often a client that has finished sending is looked for."""
LONGEST_DELIVERY_S = 1.0
UPGRADED = (
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: {kind}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)
PLAIN = "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n"


async def converse(connection: Connection, answer: Hijacked, pool: Executor) -> None:
    """Carry what both sides say, until the program has ended or the client has gone or left."""
    conversation, begun = answer.conversation, asyncio.Event()

    def look() -> None:
        if conversation.begun:
            begun.set()

    head = UPGRADED if connection.upgraded else PLAIN
    connection.send(head.format(kind=answer.type).encode())
    await connection.delivered()
    tasks = [
        asyncio.create_task(follow(conversation, connection.write, pool, look)),
        asyncio.create_task(_listen(connection, conversation, begun, answer.keys)),
        asyncio.create_task(connection.gone()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await connection.finish()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connection.close()


async def _listen(
    connection: Connection,
    conversation: Conversation,
    begun: asyncio.Event,
    sequence: bytes | None,
) -> None:
    """Give the program what the client sends, at the program's speed. Returns when the client has
    typed the keys to leave; one that has no more to say goes on listening.
    """
    keys = Keys(sequence) if sequence else None
    await begun.wait()
    while data := await connection.read():
        passed, leaves = keys.pass_on(data) if keys else (data, False)
        if conversation.stdin is not None:
            with contextlib.suppress(OSError):  # it has closed its end, or has ended
                await _feed(conversation.stdin, passed)
        if leaves:
            return
    conversation.end_stdin()
    await connection.lost.wait()


async def _feed(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            await writable(descriptor)


class Connection(asyncio.Protocol):
    """The client, from now on."""

    def __init__(
        self,
        transport: asyncio.Transport,
        unread: bytes,
        upgraded: bool,
        at_end: Callable[[], None],
    ) -> None:
        """Take over from whoever was the transport's protocol, which is told by `at_end` when all
        is over. `unread` is what it has read too much.
        """
        self._transport = transport
        self._at_end = at_end
        self.upgraded = upgraded
        self._unread = bytearray(unread)
        self._ended = False
        self._finished = asyncio.Event()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.lost = asyncio.Event()
        transport.set_protocol(self)
        transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Keep it until it is asked for."""
        self._unread += data
        self._news.set()
        if len(self._unread) > MOST_UNREAD:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client will send no more; True: we may still write."""
        self._ended = True
        self._news.set()
        self._finished.set()
        return True

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It has read."""
        self._room.set()

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone, or we have."""
        self._ended = True
        for event in (self._news, self._room, self._finished, self.lost):
            event.set()

    async def gone(self) -> None:
        """Wait until the client has gone. One that has finished sending looks like one that has
        hung up, until the kernel is asked.
        """
        await self._finished.wait()
        while not self.lost.is_set() and not self._has_hung_up():
            await asyncio.sleep(LOOK_AGAIN_S)

    def _has_hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        return any(found & select.POLLHUP for _, found in poll.poll(0))

    async def read(self) -> bytes:
        """What has come; b"" when nothing will come any more."""
        while not self._unread and not self._ended:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._unread)
        self._unread.clear()
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    def send(self, data: bytes) -> None:
        """Without waiting for room."""
        self._transport.write(data)

    async def write(self, data: bytes) -> None:
        """When there is room for it. Raises ConnectionResetError."""
        self._transport.write(data)
        await self._room.wait()
        if self.lost.is_set():
            raise ConnectionResetError("the client went away")

    async def delivered(self) -> None:
        """Wait a moment for the client to have read what was sent. Docker's SDK for Python loses
        the first words of a program that come along with the headers, and here they are quick.
        """
        end = self._transport.get_extra_info("socket")
        deadline = time.monotonic() + LONGEST_DELIVERY_S
        while not self.lost.is_set() and time.monotonic() < deadline:
            if not int.from_bytes(fcntl.ioctl(end.fileno(), termios.TIOCOUTQ, bytes(4)), "little"):
                return
            await asyncio.sleep(0.0005)

    async def finish(self) -> None:
        """Wait until all of it has been sent."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        await self._room.wait()

    def close(self) -> None:
        """What has been written is still sent."""
        self._transport.close()
        self._at_end()
