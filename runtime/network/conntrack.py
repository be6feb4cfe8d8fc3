"""Connections that the kernel remembers, and those that it should forget.

UDP knows no end. The kernel remembers where it has led a client's first datagram to and leads all
further ones there, past every rule, until both have been silent for long. When the container
behind a port has gone, a client that keeps asking would never reach the next one there.

    entry   who asked whom, as it came │ who answers whom │ state…
            outside:4444 → host:53     │ 172.17.0.2:53 → outside:4444

Only entries that lead to ports of ours are deleted. (TCP ends by itself: whoever has the address
next answers that he knows nothing of it.)

linux/netfilter/nfnetlink_conntrack.h; conntrack-tools
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runtime.errors import KernelError
from runtime.linux import netlink
from runtime.linux.netlink import Message, attribute, read_attributes
from runtime.network.ports import Published

_SUBSYSTEM = 1
_GET, _DELETE = 1, 2
_ASKED, _ANSWERED = 1, 2
_NESTED = netlink.NLA_F_NESTED


class Entry(NamedTuple):
    """A UDP conversation: the container's end of it, and what the kernel knows it by."""

    address: str
    port: int
    asked: bytes


def forget(ended: Iterable[Published]) -> None:
    """Have the kernel forget the conversations with these ports. A kernel that remembers none, or
    does not let us ask, is fine: then they end by their age.
    """
    ends = {(each.address, each.port) for each in ended if each.protocol == "udp"}
    if not ends:
        return
    with contextlib.suppress(KernelError, OSError):
        for entry in udp_entries():
            if (entry.address, entry.port) in ends:
                with contextlib.suppress(KernelError):  # it has ended by itself meanwhile
                    _delete(entry)


def udp_entries() -> Iterator[Entry]:
    """All of IPv4 in this network namespace. Raises KernelError, OSError."""
    flags = netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP
    question = Message(_SUBSYSTEM << 8 | _GET, flags, _header())
    with netlink.Socket(netlink.NETLINK_NETFILTER) as kernel:
        answers = kernel.ask("conntrack", question)
    for answer in answers:
        parts = dict(read_attributes(answer.body[4:]))
        end = _sender(parts.get(_ANSWERED, b""))
        if end is not None and _ASKED in parts:
            yield Entry(*end, parts[_ASKED])


def _sender(direction: bytes) -> tuple[str, int] | None:
    """Who sends in one direction of a conversation; None if it is not UDP over IPv4."""
    parts = dict(read_attributes(direction))
    addresses = dict(read_attributes(parts.get(1, b"")))
    protocol = dict(read_attributes(parts.get(2, b"")))
    if protocol.get(1) != bytes([socket.IPPROTO_UDP]) or 1 not in addresses or 2 not in protocol:
        return None
    return str(ipaddress.IPv4Address(addresses[1])), struct.unpack(">H", protocol[2])[0]


def _delete(entry: Entry) -> None:
    flags = netlink.NLM_F_REQUEST | netlink.NLM_F_ACK
    body = _header() + attribute(_ASKED | _NESTED, entry.asked)
    with netlink.Socket(netlink.NETLINK_NETFILTER) as kernel:
        kernel.commit("conntrack", [Message(_SUBSYSTEM << 8 | _DELETE, flags, body)])


def _header() -> bytes:
    return struct.pack(">BBH", socket.AF_INET, 0, 0)
