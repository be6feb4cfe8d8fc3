"""nftables: the kernel's packet filter, told in netlink messages.

A table holds chains; a chain hangs on one of five hooks through which every packet goes; a rule
is a list of expressions that are carried out one after the other on registers. This file says
one expression a function, with the words of `nft`:

    ip daddr 172.18.0.0/16     payload(network header, 16, 4) · bitwise & mask · cmp ==
    iifname "onggi*"           meta(iifname) · cmp == "onggi"
    dnat ip to 172.18.0.2:80   immediate address · immediate port · nat

A `Transaction` collects changes, and the kernel makes all of them or none. This file knows no
container and no network; which rules there are is decided in `firewall`.

linux/netfilter/nf_tables.h; wiki.nftables.org; man 8 nft
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from runtime.errors import KernelError
from runtime.linux import netlink
from runtime.linux.netlink import Message, attribute, nested, read_attributes

INET = 1
IPV4 = 2
IPV6 = 10
"""Families: a table of INET sees packets of both versions."""

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE = 0, 1, 2
_NEW_CHAIN, _GET_CHAIN = 3, 4
_NEW_RULE, _GET_RULE, _DELETE_RULE = 6, 7, 8

_REGISTER_1, _REGISTER_2, _VERDICT = 1, 2, 0
"""Registers of 16 bytes; the verdict has one of its own."""

Expression = bytes
Rule = list[Expression]


class Hook(IntEnum):
    """Where a chain hangs: NF_INET_*."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class Base(NamedTuple):
    """What makes a chain a base chain: its type, its hook and its place among all at that hook."""

    type: str
    hook: Hook
    priority: int


RAW, DSTNAT, FILTER, SRCNAT = -300, -100, 0, 100
"""Priorities by their names in man 8 nft; the smallest comes first."""


# ── Expressions ─────────────────────────────────────────────────────────────────────────────────


def expression(name: str, *attributes: bytes) -> Expression:
    """Any expression, by its kernel name."""
    return nested(1, attribute(1, name.encode() + b"\0"), nested(2, *attributes))


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack(">I", value))


def _value(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(1, value))


def compare(value: bytes, *, differs: bool = False) -> Expression:
    """Go on with the rule only if the register begins with `value`; or only if it does not."""
    return expression(
        "cmp", _number(1, _REGISTER_1), _number(2, 1 if differs else 0), _value(3, value)
    )


def meta(key: int) -> Expression:
    """Load what the kernel knows about a packet (NFT_META_*)."""
    return expression("meta", _number(2, key), _number(1, _REGISTER_1))


def interface(direction: str, name: str, *, differs: bool = False) -> Rule:
    """`iifname` or `oifname` is `name`; one that ends with * stands for all that begin so."""
    key = {"iifname": 6, "oifname": 7}[direction]
    pattern = name[:-1].encode() if name.endswith("*") else name.encode().ljust(16, b"\0")
    return [meta(key), compare(pattern, differs=differs)]


def family_is(family: int) -> Rule:
    """`meta nfproto`: the packet is of IPv4, or of IPv6."""
    return [meta(15), compare(bytes([family]))]


def payload(base: int, offset: int, length: int) -> Expression:
    """Load bytes of the packet: base 1 is its network header, 2 its transport header."""
    return expression(
        *("payload", _number(1, _REGISTER_1), _number(2, base)),
        *(_number(3, offset), _number(4, length)),
    )


def _masked(mask: bytes) -> Expression:
    return expression(
        *("bitwise", _number(1, _REGISTER_1), _number(2, _REGISTER_1), _number(3, len(mask))),
        *(_value(4, mask), _value(5, bytes(len(mask)))),
    )


def address(which: str, network: str, *, differs: bool = False) -> Rule:
    """`ip saddr`, `ip6 daddr`…: lies in `network` ("10.0.0.0/8", or one address)."""
    subnet = ipaddress.ip_network(network)
    length = subnet.max_prefixlen // 8
    first = {4: 12, 6: 8}[subnet.version]
    offset = {"saddr": first, "daddr": first + length}[which]
    family = {4: IPV4, 6: IPV6}[subnet.version]
    rule = [*family_is(family), payload(1, offset, length)]
    if subnet.prefixlen < subnet.max_prefixlen:
        rule.append(_masked(subnet.netmask.packed))
    return [*rule, compare(subnet.network_address.packed, differs=differs)]


