"""The packet filter from before nftables, which `iptables-legacy` still fills: read, not written.

A host may have rules in both, and a packet must get through both. nftables does not list these.
The kernel hands out the table `filter` as one block: an entry after the other, each with what it
compares, and a target; a chain is a run of entries.

    entry   addresses, interfaces, protocol │ offsets │ counters │ matches… │ target
    target  its size, its name ("" for a verdict, ERROR where a user's chain begins), its data

Nobody is asked where the table is not loaded: the question alone would load it.

linux/netfilter_ipv4/ip_tables.h; man 8 iptables-legacy
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.linux.libc import checked

LOADED = Path("/proc/net/ip_tables_names")
PROGRAM = "iptables-legacy"
FROM, TO = "from", "to"

_GET_INFO, _GET_ENTRIES = 64, 65
_INFO = struct.Struct("=32sI5I5III")
_ENTRIES_AT = 40
_FORWARD = 2
_ENTRY = struct.Struct("=16s16s16s16s16sHBBIHHI2Q")
"""Addresses and their masks · the two interfaces · their two masks · protocol, flags, inversions,
cache, offset of the target, offset of the next entry, where it came from, counters.
"""
_TARGET = struct.Struct("=H29sBi")
_ACCEPT, _DROP = -2, -1


class Rule(NamedTuple):
    """An entry, as much of it as matters here. `plain`: it compares nothing but interfaces."""

    chain: str
    inward: tuple[bytes, bytes]
    outward: tuple[bytes, bytes]
    plain: bool
    verdict: int


class Forward(NamedTuple):
    """What becomes of packets that this host hands on."""

    drops: bool
    rules: tuple[Rule, ...]
    chains: frozenset[str]

    def accepts(self, link: str, chains: tuple[str, ...]) -> set[str]:
        """In which directions one of these chains lets everything of an interface through."""
        name = link.encode().ljust(16, b"\0")
        found = set()
        for rule in self.rules:
            if rule.chain in chains and rule.plain and rule.verdict == _ACCEPT:
                named = [any(mask) for _, mask in (rule.inward, rule.outward)]
                if named == [True, False] and _fits(name, *rule.inward):
                    found.add(FROM)
                if named == [False, True] and _fits(name, *rule.outward):
                    found.add(TO)
        return found


def forward() -> Forward | None:
    """The table as it is in this network namespace, if there is one. Raises KernelError."""
    try:
        if "filter" not in LOADED.read_text().split():
            return None
    except OSError:  # a kernel without it, or somebody without the right to ask
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:
        info = _ask(kernel, _GET_INFO, _INFO.size)
        _, _, *hooks, _, size = _INFO.unpack(info)
        entries = _ask(kernel, _GET_ENTRIES, _ENTRIES_AT + size, size)[_ENTRIES_AT:]
    return read(entries, first=hooks[_FORWARD], policy=hooks[5 + _FORWARD])


def read(entries: bytes, first: int, policy: int) -> Forward:
    """The chain FORWARD lies between two offsets, the last entry of which is its policy."""
    rules = []
    chains = set()
    chain, drops = "", False
    for offset, rule, begins in _walk(entries):
        chain = begins or ("FORWARD" if offset == first else chain)
        chains.add(chain)
        if offset == policy:
            drops = rule.verdict == _DROP
            chain = ""
        elif not begins:
            rules.append(rule._replace(chain=chain))
    return Forward(drops, tuple(rules), frozenset(chains - {""}))


def _walk(entries: bytes) -> Iterator[tuple[int, Rule, str]]:
    """Each entry: where it is, what it says, and the name of the chain that it begins."""
    offset = 0
    while offset + _ENTRY.size <= len(entries):
        addresses, one, other, mask, other_mask, *numbers = _ENTRY.unpack_from(entries, offset)
        protocol, flags, inversions, _, target_at, next_at, *_ = numbers
        if next_at < _ENTRY.size:
            return
        _, name, _, verdict = _TARGET.unpack_from(entries, offset + target_at)
        plain = not (any(addresses) or protocol or flags or inversions)
        plain = plain and target_at == _ENTRY.size and not name.rstrip(b"\0")
        begins = ""
        if name.startswith(b"ERROR\0"):
            text = entries[offset + target_at + _TARGET.size - 4 : offset + next_at]
            begins = text.partition(b"\0")[0].decode(errors="replace")
        yield offset, Rule("", (one, mask), (other, other_mask), plain, verdict), begins
        offset += next_at


def _ask(kernel: socket.socket, option: int, length: int, size: int = 0) -> bytes:
    """getsockopt with a question in the buffer, which Python's own does not send."""
    buffer = ctypes.create_string_buffer(length)
    struct.pack_into("=32sI", buffer, 0, b"filter", size)
    room = ctypes.c_uint32(length)
    checked("getsockopt", kernel.fileno(), socket.SOL_IP, option, buffer, ctypes.byref(room))
    return buffer.raw[: room.value]


def _fits(name: bytes, wanted: bytes, mask: bytes) -> bool:
    return all((a ^ b) & m == 0 for a, b, m in zip(name, wanted, mask, strict=True))
