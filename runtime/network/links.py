"""Network devices, addresses and routes: netlink messages, each carried out or refused as a whole.

A `Links` is a netlink socket, and belongs to the network namespace in which it was opened, also
when its owner has left that. Messages go out several at a time, and the kernel answers each.

    one message makes a cable: both ends, one of them in another namespace, its name, its address,
    and the bridge that the other end is plugged into. Made here and moved there afterwards, it
    would cost ten times as much: a device that moves is taken apart and put together again.

Rule: the only module that imports pyroute2, of which it takes the words of the messages and not
the sockets. That import takes a quarter of a second, so only the keeper does it.

man 7 netlink, man 7 rtnetlink, man 4 veth
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST
from pyroute2.netlink.rtnl import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
)
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from runtime.errors import HostLacks, KernelError
from runtime.linux import namespaces
from runtime.network.values import Address

Interface = IPv4Interface | IPv6Interface

NLMSG_ERROR, NLMSG_DONE = 2, 3
HEADER = struct.Struct("=IHHII")
LARGEST = 1 << 18
NEW = NLM_F_CREATE | NLM_F_EXCL
IFF_UP = 1
NO_DAD = 0x02
"""Use an IPv6 address at once: nobody else can have it."""

NOT_HERE = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)
"""What a kernel answers that may not, or cannot."""

MAIN_TABLE, PROTO_BOOT, SCOPE_UNIVERSE, UNICAST = 254, 3, 0, 1


@dataclass(frozen=True, slots=True)
class Link:
    """A network device. `alias` is what its maker wrote on it, `master` the index of the bridge
    that it is plugged into (0: none).
    """

    index: int
    name: str
    alias: str
    kind: str
    master: int
    mtu: int


@dataclass(frozen=True, slots=True)
class Order:
    """One message: its number, its content, and flags beyond "do it, and answer"."""

    kind: int
    message: Any
    flags: int = 0


class Links:
    """The devices of one network namespace: the caller's, or that of a descriptor."""

    def __init__(self, namespace: int | None = None) -> None:
        if namespace is None:
            self._socket = _open()
        else:
            with inside(namespace):
                self._socket = _open()
        self._number = 0

    def __enter__(self) -> Links:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket; what was made stays."""
        self._socket.close()

    def carry_out(self, *orders: Order) -> None:
        """All of them, in this order; after one that is refused the others are still carried out.

        Raises KernelError with the first refusal, HostLacks where the kernel may not, or cannot.
        """
        if not orders:
            return  # the kernel refuses an empty packet
        begin = self._number + 1
        self._socket.send(b"".join(self._encoded(each, NLM_F_ACK) for each in orders))
        refusals: dict[int, int] = {}
        missing = len(orders)
        while missing:
            for kind, number, content in _messages(self._socket.recv(LARGEST)):
                if kind == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", content)
                    refusals[number] = -code
                    missing -= 1
        for number, order in enumerate(orders, begin):
            if refusals[number]:
                raise _refusal(order, refusals[number])

    def all(self) -> list[Link]:
        """Every device."""
        self._socket.send(self._encoded(Order(RTM_GETLINK, ifinfmsg()), NLM_F_DUMP))
        found: list[Link] = []
        while True:
            data = self._socket.recv(LARGEST)
            for kind, _, _ in _messages(data):
                if kind == NLMSG_DONE:
                    return found
            found += [_link(part) for part in _parts(data)]

    def find(self, name: str) -> Link | None:
        """The device of that name."""
        return next((each for each in self.all() if each.name == name), None)

    def _encoded(self, order: Order, flags: int) -> bytes:
        self._number += 1
        message = order.message
        message["header"]["type"] = order.kind
        message["header"]["flags"] = NLM_F_REQUEST | flags | order.flags
        message["header"]["sequence_number"] = self._number
        message.encode()
        return bytes(message.data)


class inside:
    """The calling thread is in another network namespace, until the end of the block. What it
    opens there (sockets, files of /proc/sys/net) stays there.
    """

    def __init__(self, namespace: int) -> None:
        self._there = namespace

    def __enter__(self) -> None:
        self._here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            namespaces.setns(self._there, namespaces.CLONE_NEWNET)
        except BaseException:
            os.close(self._here)
            raise

    def __exit__(self, *_: object) -> None:
        try:
            namespaces.setns(self._here, namespaces.CLONE_NEWNET)
        finally:
            os.close(self._here)


def bridge(name: str, mtu: int) -> Order:
    """A bridge: a switch that the host itself is plugged into, too."""
    message = ifinfmsg()
    kind = {"attrs": [["IFLA_INFO_KIND", "bridge"]]}
    message["attrs"] = [["IFLA_IFNAME", name], ["IFLA_MTU", mtu], ["IFLA_LINKINFO", kind]]
    return Order(RTM_NEWLINK, message, NEW)


def label(name: str, alias: str) -> Order:
    """Write on a device whose it is. The kernel does not take that with the order to make it, but
    right after it in the same packet: nobody can be killed in between.
    """
    message = ifinfmsg()
    message["attrs"] = [["IFLA_IFNAME", name], ["IFLA_IFALIAS", alias]]
    return Order(RTM_NEWLINK, message)


def cable(name: str, master: int, mtu: int, *, there: int, device: str, mac: str) -> Order:
    """A pair of devices: `name` here, up and in the bridge `master`, and `device` in the network
    namespace `there`, which is still to be switched on.
    """
    peer = {
        "family": 0,
        "index": 0,
        "flags": 0,
        "change": 0,
        "attrs": [
            *(["IFLA_IFNAME", device], ["IFLA_ADDRESS", mac]),
            *(["IFLA_MTU", mtu], ["IFLA_NET_NS_FD", there]),
        ],
    }
    data = {"attrs": [["VETH_INFO_PEER", peer]]}
    message = ifinfmsg()
    message["flags"] = message["change"] = IFF_UP
    message["attrs"] = [
        *(["IFLA_IFNAME", name], ["IFLA_MASTER", master], ["IFLA_MTU", mtu]),
        ["IFLA_LINKINFO", {"attrs": [["IFLA_INFO_KIND", "veth"], ["IFLA_INFO_DATA", data]]}],
    ]
    return Order(RTM_NEWLINK, message, NEW)


def up(index: int) -> Order:
    """Switch a device on."""
    message = ifinfmsg()
    message["index"] = index
    message["flags"] = message["change"] = IFF_UP
    return Order(RTM_NEWLINK, message)


def deletion(index: int) -> Order:
    """Take a device away; of a cable both ends go."""
    message = ifinfmsg()
    message["index"] = index
    return Order(RTM_DELLINK, message)


def into_group(index: int, group: int) -> Order:
    """Put a device into a group, which can be taken away as one."""
    message = ifinfmsg()
    message["index"] = index
    message["attrs"] = [["IFLA_GROUP", group]]
    return Order(RTM_NEWLINK, message)


def deletion_of_group(group: int) -> Order:
    """Take all devices of a group away. The kernel waits once until nobody uses them any more, and
    not once for each: a fiftieth of a second, during which no other device can be made.
    """
    message = ifinfmsg()
    message["attrs"] = [["IFLA_GROUP", group]]
    return Order(RTM_DELLINK, message)


def address(index: int, interface: Interface) -> Order:
    """Give a device an address, and with it the route to its subnet."""
    return Order(RTM_NEWADDR, _address(index, interface), NEW)


def no_address(index: int, interface: Interface) -> Order:
    """Take it away again."""
    return Order(RTM_DELADDR, _address(index, interface))


def _address(index: int, interface: Interface) -> Any:
    message = ifaddrmsg()
    message["family"] = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    message["prefixlen"] = interface.network.prefixlen
    message["index"] = index
    message["attrs"] = [["IFA_LOCAL", str(interface.ip)], ["IFA_ADDRESS", str(interface.ip)]]
    if isinstance(interface, IPv4Interface):
        message["attrs"].append(["IFA_BROADCAST", str(interface.network.broadcast_address)])
    else:
        message["flags"] = NO_DAD
    return message


def default_route(index: int, gateway: Address) -> Order:
    """All that leads nowhere else goes to `gateway`."""
    return Order(RTM_NEWROUTE, _default_route(index, gateway), NEW)


def no_default_route(index: int, gateway: Address) -> Order:
    """Not any more."""
    return Order(RTM_DELROUTE, _default_route(index, gateway))


def _default_route(index: int, gateway: Address) -> Any:
    message = rtmsg()
    message["family"] = socket.AF_INET if gateway.version == 4 else socket.AF_INET6
    message["table"], message["proto"] = MAIN_TABLE, PROTO_BOOT
    message["scope"], message["type"] = SCOPE_UNIVERSE, UNICAST
    message["attrs"] = [["RTA_GATEWAY", str(gateway)], ["RTA_OIF", index]]
    return message


def _open() -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    try:
        found = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
    except OSError as refusal:  # a sandbox
        raise _refused("socket", "AF_NETLINK", refusal.errno or 0) from refusal
    found.bind((0, 0))
    return found


def _parts(data: bytes) -> Iterator[bytes]:
    """Each message of what one `recv` brought, whole."""
    place = 0
    while place < len(data):
        (length, *_) = HEADER.unpack_from(data, place)
        yield data[place : place + length]
        place += (length + 3) & ~3


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, number and content of each."""
    for part in _parts(data):
        _, kind, _, number, _ = HEADER.unpack_from(part)
        yield kind, number, part[HEADER.size :]


