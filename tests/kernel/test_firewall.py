"""The rules of `firewall` and what `obstacles` finds, asked with real packets."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from worlds import World, ask, bridge, cable, greeting, own_network

from runtime.network import firewall, nftables, obstacles
from runtime.network.ports import Published
from runtime.network.values import ICC_OPTION, Network, Pool

SHOP, NEIGHBOUR, STRANGER, OUTSIDE = "172.30.0.2", "172.30.0.3", "172.31.0.2", "10.9.0.2"
HOST = "10.9.0.1"


def network(name: str, link: str, subnet: str, **more: object) -> Network:
    net = ip_network(subnet)
    return Network(name, name, "bridge", link, (Pool(net, net[1]),), **more)  # type: ignore[arg-type]


def published(host_ip: str = "0.0.0.0", protocol: str = "tcp") -> Published:
    return Published("c" * 64, "shops", protocol, host_ip, 4000, SHOP, 80)


class Town:
    """Two networks of a host that has one cable to the outside."""

    shops = network("shops", "onggi-shops", "172.30.0.0/24")
    others = network("others", "onggi-others", "172.31.0.0/24")
    networks = (shops, others)

    def __init__(self, root: Path, *worlds: World) -> None:
        self.root = root
        self.shop, self.neighbour, self.stranger, self.outside = worlds

    def apply(self, *ports: Published, networks: tuple[Network, ...] = networks) -> None:
        firewall.apply(self.root, networks, ports)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with own_network(), World() as shop, World() as neighbour, World() as stranger, World() as out:
        bridge("onggi-shops", "172.30.0.1/24")
        bridge("onggi-others", "172.31.0.1/24")
        cable(shop, "onggi-shops", f"{SHOP}/24", "172.30.0.1")
        cable(neighbour, "onggi-shops", f"{NEIGHBOUR}/24", "172.30.0.1")
        cable(stranger, "onggi-others", f"{STRANGER}/24", "172.31.0.1")
        cable(out, f"{HOST}/24", f"{OUTSIDE}/24", HOST)
        yield Town(tmp_path, shop, neighbour, stranger, out)


pytestmark = pytest.mark.needs("root", "ip")


def unchanging(table: str) -> list[tuple[object, ...]]:
    """A table's rules without their counters: an interface that comes up says so by a packet."""
    return [
        (rule.chain, rule.handle, [one for one in rule.expressions if one[0] != "counter"])
        for rule in nftables.rules(table)
    ]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_published_port_is_reached_from_everywhere(town: Town, protocol: str) -> None:
    town.apply(published(protocol=protocol))
    with greeting(town.shop, 80, b"shop", protocol) as callers:
        with town.outside.inside():
            assert ask(HOST, 4000, protocol) == b"shop"
        assert callers[-1] == OUTSIDE  # who calls is seen
        assert ask("127.0.0.1", 4000, protocol) == b"shop"
        assert ask(HOST, 4000, protocol) == b"shop"
        with town.neighbour.inside():
            assert ask("172.30.0.1", 4000, protocol) == b"shop"
        with town.stranger.inside():
            assert ask("172.31.0.1", 4000, protocol) == b"shop"
    counted = {rule.comment: rule.packets for rule in firewall.rules(town.root)}
    assert counted[f"{'c' * 12} 80/{protocol}"] > 0


def test_a_port_that_is_not_published_is_reached_by_neighbours_only(town: Town) -> None:
    town.apply()
    with greeting(town.shop, 80, b"shop"):
        with town.neighbour.inside():
            assert ask(SHOP, 80) == b"shop"
        for world in (town.stranger, town.outside):
            with world.inside():
                assert ask(SHOP, 80, patience_s=0.5) == b""


def test_a_port_of_one_address_is_not_one_of_the_others(town: Town) -> None:
    town.apply(published("127.0.0.1"))
    with greeting(town.shop, 80, b"shop"):
        assert ask("127.0.0.1", 4000) == b"shop"
        assert ask(HOST, 4000) == b""
        with town.outside.inside():
            assert ask(HOST, 4000) == b""


def test_containers_go_out_by_the_host_s_address(town: Town) -> None:
    town.apply()
    with greeting(town.outside, 81, b"outside") as callers, town.shop.inside():
        assert ask(OUTSIDE, 81) == b"outside"
    assert callers == [HOST]


def test_an_internal_network_has_no_outside(town: Town) -> None:
    shops = network("shops", "onggi-shops", "172.30.0.0/24", internal=True)
    town.apply(published(), networks=(shops, town.others))
    with greeting(town.outside, 81, b"outside"), greeting(town.shop, 80, b"shop"):
        with town.neighbour.inside():
            assert ask(OUTSIDE, 81, patience_s=0.5) == b""
            assert ask(SHOP, 80) == b"shop"
        with town.outside.inside():
            assert ask(HOST, 4000, patience_s=0.5) == b""


