"""Network devices, as far as a lone container needs them: the loopback.

A new network namespace has one device, `lo`, and it is down, so even 127.0.0.1 is silent.
Bridges and cables between namespaces are another room's.

man 7 netdevice
"""

from __future__ import annotations

import fcntl
import socket
import struct

from runtime.errors import HostLacks

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

_IFREQ = struct.Struct("16sh22x")


def bring_up(name: str = "lo") -> None:
    """Switch a device of this network namespace on. Raises HostLacks, OSError (ENODEV)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        request = _IFREQ.pack(name.encode(), 0)
        _, flags = _IFREQ.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        try:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, _IFREQ.pack(name.encode(), flags | IFF_UP))
        except PermissionError as cause:
            raise HostLacks(
                "this host does not permit to switch on the network device {name}",
                hint="each container has a loopback of its own, which needs CAP_NET_ADMIN",
                feature="network devices",
                evidence=f"SIOCSIFFLAGS {name}: {cause.strerror}",
                name=name,
            ) from cause
