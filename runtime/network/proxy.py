"""The proxy: what arrives at a port of the host is passed on to a container, byte by byte.

Where the kernel changes addresses (`firewall`) hardly anything ever comes here: the proxy's socket
then only keeps the port for us. It serves what NAT cannot: ::1 and IPv6 in front of a
container that speaks IPv4, hosts whose other firewall drops what is forwarded, kernels without
NAT. One process and one selector for all of them: no thread, and nobody waits for anybody.

    client ──▶ Half ──▶ container      each direction has a buffer of its own, and while it is
    client ◀── Half ◀── container      full its source is not read: a slow reader slows the writer

A half that ends is closed behind its last byte, and the other one goes on. UDP has no end: a
conversation is over when nobody has spoken for a while.

man 7 tcp, man 7 udp, man 7 ip (IP_PKTINFO)
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Callable

from runtime.network.door import Door
from runtime.network.ports import Published

CHUNK = 1 << 18
"""Bytes that are read at once."""

IDLE_S = 90.0
"""How long a conversation by UDP lasts after its last word, as with docker's proxy."""

MOST_CONVERSATIONS = 1024
"""By UDP, at one port; a newer one ends the oldest."""

LARGEST_DATAGRAM = 65535
IP_PKTINFO = 8
_AT_ONCE = 64
_BACKLOG = 1024

Address = tuple[str, int]


def open_socket(protocol: str, host_ip: str, port: int) -> socket.socket:
    """A socket that keeps a port of this host for us. Raises OSError (EADDRINUSE…)."""
    family = socket.AF_INET6 if ":" in host_ip else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    kept = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((host_ip, port))
        if protocol == "tcp":
            kept.listen(_BACKLOG)
        elif family == socket.AF_INET6:
            kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            kept.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    except BaseException:
        kept.close()
        raise
    return kept


def _connecting(kind: int, address: str, port: int) -> socket.socket:
    """A socket that is on its way to a container. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    out = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            out.connect((address, port))
    except BaseException:
        out.close()
        raise
    return out


# ── TCP ─────────────────────────────────────────────────────────────────────────────────────────


class TcpProxy:
    """One published port. `kept` is its door; each connection is a `Pair`."""

    def __init__(
        self, selector: selectors.BaseSelector, kept: socket.socket, published: Published
    ) -> None:
        self._selector = selector
        self._published = published
        self._pairs: set[Pair] = set()
        self._door = Door(selector, kept, self._welcome)

    def _welcome(self, client: socket.socket) -> None:
        client.setblocking(False)
        _send_at_once(client)
        try:
            inside = _connecting(socket.SOCK_STREAM, self._published.address, self._published.port)
        except OSError:
            _reset(client)
            return
        _send_at_once(inside)
        self._pairs.add(Pair(self._selector, client, inside, self._pairs.discard))

    def due_s(self) -> float | None:
        """See `Door`."""
        return self._door.due_s()

    def look(self) -> None:
        """See `Door`."""
        self._door.look()

    def close(self) -> None:
        """Let go of the port and end all connections."""
        self._door.close()
        for pair in list(self._pairs):
            pair.end()


class Half:
    """One direction: what was read and could not be written yet."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self._waiting = memoryview(b"")
        self._source_ended = False
        self.done = False

    @property
    def wants_to_read(self) -> bool:
        """Only when nothing is left of what was read before."""
        return not self._waiting and not self._source_ended

    @property
    def wants_to_write(self) -> bool:
        """Something is left."""
        return bool(self._waiting)

    def move(self) -> None:
        """Pass on what can be passed on without waiting. Raises OSError: the connection broke."""
        with contextlib.suppress(BlockingIOError):
            if self.wants_to_read:
                data = self.source.recv(CHUNK)
                self._source_ended = not data
                self._waiting = memoryview(data)
            if self._waiting:
                self._waiting = self._waiting[self.target.send(self._waiting) :]
        if self._source_ended and not self._waiting and not self.done:
            self.done = True
            self.target.shutdown(socket.SHUT_WR)