def test_containers_that_must_not_talk_to_each_other(town: Town) -> None:
    if Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() is False:
        pytest.skip("this kernel does not filter inside a bridge")
    options = {ICC_OPTION: "false"}
    shops = network("shops", "onggi-shops", "172.30.0.0/24", options=options)
    town.apply(networks=(shops,))
    with greeting(town.shop, 80, b"shop"), town.neighbour.inside():
        assert ask(SHOP, 80, patience_s=0.5) == b""


def test_the_host_s_loopback_is_closed_to_containers(town: Town) -> None:
    """`route_localnet` would let a container that sends to 127.0.0.1 by the bridge arrive."""
    town.apply(published())
    assert Path("/proc/sys/net/ipv4/conf/onggi-shops/route_localnet").read_text() == "1\n"
    with socket.socket() as secret:
        secret.bind(("127.0.0.1", 5555))
        secret.listen()
        with town.shop.inside():
            Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1")
            subprocess.run(["ip", "route", "del", "local", "127.0.0.0/8"], check=False)
            subprocess.run(["ip", "address", "flush", "dev", "lo"], check=True)
            subprocess.run(["ip", "route", "add", "127.0.0.1", "via", "172.30.0.1"], check=True)
            assert ask("127.0.0.1", 5555, patience_s=0.5) == b""
        secret.settimeout(0.1)
        with pytest.raises(TimeoutError):
            secret.accept()
    guard = [rule for rule in firewall.rules(town.root) if rule.chain == "guard"]
    assert sum(rule.packets for rule in guard) > 0


def test_the_table_of_a_state_directory_comes_and_goes_and_leaves_others_alone(
    town: Town, tmp_path: Path
) -> None:
    foreign = nftables.Transaction("somebody")
    foreign.add_table()
    foreign.add_chain("theirs")
    foreign.add_rule("theirs", [nftables.counter(), nftables.drop()], "not ours")
    foreign.commit()
    firewall.apply(tmp_path / "other", town.networks, ())
    before = unchanging("somebody"), unchanging(firewall.table_of(tmp_path / "other"))
    town.apply(published())
    town.apply(published())  # again: what was there is replaced, not added to
    assert len([r for r in firewall.rules(town.root) if r.chain == "ports"]) == 1
    town.apply(networks=())
    assert firewall.rules(town.root) == []
    assert set(nftables.tables()) == {"somebody", firewall.table_of(tmp_path / "other")}
    after = unchanging("somebody"), unchanging(firewall.table_of(tmp_path / "other"))
    assert after == before
    firewall.clear(town.root)


def test_forwarding_is_switched_on_and_its_absence_is_said(town: Town) -> None:
    obstacles.FORWARDING[4].write_text("0")
    (found,) = obstacles.find(town.networks)
    assert "ip_forward" in found.template
    town.apply()
    assert obstacles.FORWARDING[4].read_text() == "1\n"
    assert obstacles.find(town.networks) == []


@pytest.mark.needs("iptables")
@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_another_program_s_drop_is_found_and_what_helps_is_said(town: Town, program: str) -> None:
    """In the packet filter that nftables shows, and in the older one, which it does not show."""

    def iptables(line: str) -> None:
        subprocess.run([program, *line.split()], check=True, capture_output=True)

    if program == "iptables-legacy":
        if subprocess.run([program, "-L"], capture_output=True, check=False).returncode:
            pytest.skip("this kernel has no iptable_filter")
        assert obstacles.find(town.networks) == [], "the table alone drops nothing"
        iptables("-A INPUT -i onggi-shops -j ACCEPT")
        iptables("-A FORWARD -i onggi-shops -p icmp -j ACCEPT")
        iptables("-A FORWARD -o onggi-shops -m limit --limit 1/day --limit-burst 1 -j ACCEPT")

    iptables("-P FORWARD DROP")
    iptables("-N DOCKER-USER")
    iptables("-A FORWARD -j DOCKER-USER")
    town.apply(published())
    (found,) = obstacles.find(town.networks)
    assert not [rule for rule in firewall.rules(town.root) if rule.chain == "ports"]
    with greeting(town.outside, 81, b"outside"), town.shop.inside():
        assert ask(OUTSIDE, 81, patience_s=0.5) == b""  # it is really blocked
    for link in ("onggi-shops", "onggi-others"):
        for command in (
            found.hint.format(**{**found.facts, "link": link}).split(": ")[1].split("; ")
        ):
            iptables(command.partition(" ")[2])
    assert obstacles.find(town.networks) == []
    town.apply(published())
    with greeting(town.outside, 81, b"outside"), greeting(town.shop, 80, b"shop"):
        with town.shop.inside():
            assert ask(OUTSIDE, 81) == b"outside"
        with town.outside.inside():
            assert ask(HOST, 4000) == b"shop"