def port(protocol: str, number: int) -> Rule:
    """`tcp dport` or `udp dport`."""
    return [
        *(meta(16), compare(bytes([PROTOCOLS[protocol]]))),
        *(payload(2, 2, 2), compare(struct.pack(">H", number))),
    ]


PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


def _bits(bits: int) -> Rule:
    """Go on if one of these bits is set in the register."""
    return [_masked(struct.pack("=I", bits)), compare(bytes(4), differs=True)]


def connection_goes_on() -> Rule:
    """`ct state established,related`"""
    return [expression("ct", _number(2, 0), _number(1, _REGISTER_1)), *_bits(0b110)]


def connection_was_sent_here() -> Rule:
    """`ct status dnat`: its destination was changed by a rule."""
    return [expression("ct", _number(2, 2), _number(1, _REGISTER_1)), *_bits(1 << 5)]


def destination_is_this_host() -> Rule:
    """`fib daddr type local`"""
    load = expression("fib", _number(1, _REGISTER_1), _number(2, 3), _number(3, 2))
    return [load, compare(struct.pack("=I", 2))]


def counter() -> Expression:
    """Count packets and bytes that have come so far in the rule."""
    return expression("counter")


def verdict(code: int, chain: str = "") -> Expression:
    """End the rule: what becomes of the packet."""
    target = [attribute(2, chain.encode() + b"\0")] if chain else []
    code_bytes = attribute(1, struct.pack(">i", code))
    return expression("immediate", _number(1, _VERDICT), nested(2, nested(2, code_bytes, *target)))


def drop() -> Expression:
    """The packet goes no further."""
    return verdict(0)


def accept() -> Expression:
    """This chain has nothing against it; another one at the same hook may still drop it."""
    return verdict(1)


def jump(chain: str) -> Expression:
    """Go through another chain, and come back."""
    return verdict(-3, chain)


def masquerade() -> Expression:
    """Let it look as if this host, at the interface by which it leaves, had sent it."""
    return expression("masq")


def dnat(to: str, to_port: int) -> Rule:
    """`dnat ip to ADDRESS:PORT`"""
    new = ipaddress.ip_address(to)
    load = [
        expression("immediate", _number(1, register), _value(2, value))
        for register, value in (
            (_REGISTER_1, new.packed),
            (_REGISTER_2, struct.pack(">H", to_port)),
        )
    ]
    family = {4: IPV4, 6: IPV6}[new.version]
    change = (_number(1, 1), _number(2, family), _number(3, _REGISTER_1), _number(5, _REGISTER_2))
    return [*load, expression("nat", *change)]


# ── Changes ─────────────────────────────────────────────────────────────────────────────────────


class Transaction:
    """Changes of one table that the kernel makes together, or not at all."""

    def __init__(self, table: str, family: int = INET) -> None:
        self.table = table
        self._family = family
        self._messages: list[Message] = []

    def add_table(self) -> None:
        """One that is there already stays as it is."""
        self._add(_NEW_TABLE, netlink.NLM_F_CREATE, _text(1, self.table))

    def delete_table(self) -> None:
        """With all that is in it. One that is not there makes the whole transaction fail."""
        self._add(_DELETE_TABLE, 0, _text(1, self.table))

    def add_chain(self, name: str, base: Base | None = None) -> None:
        """A chain at a hook, or one that others jump to."""
        place = (
            (
                nested(4, _number(1, base.hook), attribute(2, struct.pack(">i", base.priority))),
                _text(7, base.type),
            )
            if base
            else ()
        )
        self._add(_NEW_CHAIN, netlink.NLM_F_CREATE, _text(1, self.table), _text(3, name), *place)

    def add_rule(self, chain: str, rule: Rule, comment: str = "") -> None:
        """The last rule of a chain. `comment` is shown by `nft list`."""
        note = (attribute(7, _note(comment)),) if comment else ()
        flags = netlink.NLM_F_CREATE | netlink.NLM_F_APPEND
        place = (_text(1, self.table), _text(2, chain))
        self._add(_NEW_RULE, flags, *place, nested(4, *rule), *note)

    def delete_rule(self, chain: str, handle: int) -> None:
        """One rule, by its number."""
        number = attribute(3, struct.pack(">Q", handle))
        self._add(_DELETE_RULE, 0, _text(1, self.table), _text(2, chain), number)

    def commit(self) -> None:
        """Make the changes. Raises KernelError (ENOENT: no such table; EPERM)."""
        header = struct.pack(">BBH", 0, 0, _SUBSYSTEM)
        begin = Message(_BATCH_BEGIN, netlink.NLM_F_REQUEST, header)
        end = Message(_BATCH_END, netlink.NLM_F_REQUEST, header)
        *rest, last = self._messages
        last = last._replace(flags=last.flags | netlink.NLM_F_ACK)
        with netlink.Socket(netlink.NETLINK_NETFILTER) as kernel:
            kernel.commit(f"nftables {self.table}", [begin, *rest, last, end])

    def _add(self, kind: int, flags: int, *attributes: bytes) -> None:
        body = struct.pack(">BBH", self._family, 0, 0) + b"".join(attributes)
        self._messages.append(Message(_SUBSYSTEM << 8 | kind, netlink.NLM_F_REQUEST | flags, body))


