"""The name server in a container's namespace: what programs there are told, and by whom."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Interface, ip_network
from pathlib import Path
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from worlds import World, own_network

from runtime.linux import etc
from runtime.network.resolver import ADDRESS, Names
from runtime.network.values import Endpoint, Network, Place, Plugged, Pool

pytestmark = pytest.mark.needs("root", "ip")

SUBNET = ip_network("172.30.0.0/24")
TOWN = Network("t" * 64, "town", "bridge", "onggi-town", (Pool(SUBNET, SUBNET[1]),))
INSIDE = Network(
    "i" * 64, "inside", "bridge", "onggi-in", (Pool(SUBNET, SUBNET[1]),), internal=True
)
UPSTREAM = "127.0.0.53"


def plugged(name: str, last: int, network: Network = TOWN, **request: Any) -> Plugged:
    container = name.encode().hex().ljust(64, "0")
    address = IPv4Interface(f"172.30.0.{last}/24")
    place = Place(aliases=("all",))
    endpoint = Endpoint("e", network, container, address, None, "", "veth", "eth0", place)
    return Plugged(container, name, name, "", Path("/x"), 1, 1, (endpoint,), request)


class Running:
    """The keeper's loop, in a thread of its own: a thread, too, has one network namespace."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.names = Names(self.selector)
        self._wake, wake = socket.socketpair()
        self._orders: list[Callable[[], None]] = []
        self._done = threading.Event()
        self._going = True
        self.selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(1) and None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._going:
            for key, _ in self.selector.select(self.names.due_s()):
                key.data()
            self.names.look()
            while self._orders:
                self._orders.pop(0)()
                self._done.set()

    def order(self, what: Callable[[], None]) -> None:
        self._done.clear()
        self._orders.append(what)
        self._wake.send(b"!")
        assert self._done.wait(20)

    def end(self, *containers: str) -> None:
        def stop() -> None:
            for each in containers:
                self.names.leave(each)
            self._going = False

        self.order(stop)
        self._thread.join(20)
        assert len(self.selector.get_map()) == 1  # nothing is watched any more but the wake


@pytest.fixture
def running() -> Iterator[Running]:
    with own_network():
        running = Running()  # a thread begins in its maker's namespace
        yield running


def ask(
    name: str, kind: str = "A", *, stream: bool = False, patience_s: float = 20
) -> DNSRecord | None:
    """A question of whoever runs here."""
    question = DNSRecord.question(name, kind)
    kind_ = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind_) as line:
        line.settimeout(patience_s)
        line.connect((ADDRESS, 53))
        data = question.pack()
        line.send(len(data).to_bytes(2, "big") + data if stream else data)
        try:
            heard = line.recv(65535)
            while stream and len(heard) < 2 + int.from_bytes(heard[:2], "big"):
                heard += line.recv(65535)
        except TimeoutError:
            return None
    reply = DNSRecord.parse(heard[2:] if stream else heard)
    assert reply.header.id == question.header.id
    return reply


def addresses(reply: DNSRecord | None) -> list[str]:
    return [] if reply is None else sorted(str(each.rdata) for each in reply.rr)


@contextlib.contextmanager
def upstream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, silent_first: bool = False) -> Any:
    """A resolver of this host, at a loopback address as systemd's, by UDP and TCP. What it was
    asked for. It lies before it tells the truth: another number, another question.
    """
    conf = tmp_path / "resolv.conf"
    first = "nameserver 127.0.0.54\n" if silent_first else ""
    conf.write_text(f"{first}nameserver {UPSTREAM}\nsearch example.org\n")
    monkeypatch.setattr(etc, "RESOLV_CONF", conf)
    asked: list[str] = []
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((UPSTREAM, 53))
    tcp = socket.socket()
    tcp.bind((UPSTREAM, 53))
    tcp.listen()
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.54", 53))

    def reply_to(data: bytes) -> DNSRecord:
        question = DNSRecord.parse(data)
        asked.append(str(question.q.qname))
        reply = question.reply()
        reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A("192.0.2.7"), ttl=1))
        return reply

    def by_udp() -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = udp.recvfrom(65535)
                if not data:
                    return
                reply = reply_to(data)
                lie = DNSRecord.question("other.example")
                lie.header.qr, lie.header.id = 1, reply.header.id
                udp.sendto(b"\0", client)
                udp.sendto(bytes(lie.pack()), client)
                udp.sendto(bytes(reply.pack()), client)

    def by_tcp() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = tcp.accept()
                with client:
                    heard = client.recv(65535)
                    packed = bytes(reply_to(heard[2:]).pack())
                    whole = len(packed).to_bytes(2, "big") + packed
                    client.send(whole[:5])
                    time.sleep(0.05)
                    client.send(whole[5:])

    threads = [threading.Thread(target=each, daemon=True) for each in (by_udp, by_tcp)]
    for thread in threads:
        thread.start()
    yield asked
    for each in (udp, tcp):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(20)
    for each in (udp, tcp, silent):
        each.close()


WEB, DB, ALONE = plugged("web", 2), plugged("db", 3), plugged("alone", 2, INSIDE)
EVERYBODY = {each.container: each for each in (WEB, DB, ALONE)}


def served(running: Running, who: Plugged, world: World, everybody: dict[str, Plugged]) -> None:
    running.order(lambda: running.names.refresh(everybody))
    running.order(lambda: running.names.serve(who, world.descriptor))


