"""The resolver: a name server inside each container's own network namespace.

A container asks 127.0.0.11, as with docker, also when it is in several networks or in none with
an outside. The sockets are opened in its namespace by the keeper, which goes there and comes back
(so the keeper must have one thread). They have ports of their own choice, and a rule there leads
port 53 of this one address to them: a name server in the container may have port 53 itself.

    container ── 127.0.0.11:53 ──▶ Desk ──▶ `names.answer`: a neighbour
                                        └─▶ Errand ──▶ the host's resolvers, from the host
                                                   └─▶ or those of --dns, from the container

What is nobody's name is carried on as it came, byte by byte. An answer is believed when it comes
from where it was asked and repeats the question; a server that is silent is followed by the
next. A container that asks too much at once waits for its own questions only.

RFC 1035, 4.2; RFC 7766 (TCP); man 7 network_namespaces
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from runtime.errors import KernelError
from runtime.linux import etc, namespaces, netdevice
from runtime.network import names
from runtime.network import nftables as nft
from runtime.network.door import Door
from runtime.network.names import Entry, Question
from runtime.network.nftables import Base, Hook, Transaction
from runtime.network.values import Endpoint, Plugged

ADDRESS = "127.0.0.11"
PORT = 53
TABLE = "onggi"
"""In the container's namespace."""

PATIENCE_S = 4.0
"""For one server. Docker's."""

IDLE_S = 10.0
"""A connection by TCP on which nothing has come for so long is closed."""

MOST_ERRANDS, MOST_CONNECTIONS = 256, 64
"""Of one container at the same time."""

MOST_COUNTED = 1024
"""Names whose turns are remembered for one container; then all begin anew."""

_AT_ONCE = 32
_LENGTH = struct.Struct(">H")
_LARGEST = 65535


class Names:
    """All resolvers of a state directory. See `publishing.Ports` for `selector` and `look`."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._desks: dict[str, Desk] = {}
        self._everybody: Mapping[str, Plugged] = {}

    def refresh(self, everybody: Mapping[str, Plugged]) -> None:
        """Who is where, by container, after every change."""
        self._everybody = dict(everybody)
        for plugged in everybody.values():
            if linked(plugged):
                self._write_hosts(plugged)

    def serve(self, plugged: Plugged, there: int) -> None:
        """Answer a container, whose network namespace is `there`, from now on; it must be among
        `everybody` by the time it asks. One that needs no resolver gets none.
        """
        if needs_resolver(plugged) and plugged.container not in self._desks:
            asked = lambda: self._everybody.get(plugged.container, plugged)  # noqa: E731
            self._desks[plugged.container] = Desk(self._selector, there, asked, self.entries)

    def leave(self, container: str) -> None:
        """Answer it no more; one that was never answered is no error."""
        desk = self._desks.pop(container, None)
        if desk is not None:
            desk.close()

    def entries(self, asking: Plugged) -> list[Entry]:
        """Everybody whom a container may know: who shares a network with it in which there are
        names, and whom it has been linked to.
        """
        shared = {
            each.network.id: each.place.links
            for each in asking.endpoints
            if not each.network.is_default
        }
        found = []
        for plugged in self._everybody.values():
            for endpoint in plugged.endpoints:
                links = shared.get(endpoint.network.id)
                if links is not None:
                    nicknames = [
                        name for name, whose in links.items() if whose == plugged.container
                    ]
                    found.append(_entry(plugged, endpoint, nicknames))
        return found

    def hosts(self, plugged: Plugged) -> str:
        """The text of its /etc/hosts."""
        own = f"{plugged.hostname}.{plugged.domainname} " if plugged.domainname else ""
        extra = etc.added_hosts(plugged.request.get("extra_hosts", ()), gateway_of(plugged))
        lines = [
            (str(address.ip), own + plugged.hostname)
            for endpoint in plugged.endpoints
            for address in (endpoint.address, endpoint.address6)
            if address is not None
        ]
        return etc.hosts_text([*extra, *self._links(plugged), *lines])

    def resolvers(self, plugged: Plugged) -> str:
        """The text of its /etc/resolv.conf."""
        return resolvers_of(plugged).text()

    def due_s(self) -> float | None:
        """Seconds until somebody has waited for too long."""
        times = [time for desk in self._desks.values() if (time := desk.due_s()) is not None]
        return min(times, default=None)

    def look(self) -> None:
        """Ask the next server, or give up, where the last one is silent."""
        for desk in list(self._desks.values()):
            desk.look()

    def _links(self, plugged: Plugged) -> Iterator[tuple[str, str]]:
        """Address and names of those that it is linked to on the default network."""
        for nickname, whose in linked(plugged).items():
            other = self._everybody.get(whose)
            for endpoint in other.endpoints if other else ():
                if other and endpoint.network.is_default and endpoint.address:
                    called = dict.fromkeys((nickname, whose[:12], other.name))
                    yield str(endpoint.address.ip), " ".join(called)

    def _write_hosts(self, plugged: Plugged) -> None:
        """Whom it is linked to may have another address by now. In place: it is mounted."""
        path, text = plugged.directory / "hosts", self.hosts(plugged)
        with contextlib.suppress(OSError):  # it has just been removed
            if path.read_text() != text:
                path.write_text(text)


def _entry(plugged: Plugged, endpoint: Endpoint, nicknames: list[str]) -> Entry:
    called = (plugged.name, plugged.container[:12], *endpoint.aliases, *nicknames)
    addresses = (endpoint.address, endpoint.address6)
    return Entry(called, endpoint.network.name, tuple(str(a.ip) for a in addresses if a))


def linked(plugged: Plugged) -> dict[str, str]:
    """What it calls other containers on the default network, and their ids."""
    return {
        nickname: whose
        for endpoint in plugged.endpoints
        if endpoint.network.is_default
        for nickname, whose in endpoint.place.links.items()
    }


def gateway_of(plugged: Plugged) -> str:
    """The host's address as a container reaches it."""
    pools = (endpoint.network.pool(4) for endpoint in plugged.endpoints)
    return next((str(pool.gateway) for pool in pools if pool is not None), "")


