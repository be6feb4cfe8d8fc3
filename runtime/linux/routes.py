"""The host's routes: which addresses lead somewhere already.

Read from /proc, where the kernel prints all its tables, also those that a VPN has for itself. So
nobody needs a netlink socket to find a free subnet.

man 5 proc (/proc/net); kernel: net/ipv4/fib_trie.c, net/ipv6/route.c
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

FIB_TRIE = Path("/proc/net/fib_trie")
IPV6_ROUTES = Path("/proc/net/ipv6_route")

_LEAF = re.compile(r"\|-- ([\d.]+)$")
_ROUTE = re.compile(r"/(\d+) \S+ (?:UNICAST|BLACKHOLE|UNREACHABLE|PROHIBIT|THROW|NAT|XRESOLVE)")


def routes() -> frozenset[IPv4Network | IPv6Network]:
    """Every subnet that some table of this network namespace has a route to."""
    found: set[IPv4Network | IPv6Network] = set()
    with contextlib.suppress(FileNotFoundError):
        found.update(parse_fib_trie(FIB_TRIE.read_text()))
    with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
        found.update(parse_ipv6_routes(IPV6_ROUTES.read_text()))
    return frozenset(found)


def parse_fib_trie(text: str) -> Iterator[IPv4Network]:
    """A leaf is an address, and below it stands each route that begins there:

    |-- 10.5.0.0
       /24 link UNICAST

    The host's own addresses are LOCAL and say nothing about a subnet.
    """
    address = ""
    for line in text.splitlines():
        if leaf := _LEAF.search(line):
            address = leaf[1]
        elif (route := _ROUTE.search(line)) and address:
            yield IPv4Network(f"{address}/{route[1]}")


def parse_ipv6_routes(text: str) -> Iterator[IPv6Network]:
    """32 hexadecimal digits, the number of fixed bits as two more, and what does not matter here;
    loopback and multicast are nobody's subnets.
    """
    for line in text.splitlines():
        digits, bits, *_, device = line.split()
        address = ":".join(digits[place : place + 4] for place in range(0, 32, 4))
        network = ip_network(f"{address}/{int(bits, 16)}", strict=False)
        if device != "lo" and not network.is_multicast and isinstance(network, IPv6Network):
            yield network
