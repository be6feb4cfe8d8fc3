"""What stands in /proc/PID/net, read as the kernel writes it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lessons_lib import wires
from lessons_lib.wires import Device, Route

DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0
  eth0:99999999     321    0    0    0     0          0         0     1234      45    0    0    0
"""

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0106CE0A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0006CE0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""

LISTENING = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0B00007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0206CE0A:0050 0106CE0A:C001 01 00000000:00000000 00:00000000 00000000     0        0 3 1
"""


def test_devices_have_a_name_and_what_they_counted() -> None:
    assert wires.parse_devices(DEVICES) == {
        "lo": Device("lo", received=10, sent=10),
        "eth0": Device("eth0", received=321, sent=45),
    }


def test_routes_are_read_in_the_machines_byte_order() -> None:
    assert wires.parse_routes(ROUTES) == [
        Route(IPv4Network("0.0.0.0/0"), IPv4Address("10.206.6.1"), "eth0"),
        Route(IPv4Network("10.206.6.0/24"), None, "eth0"),
    ]


def test_the_narrowest_route_is_taken() -> None:
    wide, narrow = wires.parse_routes(ROUTES)
    assert wires.way_to(IPv4Address("10.206.6.7"), [wide, narrow]) == narrow
    assert wires.way_to(IPv4Address("1.1.1.1"), [wide, narrow]) == wide
    assert wires.way_to(IPv4Address("1.1.1.1"), [narrow]) is None


def test_a_port_is_one_that_somebody_else_can_reach() -> None:
    assert wires.parse_listening(LISTENING) == [0x50], "no connection, and not the name server"


def test_this_process_has_a_loopback() -> None:
    assert "lo" in wires.devices()
