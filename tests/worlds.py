"""Networks of a test's own: nothing that happens there touches the host's.

    with own_network():                       the test itself is in a new network namespace
        with World() as shop, World() as customer:   others, each with its own loopback
            cable(shop, "onggi0", "172.30.0.2/24", gateway="172.30.0.1")
            with shop.inside(): …             sockets opened here belong to the shop
            page(HERE, 4000)                  what the container's web server says there

Only the calling thread moves. A world is a process that sleeps in it; it ends with its block.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

from runtime.linux import namespaces, netdevice

HERE, OUTSIDE = "10.9.0.1", "10.9.0.2"
"""This end of the cable to `another_machine()`, and the other one."""

PATIENCE_S = 20


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Leave the host's network for a new, empty one; come back at the end."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespaces.unshare(namespaces.CLONE_NEWNET)
        netdevice.bring_up("lo")
        yield
    finally:
        namespaces.setns(home, namespaces.CLONE_NEWNET)
        os.close(home)


class World:
    """One more network namespace."""

    def __enter__(self) -> World:
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            namespaces.unshare(namespaces.CLONE_NEWNET)
            netdevice.bring_up("lo")
            os.write(write, b"!")
            while True:
                signal.pause()
        os.read(read, 1)
        os.close(read)
        os.close(write)
        self.descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What the calling thread opens meanwhile belongs to this world."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        namespaces.setns(self.descriptor, namespaces.CLONE_NEWNET)
        try:
            yield
        finally:
            namespaces.setns(home, namespaces.CLONE_NEWNET)
            os.close(home)


def ip(line: str) -> None:
    """Debian's `ip`."""
    subprocess.run(["ip", *line.split()], check=True, capture_output=True)


def bridge(name: str, address: str) -> None:
    """A bridge here, with an address for this world."""
    ip(f"link add {name} type bridge")
    ip(f"address add {address} dev {name}")
    ip(f"link set {name} up")


_cables = iter(range(1, 1 << 20))


def cable(world: World, where: str, address: str, gateway: str = "") -> None:
    """Connect a world to here. `where`: a bridge's name, or an address for this end."""
    name = f"cable{next(_cables)}"
    ip(f"link add {name} type veth peer name eth0 netns {world.pid}")
    if "/" in where:
        ip(f"address add {where} dev {name}")
    else:
        ip(f"link set {name} master {where}")
    ip(f"link set {name} up")
    with world.inside():
        ip(f"address add {address} dev eth0")
        ip("link set eth0 up")
        if gateway:
            ip(f"route add default via {gateway}")


@contextlib.contextmanager
def another_machine() -> Iterator[World]:
    """Somebody else's machine, connected to here."""
    with World() as world:
        cable(world, f"{HERE}/24", f"{OUTSIDE}/24", HERE)
        yield world


@contextlib.contextmanager
def greeting(world: World, port: int, words: bytes, protocol: str = "tcp") -> Iterator[list[str]]:
    """Somebody in that world who answers everybody with the same words; who has called, by
    address.
    """
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    callers: list[str] = []
    with world.inside():
        server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
    if protocol == "tcp":
        server.listen(64)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                if protocol == "udp":
                    _, caller = server.recvfrom(65535)
                    if caller is None:
                        return
                    callers.append(caller[0])
                    server.sendto(words, caller)
                    continue
                connection, caller = server.accept()
                callers.append(caller[0])
                with connection:
                    connection.sendall(words)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield callers
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        server.close()


def ask(address: str, port: int, protocol: str = "tcp", patience_s: float = 10) -> bytes:
    """What is said at that address; b"" when nobody answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as caller:
        caller.settimeout(patience_s)
        try:
            caller.connect((address, port))
            if protocol == "udp":
                caller.send(b"?")
                return caller.recv(65535)
            heard = b""
            while data := caller.recv(65536):
                heard += data
            return heard
        except OSError:
            return b""


def page(address: str, port: int) -> str:
    """The page /hostname of a web server there; patiently, since the server must begin."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection((address, port), timeout=PATIENCE_S) as line:
                line.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
                heard = b""
                while data := line.recv(65536):
                    heard += data
                return heard.rpartition(b"\r\n\r\n")[2].decode().strip()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