def test_containers_find_each_other_and_changes_are_live(running: Running) -> None:
    with World() as world:
        served(running, WEB, world, EVERYBODY)
        with world.inside():
            for stream in (False, True):
                assert addresses(ask("db", stream=stream)) == ["172.30.0.3"]
            assert addresses(ask("all")) == ["172.30.0.2", "172.30.0.3"]
            assert addresses(ask("3.0.30.172.in-addr.arpa", "PTR")) == ["db.town."]
            firsts = {str(reply.rr[0].rdata) for _ in range(4) if (reply := ask("all"))}
            assert firsts == {"172.30.0.2", "172.30.0.3"}
            running.order(lambda: running.names.refresh({WEB.container: WEB}))
            gone = ask("db")
            assert gone is not None
            assert gone.header.rcode == RCODE.SERVFAIL  # there is no other resolver in this test
        running.end(WEB.container)


def test_port_53_is_the_container_s_own(running: Running) -> None:
    with World() as world:
        served(running, WEB, world, EVERYBODY)
        with world.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as its_own:
            its_own.bind(("0.0.0.0", 53))
            assert addresses(ask("db")) == ["172.30.0.3"]
        running.end(WEB.container)


@pytest.mark.parametrize("silent_first", [False, True])
def test_other_names_are_for_the_host_s_resolvers(
    running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent_first: bool
) -> None:
    monkeypatch.setattr("runtime.network.resolver.PATIENCE_S", 0.3)
    with World() as world, upstream(monkeypatch, tmp_path, silent_first=silent_first) as asked:
        served(running, WEB, world, EVERYBODY)
        with world.inside():
            assert addresses(ask("www.example.org")) == ["192.0.2.7"]
            assert addresses(ask("www.example.org", stream=True)) == ["192.0.2.7"]
            assert addresses(ask("web")) == ["172.30.0.2"]
        assert asked == ["www.example.org.", "www.example.org."]
        running.end(WEB.container)


def test_nobody_of_the_host_s_is_asked_for_an_internal_network(
    running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with World() as world, upstream(monkeypatch, tmp_path) as asked:
        served(running, ALONE, world, EVERYBODY)
        with world.inside():
            reply = ask("secret.example.org")
        assert reply is not None
        assert reply.header.rcode == RCODE.SERVFAIL
        assert asked == []
        running.end(ALONE.container)


def test_a_server_of_dns_is_asked_as_if_by_the_container(running: Running) -> None:
    """At 127.0.0.1 its own name server answers, and not the host's."""
    own = plugged("own", 9, dns=["127.0.0.1"])
    with World() as world:
        served(running, own, world, {own.container: own})
        with world.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 53))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
                line.connect((ADDRESS, 53))
                line.send(DNSRecord.question("x.example").pack())
                server.settimeout(20)
                data, _ = server.recvfrom(65535)
        assert str(DNSRecord.parse(data).q.qname) == "x.example."
        running.end(own.container)


def test_hostile_questions_do_not_stop_it(running: Running) -> None:
    junk = [b"", b"\0", b"\xff" * 12, b"\xff" * 600, b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"]
    with World() as world:
        served(running, WEB, world, EVERYBODY)
        with world.inside():
            lines = []
            for each in junk:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                    udp.sendto(each, (ADDRESS, 53))
                for framed in (each, len(each).to_bytes(2, "big") + each, b"\xff\xff" + each):
                    tcp = socket.create_connection((ADDRESS, 53), timeout=20)
                    with contextlib.suppress(OSError):
                        tcp.send(framed)
                    lines.append(tcp)
            assert addresses(ask("db")) == ["172.30.0.3"]
            assert addresses(ask("db", stream=True)) == ["172.30.0.3"]
            for line in lines:
                line.close()
        running.end(WEB.container)


def test_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    conf, behind = tmp_path / "resolv.conf", tmp_path / "behind"
    monkeypatch.setattr(etc, "RESOLV_CONF", conf)
    monkeypatch.setattr(etc, "BEHIND_SYSTEMD", behind)
    names = Names(selectors.DefaultSelector())
    default = Network("d" * 64, "bridge", "bridge", "onggi0", (Pool(SUBNET, SUBNET[1]),))
    conf.write_text("nameserver 192.0.2.1\nnameserver 127.0.0.53\nsearch a b\noptions rotate\n")
    assert names.resolvers(plugged("a", 2)) == (
        "nameserver 127.0.0.11\nsearch a b\noptions rotate ndots:0\n"
    )
    assert names.resolvers(plugged("a", 2, default)) == (
        "nameserver 192.0.2.1\nsearch a b\noptions rotate\n"
    )
    conf.write_text("nameserver 127.0.0.53\n")
    assert "127.0.0.11" in names.resolvers(plugged("a", 2, default))  # only the host can ask
    behind.write_text("nameserver 192.0.2.9\n")
    assert names.resolvers(plugged("a", 2, default)) == "nameserver 192.0.2.9\n"
    asked = plugged("a", 2, default, dns=["9.9.9.9"], dns_search=["."], dns_options=["use-vc"])
    assert names.resolvers(asked) == "nameserver 9.9.9.9\noptions use-vc\n"
    extra = plugged("a", 2, extra_hosts=["up:host-gateway", "x:1.2.3.4", "y:::1"])
    lines = names.hosts(extra).splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-4:] == ["172.30.0.1\tup", "1.2.3.4\tx", "::1\ty", "172.30.0.2\ta"]
