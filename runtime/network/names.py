"""Names: what a container is told when it asks for another one by name.

On a network that a user made, everybody is found by name, by short id and by aliases, with or
without the network's name behind it ("web", "web.shop"), and backwards by address. Several of one
name all answer, another one first each time. Whoever asks sees only who shares a network with
it. What is nobody's name is for the host's resolvers.

    query (bytes) → `Question` → `answer` → bytes, or None: ask somebody else

Pure: this file opens no socket (`resolver` does). A query is somebody's bytes: whatever is wrong
with it ends in `parse`. The wire format is dnslib's business, and this is its only door.

RFC 1035, RFC 2308 (no data), RFC 6891 (EDNS)
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dnslib import AAAA, EDNS0, PTR, QTYPE, RCODE, RR, A, DNSError, DNSRecord
from dnslib.buffer import BufferError as EndOfBuffer
from dnslib.label import DNSLabel, DNSLabelError

TTL_S = 600
"""Docker's. Programs rarely keep an answer; who does, keeps it for so long."""

SMALLEST_UDP, LARGEST_UDP, LARGEST_TCP = 512, 4096, 65535
LONGEST_QUERY = 1024
"""Bytes. A question is one name; more is no question but work for us."""

_HEADER = struct.Struct(">HHHHHH")
_BROKEN = (
    *(DNSError, DNSLabelError, EndOfBuffer, ValueError, struct.error),
    *(IndexError, TypeError, RecursionError),
)
"""What dnslib raises over bytes that are no message."""


class Entry(NamedTuple):
    """Somebody on a network: its names there, the first one being its own, and its addresses."""

    names: tuple[str, ...]
    network: str
    addresses: tuple[str, ...]


class Question(NamedTuple):
    """What was asked. `section` are its bytes, from which the number at the beginning is left out;
    `room` is how many bytes the answer may have.
    """

    record: DNSRecord
    section: bytes
    name: str
    kind: str
    room: int


def parse(data: bytes, *, stream: bool) -> Question | None:
    """A query; None for bytes that are none, which nobody needs to answer.

    With `stream` it came by TCP, where an answer may be long.
    """
    if not _HEADER.size < len(data) <= LONGEST_QUERY:
        return None
    _, flags, questions, *records = _HEADER.unpack_from(data)
    if flags & 0xF800 or questions != 1 or sum(records) > 2:  # a query, OPT and perhaps a signature
        return None
    section = _question_section(data)
    if not section:
        return None
    try:
        record = DNSRecord.parse(data)
        name = _text(record.q.qname)
    except _BROKEN:
        return None
    offered = next((each.edns_len for each in record.ar if each.rtype == QTYPE.OPT), SMALLEST_UDP)
    room = LARGEST_TCP if stream else min(max(offered, SMALLEST_UDP), LARGEST_UDP)
    return Question(record, section, name, str(QTYPE.get(record.q.qtype)), room)


def _question_section(data: bytes) -> bytes:
    """Name, type and class of the only question; b"" if they are not there."""
    end = _HEADER.size
    while end < len(data) and 0 < data[end] < 64:
        end += 1 + data[end]
    section = data[_HEADER.size : end + 5]
    return section if data[end : end + 1] == b"\0" and len(section) == end + 5 - 12 else b""


def _text(label: DNSLabel) -> str:
    """Small letters, without the dot at the end; bytes that are no text never meet a name."""
    return ".".join(part.decode("latin-1") for part in label.label).lower()


def answer(question: Question, entries: Iterable[Entry], turn: int = 0) -> bytes | None:
    """What the containers' names say; None if it is none of them. The `turn`-th one of several
    comes first.
    """
    if (address := _backward(question)) is not None:
        names = [f"{each.names[0]}.{each.network}" for each in entries if address in each.addresses]
        return _reply(question, [PTR(name) for name in names[:1]]) if names else None
    addresses = find(question.name, entries)
    if addresses is None:
        return None
    wanted = {"A": (4,), "AAAA": (6,), "ANY": (4, 6)}.get(question.kind, ())
    found = [each for each in addresses if ipaddress.ip_address(each).version in wanted]
    first = turn % len(found) if found else 0
    records = [A(each) if "." in each else AAAA(each) for each in found[first:] + found[:first]]
    return _reply(question, records)


def find(name: str, entries: Iterable[Entry]) -> list[str] | None:
    """The addresses of a name, each once; None if nobody is called so."""
    found: dict[str, None] = {}
    known = False
    for each in entries:
        called = {own.lower() for own in each.names}
        called |= {f"{own}.{each.network.lower()}" for own in called}
        if name in called:
            known = True
            found.update(dict.fromkeys(each.addresses))
    return list(found) if known else None


def _backward(question: Question) -> str | None:
    """The address of which the name is asked: 2.0.18.172.in-addr.arpa. RFC 1035, 3.5"""
    if question.kind != "PTR":
        return None
    labels = question.name.split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return str(ipaddress.IPv4Address(".".join(labels[3::-1])))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            digits = "".join(labels[31::-1])
            return str(ipaddress.IPv6Address(bytes.fromhex(digits)))
    except ValueError:
        pass
    return None


def refuse(question: Question, reason: str) -> bytes:
    """An answer that says why there is none: SERVFAIL, NXDOMAIN… RFC 1035, 4.1.1"""
    reply = question.record.reply(ra=1, aa=0)
    reply.header.rcode = getattr(RCODE, reason)
    return bytes(reply.pack())


def _reply(question: Question, data: Sequence[A | AAAA | PTR]) -> bytes:
    """An answer; one for which there is no room is cut off, and says so: then it is asked again
    by TCP.
    """
    reply = question.record.reply(ra=1, aa=0)
    kinds: Mapping[type, int] = {A: QTYPE.A, AAAA: QTYPE.AAAA, PTR: QTYPE.PTR}
    for each in data:
        reply.add_answer(RR(question.record.q.qname, kinds[type(each)], rdata=each, ttl=TTL_S))
    if any(each.rtype == QTYPE.OPT for each in question.record.ar):
        reply.add_ar(EDNS0(udp_len=LARGEST_UDP))
    packed = bytes(reply.pack())
    return packed if len(packed) <= question.room else bytes(reply.truncate().pack())


def answers(data: bytes, question: Question) -> bool:
    """Whether bytes of another resolver are the answer to this question: same number, same
    words. Everything else is somebody who guesses.
    """
    if len(data) < _HEADER.size:
        return False
    number, flags, questions, *_ = _HEADER.unpack_from(data)
    is_answer = number == question.record.header.id and flags & 0x8000 and questions == 1
    return bool(is_answer) and data[_HEADER.size :].startswith(question.section)