def needs_resolver(plugged: Plugged) -> bool:
    """On a network that a user made there are names. On the default one there are none, and the
    host's resolvers are asked directly, unless they can only be reached from the host.
    """
    if any(not each.network.is_default for each in plugged.endpoints):
        return True
    host_only = etc.host_resolvers().servers and not etc.resolvers_for_others().servers
    return bool(plugged.endpoints and host_only and not plugged.request.get("dns"))


def resolvers_of(plugged: Plugged) -> etc.Resolvers:
    """What its resolv.conf says."""
    request = plugged.request
    said = [request.get(name, ()) for name in ("dns", "dns_search", "dns_options")]
    resolvers = etc.asked_for(etc.resolvers_for_others(), *said)
    if not needs_resolver(plugged):
        return resolvers
    options = resolvers.options
    if not any(option.startswith("ndots:") for option in options):
        options = (
            *options,
            "ndots:0",
        )  # a name without a dot is a container's: ask for it as it is
    return etc.Resolvers((ADDRESS,), resolvers.search, options)


# ── A container's desk ──────────────────────────────────────────────────────────────────────────


class Desk:
    """The name server of one container. `asking` is who it is by now, `entries` whom it knows."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        there: int,
        asking: Callable[[], Plugged],
        entries: Callable[[Plugged], list[Entry]],
    ) -> None:
        self._selector = selector
        self._there = os.dup(there)
        self._asking = asking
        self._entries = entries
        self._turns: Counter[tuple[str, str]] = Counter()
        self._errands: set[Errand] = set()
        self._connections: set[Connection] = set()
        try:
            self._udp, self._tcp = _open_desk(there)
        except BaseException:
            os.close(self._there)
            raise
        selector.register(self._udp, selectors.EVENT_READ, self._hear)
        self._door = Door(selector, self._tcp, self._welcome)

    def _hear(self) -> None:
        """Questions by UDP."""
        for _ in range(_AT_ONCE):
            try:
                data, client = self._udp.recvfrom(names.LONGEST_QUERY + 1)
            except OSError:
                return
            self.ask(data, functools.partial(self._say, client), stream=False)

    def _say(self, client: tuple[str, int], reply: bytes) -> None:
        with contextlib.suppress(OSError):  # a lost answer is asked for again
            self._udp.sendto(reply, client)

    def _welcome(self, client: socket.socket) -> None:
        """Questions by TCP."""
        client.setblocking(False)
        if len(self._connections) >= MOST_CONNECTIONS:
            client.close()
            return
        self._connections.add(Connection(self._selector, client, self.ask, self._connections))

    def ask(self, data: bytes, reply: Callable[[bytes], None], *, stream: bool) -> bool:
        """Answer a question, now or later; False if it is none."""
        question = names.parse(data, stream=stream)
        if question is None:
            return False
        asking = self._asking()
        known = names.answer(question, self._entries(asking), self._turn(question))
        if known is not None:
            reply(known)
            return True
        servers, there = self._servers(asking)
        if not servers or len(self._errands) >= MOST_ERRANDS:
            reply(names.refuse(question, "SERVFAIL"))
            return True
        errand = Errand(self._selector, question, data, servers, there, stream, reply)
        self._errands.add(errand)
        errand.ended = self._errands.discard
        errand.go()
        return True

    def _turn(self, question: Question) -> int:
        """How often this has been asked. Each name and kind has a count of its own: who wants to
        connect asks for IPv4 and for IPv6 each time, and by one count for all he would always be
        told the same one of two containers first.
        """
        if len(self._turns) >= MOST_COUNTED:
            self._turns.clear()
        self._turns[question.name, question.kind] += 1
        return self._turns[question.name, question.kind]

    def _servers(self, asking: Plugged) -> tuple[list[str], int | None]:
        """Who knows all other names, and the namespace from which to ask: those of --dns are asked
        as if the container had asked. In internal networks nobody of the host's is asked: a
        question, too, would be a way out.
        """
        if servers := list(asking.request.get("dns", ())):
            return servers, self._there
        if all(each.network.internal for each in asking.endpoints):
            return [], None
        return list(etc.host_resolvers().servers), None

    def due_s(self) -> float | None:
        """See `Names.due_s`."""
        now_s = time.monotonic()
        times = [max(0.0, each.until_s - now_s) for each in self._waiting()]
        if (shut_s := self._door.due_s()) is not None:
            times.append(shut_s)
        return min(times, default=None)

    def look(self) -> None:
        """See `Names.look`."""
        self._door.look()
        now_s = time.monotonic()
        for each in self._waiting():
            if each.until_s <= now_s:
                each.late()

    def _waiting(self) -> list[Errand | Connection]:
        return [*self._errands, *self._connections]

    def close(self) -> None:
        """End all conversations, and the sockets."""
        for errand in list(self._errands):
            errand.end()
        for connection in list(self._connections):
            connection.end()
        self._door.close()
        self._selector.unregister(self._udp)
        self._udp.close()
        os.close(self._there)


class Connection:
    """Somebody in the container who asks by TCP: one question after the other."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        client: socket.socket,
        ask: Callable[..., bool],
        among: set[Connection],
    ) -> None:
        self.until_s = time.monotonic() + IDLE_S
        self._selector = selector
        self._client = client
        self._ask = ask
        self._among = among
        self._heard = b""
        selector.register(client, selectors.EVENT_READ, self._hear)

    def _hear(self) -> None:
        try:
            data = self._client.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._heard += data
        while (question := _whole(self._heard)) is not None:
            self._heard = self._heard[_LENGTH.size + len(question) :]
            if not self._ask(question, self._say, stream=True):
                data = b""
                break
        if not data or len(self._heard) > 2 * names.LONGEST_QUERY:
            self.end()
        else:
            self.until_s = time.monotonic() + IDLE_S

    def _say(self, reply: bytes) -> None:
        """A client that does not read what it asked for is not waited for."""
        whole = _LENGTH.pack(len(reply)) + reply
        try:
            if self._client.fileno() >= 0 and self._client.send(whole) < len(whole):
                self.end()
        except OSError:
            self.end()

    def late(self) -> None:
        """Nothing has come for long."""
        self.end()

    def end(self) -> None:
        """Close it."""
        self._among.discard(self)
        if self._client.fileno() >= 0:
            self._selector.unregister(self._client)
            self._client.close()


