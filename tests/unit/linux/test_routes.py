"""Routes, as the kernel prints them: every table counts, the host's own addresses do not."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from runtime.linux.routes import parse_fib_trie, parse_ipv6_routes, routes

FIB_TRIE = """\
Id 200:
  +-- 0.0.0.0/0 2 0 2
     |-- 10.99.0.0
        /16 universe UNICAST
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.0
           /16 link UNICAST
           /24 universe BLACKHOLE
        |-- 172.17.0.1
           /32 host LOCAL
     |-- 172.17.255.255
        /32 link BROADCAST
"""

IPV6 = """\
fd000000000000000000000000000000 40 00 0 00 0 0 0 0     eth0
ff000000000000000000000000000000 08 00 0 00 0 0 0 0     eth0
00000000000000000000000000000001 80 00 0 00 0 0 0 0       lo
"""


def test_all_tables_of_ipv4() -> None:
    assert [str(each) for each in parse_fib_trie(FIB_TRIE)] == [
        *("10.99.0.0/16", "0.0.0.0/0", "172.17.0.0/16", "172.17.0.0/24"),
    ]


def test_ipv6_without_loopback_and_multicast() -> None:
    assert list(parse_ipv6_routes(IPV6)) == [IPv6Network("fd00::/64")]


def test_this_host_has_some_or_none() -> None:
    assert all(isinstance(each, IPv4Network | IPv6Network) for each in routes())
