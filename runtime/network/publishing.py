"""Publishing: a container's ports get ports of this host, and keep them while it runs.

`open` binds a socket for each before the container begins, so a port that is in use is an error
before anything has happened, and nobody else can take it meanwhile. Behind the socket stands a
proxy (`proxy`); where the kernel can change addresses its rules come first (`firewall`).

What is published stands in the database: lists ask there, and whoever replaces a keeper that was
killed opens the same ports again. The keeper owns the only object of this class.
"""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Iterator

from runtime.database import Database
from runtime.errors import Conflict
from runtime.network import proxy
from runtime.network.ports import EVERYWHERE, EVERYWHERE_6, Published, Wanted, wanted_of
from runtime.network.proxy import TcpProxy, UdpProxy
from runtime.network.values import Endpoint, Plugged

TRIES = 64
"""How often another free port is looked for, when the one for IPv4 is taken for IPv6."""

Kept = list[tuple[str, int, socket.socket]]
"""Address of the host, port, and the socket that keeps it."""


class Ports:
    """All published ports of a state directory. `selector`: each key's data is what to call when
    the descriptor is ready; between, `look` wants to be called after `due_s` seconds.
    """

    def __init__(self, selector: selectors.BaseSelector, database: Database) -> None:
        self._selector = selector
        self._database = database
        self._open: dict[str, list[tuple[Published, TcpProxy | UdpProxy]]] = {}

    def open(self, plugged: Plugged) -> tuple[Published, ...]:
        """Publish what was asked for a container. Raises Conflict: a port is in use; then none of
        them is open. Opening again what is open already changes nothing.
        """
        if plugged.container in self._open:
            return tuple(each for each, _ in self._open[plugged.container])
        endpoint = main_endpoint(plugged)
        if endpoint is None:
            return ()
        opened: list[tuple[Published, TcpProxy | UdpProxy]] = []
        earlier = read(self._database, plugged.container)
        try:
            for wanted in wanted_of(plugged.request):
                opened += self._publish(wanted, endpoint, earlier)
            found = tuple(each for each, _ in opened)
            _write(self._database, plugged.container, found)
        except BaseException:
            for _, each in opened:
                each.close()
            raise
        self._open[plugged.container] = opened
        return found

    def close(self, container: str) -> tuple[Published, ...]:
        """Take its ports back; what was published, also by a keeper that was killed."""
        earlier = read(self._database, container)
        for _, each in self._open.pop(container, []):
            each.close()
        _write(self._database, container, ())
        return earlier

    def published(self) -> tuple[Published, ...]:
        """All that is open."""
        return tuple(each for opened in self._open.values() for each, _ in opened)

    def due_s(self) -> float | None:
        """Seconds until `look` has something to do; None: until something is heard."""
        times = [time for each in self._proxies() if (time := each.due_s()) is not None]
        return min(times, default=None)

    def look(self) -> None:
        """End what has been silent for long."""
        for each in self._proxies():
            each.look()

    def _proxies(self) -> Iterator[TcpProxy | UdpProxy]:
        return (each for opened in self._open.values() for _, each in opened)

    def _publish(
        self, wanted: Wanted, endpoint: Endpoint, earlier: tuple[Published, ...]
    ) -> Iterator[tuple[Published, TcpProxy | UdpProxy]]:
        address = endpoint.address or endpoint.address6
        assert address is not None
        serve = TcpProxy if wanted.protocol == "tcp" else UdpProxy
        for host_ip, port, kept in self._keep(wanted, endpoint, earlier):
            published = Published(
                *(endpoint.container, endpoint.network.id, wanted.protocol, host_ip, port),
                *(str(address.ip), wanted.port),
            )
            yield published, serve(self._selector, kept, published)

    def _keep(self, wanted: Wanted, endpoint: Endpoint, earlier: tuple[Published, ...]) -> Kept:
        """Sockets at one port, for each address at which it shall be reached."""
        hosts = addresses(wanted.host_ip or endpoint.network.host_binding)
        if wanted.first:
            candidates = list(range(wanted.first, wanted.last + 1))
        else:
            before = [each.host_port for each in earlier if each.name == wanted.name]
            candidates = [*before, *[0] * TRIES]
        refused: OSError | None = None
        for port in candidates:
            try:
                return _keep_all(wanted.protocol, hosts, port)
            except OSError as error:
                refused = error
                if error.errno != errno.EADDRINUSE:
                    break
        assert refused is not None
        raise _refusal(refused, wanted, hosts[0], self._holder(wanted)) from refused

    def _holder(self, wanted: Wanted) -> str:
        """The name of our own container that has the one port that was asked for, or ""."""
        row = self._database.one(
            "SELECT name FROM containers JOIN ports ON container = id"
            " WHERE protocol = ? AND host_port = ?",
            *(wanted.protocol, wanted.host_port),
        )
        return str(row["name"]) if row is not None else ""


def main_endpoint(plugged: Plugged) -> Endpoint | None:
    """The one by which a container is reached from outside: its first in a network that is not
    internal.
    """
    outward = (each for each in plugged.endpoints if not each.network.internal)
    return next((each for each in outward if each.address or each.address6), None)


def addresses(host_ip: str) -> tuple[str, ...]:
    """Where to listen: everywhere is both versions, on a host that has both."""
    if host_ip != EVERYWHERE:
        return (host_ip,)
    return (EVERYWHERE, EVERYWHERE_6) if _has_ipv6() else (EVERYWHERE,)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((EVERYWHERE_6, 0))
    except OSError:
        return False
    return True


def _keep_all(protocol: str, hosts: tuple[str, ...], port: int) -> Kept:
    """All of them, or none. Raises OSError."""
    kept: Kept = []
    try:
        for host in hosts:
            each = proxy.open_socket(protocol, host, port)
            port = each.getsockname()[1]
            kept.append((host, port, each))
    except OSError:
        for _, _, each in kept:
            each.close()
        raise
    return kept


def _refusal(error: OSError, wanted: Wanted, host: str, holder: str) -> Conflict:
    port = wanted.host_port or "0"
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            "port {port}/{protocol} of this host is already in use",
            hint=(
                "container {holder} has it; choose another port, or stop that one"
                if holder
                else "choose another one; -p {inside} takes any that is free"
            ),
            port=port,
            protocol=wanted.protocol,
            inside=wanted.port,
            holder=holder,
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Conflict(
            "this host does not have the address {address}: port {port} cannot be published there",
            hint="`ip address` lists those that it has",
            address=host,
            port=port,
        )
    return Conflict(
        "port {port}/{protocol} of this host cannot be opened: {reason}",
        port=port,
        protocol=wanted.protocol,
        reason=error.strerror,
    )


# ── Rows ────────────────────────────────────────────────────────────────────────────────────────


def read(database: Database, container: str) -> tuple[Published, ...]:
    """What is published of a container that runs."""
    rows = database.all("SELECT * FROM ports WHERE container = ? ORDER BY rowid", container)
    return tuple(Published(*row) for row in rows)


def _write(database: Database, container: str, published: tuple[Published, ...]) -> None:
    """These, and none besides."""
    if read(database, container) == published:
        return

    def replace() -> None:
        database.change("DELETE FROM ports WHERE container = ?", container)
        for each in published:
            database.change("INSERT INTO ports VALUES (?, ?, ?, ?, ?, ?, ?)", *each)

    database.atomically(replace)