def _whole(heard: bytes) -> bytes | None:
    """The first message of a stream, if all of it has come. RFC 1035, 4.2.2"""
    if len(heard) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(heard)
    message = heard[_LENGTH.size : _LENGTH.size + length]
    return message if len(message) == length else None


class Errand:
    """One question that is carried to other servers, one after the other, until one answers."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        question: Question,
        data: bytes,
        servers: list[str],
        there: int | None,
        stream: bool,
        reply: Callable[[bytes], None],
    ) -> None:
        self.until_s = 0.0
        self.ended: Callable[[Errand], None] = lambda errand: None
        self._selector = selector
        self._question = question
        self._data = data
        self._servers = servers
        self._there = there
        self._stream = stream
        self._reply = reply
        self._socket: socket.socket | None = None
        self._heard = b""
        self._said = False

    def go(self) -> None:
        """Ask the next server; if there is none left, say so."""
        self._drop()
        while self._servers:
            server = self._servers.pop(0)
            try:
                self._socket = self._call(server)
            except OSError:
                continue
            self.until_s = time.monotonic() + PATIENCE_S
            events = selectors.EVENT_WRITE if self._stream else selectors.EVENT_READ
            self._selector.register(self._socket, events, self._turn)
            return
        self._finish(names.refuse(self._question, "SERVFAIL"))

    def _call(self, server: str) -> socket.socket:
        """Connected, so that only this server's answers arrive; from a port that nobody knows."""
        kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
        with _inside(self._there):
            found = socket.getaddrinfo(server, PORT, type=kind, flags=socket.AI_NUMERICHOST)
            family, _, _, _, address = found[0]
            line = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            with contextlib.suppress(BlockingIOError):
                line.connect(address)
            if not self._stream:
                line.send(self._data)
        except BaseException:
            line.close()
            raise
        self._heard, self._said = b"", False
        return line

    def _turn(self) -> None:
        """The server has something to say, or can be talked to."""
        line = self._socket
        if line is None:
            return
        try:
            if self._stream and not self._said:
                line.send(_LENGTH.pack(len(self._data)) + self._data)
                self._said = True
                self._selector.modify(line, selectors.EVENT_READ, self._turn)
                return
            data = line.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:  # nobody is there
            self.go()
            return
        if not self._stream:
            if names.answers(data, self._question):
                self._finish(data)
            return
        self._heard += data
        whole = _whole(self._heard)
        if whole is not None and names.answers(whole, self._question):
            self._finish(whole)
        elif whole is not None or not data:
            self.go()

    def late(self) -> None:
        """The server is silent."""
        self.go()

    def _finish(self, reply: bytes) -> None:
        self.end()
        self._reply(reply)

    def end(self) -> None:
        """Ask nobody any more."""
        self._drop()
        self._servers = []
        self.ended(self)

    def _drop(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


# ── In the container's namespace ────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _inside(there: int | None) -> Iterator[None]:
    """What this thread opens meanwhile belongs to that network namespace."""
    if there is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespaces.setns(there, namespaces.CLONE_NEWNET)
        try:
            yield
        finally:
            namespaces.setns(home, namespaces.CLONE_NEWNET)
    finally:
        os.close(home)


def _open_desk(there: int) -> tuple[socket.socket, socket.socket]:
    """Sockets for UDP and TCP, to which port 53 leads. Where the kernel cannot redirect they have
    that port themselves. Raises OSError.
    """
    with _inside(there):
        netdevice.bring_up("lo")  # the container does so at the same time; our address is there
        udp, tcp = _open_pair(0)
        try:
            _redirect({"udp": udp.getsockname()[1], "tcp": tcp.getsockname()[1]})
        except KernelError as error:
            udp.close()
            tcp.close()
            if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):
                raise
            return _open_pair(PORT)
    return udp, tcp


def _open_pair(port: int) -> tuple[socket.socket, socket.socket]:
    pair = []
    try:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            flags = kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            pair.append(socket.socket(socket.AF_INET, flags))
            pair[-1].bind((ADDRESS, port))
        pair[1].listen(MOST_CONNECTIONS)
    except BaseException:
        for each in pair:
            each.close()
        raise
    return pair[0], pair[1]


def _redirect(ports: Mapping[str, int]) -> None:
    """Lead port 53 of our address to these. An earlier keeper's rules are replaced."""
    change = Transaction(TABLE)
    change.add_table()
    change.delete_table()
    change.add_table()
    change.add_chain("names", Base("nat", Hook.OUTPUT, nft.DSTNAT))
    for protocol, port in ports.items():
        here = [*nft.address("daddr", ADDRESS), *nft.port(protocol, PORT)]
        change.add_rule("names", [*here, *nft.dnat(ADDRESS, port)], "the engine's name server")
    change.commit()


def write_files(directory: Path, hosts: str, resolvers: str) -> None:
    """Put new contents into a container's files, in place: they are mounted."""
    for name, text in (("hosts", hosts), ("resolv.conf", resolvers)):
        (directory / name).write_text(text)
