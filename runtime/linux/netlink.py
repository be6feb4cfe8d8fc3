"""Netlink: how the kernel is told about its network, in messages made of attributes.

    message    length · type · flags · sequence · port │ a header of the family's own │ attributes
    attribute  length · type │ value │ padding to four bytes
    nested     an attribute whose value is attributes

`attribute` and `nested` write them, `read_attributes` reads them, `Socket.ask` sends a question
and collects what comes back, `Socket.commit` sends a batch that is carried out whole or not at
all. What the numbers mean is said where they are used.

man 7 netlink; linux/netlink.h
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple

from runtime.errors import KernelError

NETLINK_NETFILTER = 12

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_DUMP_INTR = 0x10
NLA_F_NESTED = 0x8000
_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ENOUGH = 1 << 20


class Message(NamedTuple):
    """One message. `body` is the family's own header and the attributes."""

    kind: int
    flags: int
    body: bytes


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds others."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def read_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each attribute. It ends where the data make no sense any more."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= len(data) - offset:
            return
        yield kind & _TYPE_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += length + -length % 4


class Socket:
    """A netlink socket of one protocol, in the network namespace in which it was opened."""

    def __init__(self, protocol: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Socket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self, name: str, message: Message) -> list[Message]:
        """What the kernel lists. `name` is said if it refuses. Raises KernelError.

        A list that was changed while it was read is read again.
        """
        while True:
            sequence = self._send([message])
            answers: list[Message] = []
            torn = False
            for flags, answer in self._answers(name, sequence):
                torn = torn or bool(flags & NLM_F_DUMP_INTR)
                answers.append(answer)
            if not torn:
                return answers

    def commit(self, name: str, messages: Sequence[Message]) -> None:
        """Send them at once and hear what becomes of them; one of them asks for an
        acknowledgement. Raises KernelError with the first refusal.
        """
        self._send(messages)
        while True:
            for kind, _, _, body in self._receive():
                if kind == NLMSG_ERROR:
                    if error := -struct.unpack_from("=i", body)[0]:
                        raise KernelError("netlink", name, error)
                    return

    def _send(self, messages: Sequence[Message]) -> int:
        """Number them and send them; the last one's number."""
        data = []
        for message in messages:
            self._sequence += 1
            length = _HEADER.size + len(message.body)
            header = _HEADER.pack(length, message.kind, message.flags, self._sequence, 0)
            data.append(header + message.body + bytes(-length % 4))
        whole = b"".join(data)
        if len(whole) > self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * len(whole))
        self._socket.sendto(whole, (0, 0))
        return self._sequence

    def _answers(self, name: str, sequence: int) -> Iterator[tuple[int, Message]]:
        while True:
            for kind, flags, number, body in self._receive():
                if number != sequence:
                    continue
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    if error := -struct.unpack_from("=i", body)[0]:
                        raise KernelError("netlink", name, error)
                    return
                yield flags, Message(kind, flags, body)

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of one packet. Only the kernel, which has the port 0, is listened to."""
        data, address = self._socket.recvfrom(_ENOUGH)
        if address[0] != 0:
            return
        offset = 0
        while offset + _HEADER.size <= len(data):
            length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
            if length < _HEADER.size:
                return
            yield kind, flags, sequence, data[offset + _HEADER.size : offset + length]
            offset += length + -length % 4