def _link(part: bytes) -> Link:
    message = ifinfmsg(part)
    message.decode()
    info = message.get_attr("IFLA_LINKINFO")
    return Link(
        message["index"],
        message.get_attr("IFLA_IFNAME"),
        message.get_attr("IFLA_IFALIAS") or "",
        (info.get_attr("IFLA_INFO_KIND") if info else "") or "",
        message.get_attr("IFLA_MASTER") or 0,
        message.get_attr("IFLA_MTU") or 0,
    )


def _refusal(order: Order, code: int) -> KernelError | HostLacks:
    names = {RTM_NEWLINK: "RTM_NEWLINK", RTM_NEWADDR: "RTM_NEWADDR", RTM_NEWROUTE: "RTM_NEWROUTE"}
    what = str(order.message.get_attr("IFLA_IFNAME") or order.message.get("index", ""))
    return _refused(f"netlink {names.get(order.kind, order.kind)}", what, code)


def _refused(call: str, what: str, code: int) -> KernelError | HostLacks:
    """What the kernel may not do, or cannot, is the host's; all else is what was asked of it."""
    if code in NOT_HERE:
        return HostLacks(
            "this host does not permit to make network devices: {evidence}",
            hint="use --network none or host; bridges need CAP_NET_ADMIN, and veth in the kernel",
            feature="network devices",
            evidence=f"{call} {what}: {os.strerror(code)}",
        )
    return KernelError(call, what, code)