def _text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def _note(comment: str) -> bytes:
    """nft's own form of a comment: type 0, length, text."""
    text = comment.encode()[:250] + b"\0"
    return bytes([0, len(text)]) + text


# ── What is there ───────────────────────────────────────────────────────────────────────────────


class Listed(NamedTuple):
    """A rule that is in force. `packets` and `size_bytes` are what its counter says."""

    chain: str
    handle: int
    comment: str
    packets: int
    size_bytes: int
    expressions: tuple[tuple[str, bytes], ...]
    """Name and attributes of each."""


class ListedChain(NamedTuple):
    """A chain that is in force, anybody's. A policy is 0 (drop) or 1 (accept)."""

    family: int
    table: str
    name: str
    hook: int | None
    policy: int


def tables() -> list[str]:
    """The names of all tables of our family in this network namespace."""
    return [_word(found, 1) for _, found in _listed(_GET_TABLE, INET)]


def chains() -> list[ListedChain]:
    """All chains of all families and programs."""
    found = []
    for family, chain in _listed(_GET_CHAIN, 0):
        place = dict(read_attributes(chain.get(4, b"")))
        hook = struct.unpack(">I", place[1])[0] if 1 in place else None
        policy = struct.unpack(">I", chain[5])[0] if 5 in chain else 1
        found.append(ListedChain(family, _word(chain, 1), _word(chain, 3), hook, policy))
    return found


def rules(table: str, family: int = INET) -> list[Listed]:
    """All rules of a table, in order; none of one that is not there."""
    try:
        found = _listed(_GET_RULE, family, _text(1, table))
        return [_rule(each) for _, each in found]
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise
        return []


def _listed(kind: int, family: int, *wanted: bytes) -> Iterator[tuple[int, dict[int, bytes]]]:
    body = struct.pack(">BBH", family, 0, 0) + b"".join(wanted)
    flags = netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP
    with netlink.Socket(netlink.NETLINK_NETFILTER) as kernel:
        answers = kernel.ask("nftables", Message(_SUBSYSTEM << 8 | kind, flags, body))
    return ((answer.body[0], dict(read_attributes(answer.body[4:]))) for answer in answers)


def _word(attributes: dict[int, bytes], kind: int) -> str:
    return attributes.get(kind, b"").rstrip(b"\0").decode(errors="replace")


def _rule(found: dict[int, bytes]) -> Listed:
    expressions = []
    packets = counted = 0
    for _, each in read_attributes(found.get(4, b"")):
        parts = dict(read_attributes(each))
        name, data = _word(parts, 1), parts.get(2, b"")
        expressions.append((name, data))
        if name == "counter":
            numbers = dict(read_attributes(data))
            counted, packets = (struct.unpack(">Q", numbers[kind])[0] for kind in (1, 2))
    note = found.get(7, b"")
    comment = note[2:].rstrip(b"\0").decode(errors="replace") if note[:1] == b"\0" else ""
    handle = struct.unpack(">Q", found[3])[0]
    return Listed(_word(found, 2), handle, comment, packets, counted, tuple(expressions))