class Pair:
    """A client's connection and the one to the container behind it."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        client: socket.socket,
        inside: socket.socket,
        ended: Callable[[Pair], None],
    ) -> None:
        self._selector = selector
        self._sockets = (client, inside)
        self._halves = (Half(client, inside), Half(inside, client))
        self._ended = ended
        self._connected = False
        self._events = {client: 0, inside: 0}
        self._watch(inside, selectors.EVENT_WRITE)

    def _turn(self) -> None:
        """One of the two sockets is ready."""
        try:
            if not self._connected:
                if error := self._sockets[1].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(error, "connect")
                self._connected = True
            for half in self._halves:
                half.move()
        except OSError:
            _reset(self._sockets[0], unregister=self._unregister)
            self.end()
            return
        if all(half.done for half in self._halves):
            self.end()
            return
        there, back = self._halves
        for each, read, write in ((there.source, there, back), (there.target, back, there)):
            events = selectors.EVENT_READ if read.wants_to_read else 0
            events |= selectors.EVENT_WRITE if write.wants_to_write else 0
            self._watch(each, events)

    def _watch(self, each: socket.socket, events: int) -> None:
        before, self._events[each] = self._events[each], events
        if events == before:
            return
        if not events:
            self._selector.unregister(each)
        elif before:
            self._selector.modify(each, events, self._turn)
        else:
            self._selector.register(each, events, self._turn)

    def _unregister(self, each: socket.socket) -> None:
        self._watch(each, 0)

    def end(self) -> None:
        """Close both."""
        for each in self._sockets:
            if each.fileno() >= 0:
                self._watch(each, 0)
                each.close()
        self._ended(self)


def _send_at_once(line: socket.socket) -> None:
    """Do not wait for more before a small packet goes: whoever wrote it has decided that."""
    with contextlib.suppress(OSError):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reset(
    client: socket.socket, unregister: Callable[[socket.socket], None] | None = None
) -> None:
    """End a connection so that the client sees that it broke, and does not take it for complete."""
    if unregister:
        unregister(client)
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


# ── UDP ─────────────────────────────────────────────────────────────────────────────────────────


class UdpProxy:
    """One published port. Each client gets a socket of its own towards the container, so that
    answers find their way back: from the address that was asked.
    """

    def __init__(
        self, selector: selectors.BaseSelector, kept: socket.socket, published: Published
    ) -> None:
        self._selector = selector
        self._kept = kept
        self._published = published
        self._conversations: dict[tuple[object, ...], Conversation] = {}
        selector.register(kept, selectors.EVENT_READ, self._hear)

    def _hear(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, client = self._kept.recvmsg(
                    LARGEST_DATAGRAM, socket.CMSG_SPACE(64)
                )
            except OSError:
                return
            asked = next((item for item in ancillary if item[1] in _ADDRESS_ASKED), None)
            found = self._conversation(client, asked)
            if found is not None:
                found.tell(data)

    def _conversation(
        self, client: tuple[object, ...], asked: tuple[int, int, bytes] | None
    ) -> Conversation | None:
        key = (*client, asked[2] if asked else b"")
        known = self._conversations.pop(key, None)
        if known is None:
            if len(self._conversations) >= MOST_CONVERSATIONS:
                self._forget(next(iter(self._conversations)))
            try:
                inside = _connecting(
                    socket.SOCK_DGRAM, self._published.address, self._published.port
                )
            except OSError:
                return None
            known = Conversation(self._kept, inside, client, asked)
            self._selector.register(inside, selectors.EVENT_READ, known.answer)
        self._conversations[key] = known  # the one that spoke last stands last
        return known

    def _forget(self, key: tuple[object, ...]) -> None:
        known = self._conversations.pop(key)
        self._selector.unregister(known.inside)
        known.inside.close()

    def due_s(self) -> float | None:
        """Seconds until a conversation may be over."""
        if not self._conversations:
            return None
        oldest = next(iter(self._conversations.values()))
        return max(0.0, oldest.last_s + IDLE_S - time.monotonic())

    def look(self) -> None:
        """End conversations in which nobody has spoken for long."""
        now_s = time.monotonic()
        for key, known in list(self._conversations.items()):
            if known.last_s + IDLE_S <= now_s:
                self._forget(key)

    def close(self) -> None:
        """Let go of the port and end all conversations."""
        self._selector.unregister(self._kept)
        self._kept.close()
        for key in list(self._conversations):
            self._forget(key)


_ADDRESS_ASKED = (IP_PKTINFO, socket.IPV6_PKTINFO)
_PKTINFO = struct.Struct("=I4s4s")


class Conversation:
    """One client of a UDP port."""

    def __init__(
        self,
        kept: socket.socket,
        inside: socket.socket,
        client: tuple[object, ...],
        asked: tuple[int, int, bytes] | None,
    ) -> None:
        self.inside = inside
        self.last_s = time.monotonic()
        self._kept = kept
        self._client = client
        self._ancillary = [_as_sender(asked)] if asked else []

    def tell(self, data: bytes) -> None:
        """To the container. A datagram may be lost."""
        self.last_s = time.monotonic()
        with contextlib.suppress(OSError):
            self.inside.send(data)

    def answer(self) -> None:
        """From the container."""
        for _ in range(_AT_ONCE):
            try:
                data = self.inside.recv(LARGEST_DATAGRAM)
            except OSError:  # nothing more; or nobody listens there
                return
            self.last_s = time.monotonic()
            with contextlib.suppress(OSError):
                self._kept.sendmsg([data], self._ancillary, 0, self._client)


def _as_sender(asked: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """The address that was asked, as the one to answer from. man 7 ip, IP_PKTINFO"""
    level, kind, data = asked
    if kind == IP_PKTINFO:
        _, _, address = _PKTINFO.unpack(data[: _PKTINFO.size])
        return level, kind, _PKTINFO.pack(0, address, bytes(4))
    return level, kind, data
