"""Addresses: subnets that nobody has, the lowest free address, and clear refusals."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import Conflict, InvalidInput
from runtime.network import ipam
from runtime.network.values import Address, Pool, Subnet

IDENTITY = "0123456789abcdef" * 4


def pool(subnet: str, **more: Any) -> Pool:
    return ipam.plan_pool({"Subnet": subnet, **more})


def plan(*configs: dict[str, Any], taken: tuple[str, ...] = (), ipv6: bool = False) -> list[str]:
    pools = ipam.plan_pools(configs, IDENTITY, [*map(ip_network, taken)], (), ipv6=ipv6)
    return [str(each.subnet) for each in pools]


def test_the_first_subnet_is_docker_s() -> None:
    assert ipam.choose_subnet(()) == IPv4Network("172.17.0.0/16")


def test_a_subnet_avoids_every_route_large_and_small() -> None:
    routes: list[Subnet] = [
        IPv4Network("172.17.3.0/24"),
        IPv4Network("172.18.0.0/15"),
        IPv6Network("fd00::/8"),
    ]
    assert ipam.choose_subnet(routes) == IPv4Network("172.20.0.0/16")


def test_the_last_pools_are_smaller() -> None:
    assert ipam.choose_subnet([IPv4Network("172.16.0.0/12")]) == IPv4Network("192.168.0.0/20")


def test_a_default_route_in_two_halves_takes_nothing() -> None:
    halves = [IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1"), IPv4Network("0.0.0.0/0")]
    assert ipam.choose_subnet(halves) == IPv4Network("172.17.0.0/16")


def test_pools_come_to_an_end() -> None:
    taken: list[IPv4Network] = []
    with pytest.raises(Conflict, match="all predefined address pools"):
        for _ in range(100):
            taken.append(ipam.choose_subnet(taken))
    assert len(taken) == 15 + 16
    assert all(not a.overlaps(b) for a in taken for b in taken if a is not b)


def test_the_gateway_is_the_first_address_unless_it_is_said() -> None:
    assert pool("10.5.0.0/24").gateway == ip_address("10.5.0.1")
    assert pool("10.5.0.7/24").subnet == ip_network("10.5.0.0/24")
    assert pool("10.5.0.0/24", Gateway="10.5.0.254").gateway == ip_address("10.5.0.254")
    reserved = pool("10.5.0.0/24", AuxiliaryAddresses={"router": "10.5.0.1"})
    assert reserved.gateway == ip_address("10.5.0.2")


def test_addresses_are_given_from_below() -> None:
    mine = pool("10.5.0.0/29", Gateway="10.5.0.2", AuxiliaryAddresses={"nas": "10.5.0.4"})
    taken: list[Address] = []
    with pytest.raises(Conflict, match=r"no address is free in 10\.5\.0\.0/29"):
        while True:
            taken.append(ipam.choose_address(mine, taken))
    assert [str(each) for each in taken] == ["10.5.0.1", "10.5.0.3", "10.5.0.5", "10.5.0.6"]


def test_a_range_limits_what_is_given_but_not_what_is_asked_for() -> None:
    mine = pool("10.5.0.0/16", IPRange="10.5.4.0/30")
    taken: list[Address] = []
    for _ in range(4):
        taken.append(ipam.choose_address(mine, taken))
    assert {str(each) for each in taken} == {f"10.5.4.{n}" for n in range(4)}
    with pytest.raises(Conflict):
        ipam.choose_address(mine, taken)
    assert ipam.claim_address(mine, ip_address("10.5.9.9"), taken) == ip_address("10.5.9.9")


def test_a_fixed_address_is_somebody_s_or_nobody_s() -> None:
    mine = pool("10.5.0.0/24")
    with pytest.raises(Conflict, match="in use"):
        ipam.claim_address(mine, ip_address("10.5.0.1"), ())
    with pytest.raises(Conflict, match="in use"):
        ipam.claim_address(mine, ip_address("10.5.0.9"), [ip_address("10.5.0.9")])
    for wrong in ("10.6.0.9", "10.5.0.0", "10.5.0.255", "fd00::9"):
        with pytest.raises(InvalidInput, match="is not in the subnet"):
            ipam.claim_address(mine, ip_address(wrong), ())


def test_what_is_asked_for_must_not_overlap_a_network() -> None:
    assert plan({"Subnet": "10.5.0.0/24"}, taken=("10.6.0.0/16",)) == ["10.5.0.0/24"]
    with pytest.raises(Conflict, match=r"10\.6\.7\.0/24 overlaps 10\.6\.0\.0/16"):
        plan({"Subnet": "10.6.7.0/24"}, taken=("10.6.0.0/16",))
    with pytest.raises(Conflict, match="overlaps"):
        plan({"Subnet": "10.6.7.0/24"}, {"Subnet": "10.6.0.0/16"})


def test_ipv6_is_there_when_it_is_wanted() -> None:
    chosen = plan(ipv6=True)
    assert chosen[0] == "172.17.0.0/16"
    assert IPv6Network(chosen[1]).subnet_of(ipam.LOCAL_POOL)
    assert plan({"Subnet": "fd00:1::/64"}, ipv6=True) == ["172.17.0.0/16", "fd00:1::/64"]
    with pytest.raises(InvalidInput, match="add --ipv6"):
        plan({"Subnet": "fd00:1::/64"})
    assert str(ipam.choose_address(pool("fd00:1::/64"), ())) == "fd00:1::2"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Subnet": "10.5.0.0"}, "not a subnet"),
        ({"Subnet": "kimchi/24"}, "not a subnet"),
        ({"Subnet": "10.5.0.0/31"}, "no room"),
        ({"Subnet": "10.5.0.0/24", "Gateway": "10.6.0.1"}, "not in the subnet"),
        ({"Subnet": "10.5.0.0/24", "IPRange": "10.6.0.0/28"}, "not in the subnet"),
        ({"Subnet": "10.5.0.0/24", "IPRange": "fd00::/64"}, "not in the subnet"),
        ({"Subnet": "10.5.0.0/24", "Gateway": "first"}, "not an IP address"),
        ({"Subnet": "10.5.0.0/24", "AuxiliaryAddresses": {"a": "10.9.0.1"}}, "not in the subnet"),
        ({"Gateway": "10.6.0.1"}, "without its subnet"),
    ],
)
def test_nonsense_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        plan(config)


@given(st.sets(st.integers(0, 255)), st.integers(24, 30))
def test_no_address_is_given_twice(used: set[int], prefix: int) -> None:
    mine = pool(f"10.5.0.0/{prefix}")
    taken = {ip_address(f"10.5.0.{number}") for number in used}
    try:
        found = ipam.choose_address(mine, taken)
    except Conflict:
        assert {*mine.subnet.hosts()} <= taken | {mine.gateway}
    else:
        assert found in {*mine.subnet.hosts()} - taken - {mine.gateway}


def test_a_hardware_address_follows_the_ip_address() -> None:
    assert ipam.mac_of(ip_address("172.17.0.2")) == "02:42:ac:11:00:02"
    assert ipam.read_mac("92-D0-C6-0A-29-33") == "92:d0:c6:0a:29:33"
    for wrong in (
        "92:d0:c6:0a:29",
        "92:d0:c6:0a:29:3g",
        "01:00:5e:00:00:01",
        "",
        "0x:00:00:00:00:00",
    ):
        with pytest.raises(InvalidInput, match="not a MAC address"):
            ipam.read_mac(wrong)


def test_a_pool_is_docker_s_json() -> None:
    document = {
        "Subnet": "10.5.0.0/24",
        "IPRange": "10.5.0.128/25",
        "Gateway": "10.5.0.1",
        "AuxiliaryAddresses": {"nas": "10.5.0.9"},
    }
    assert pool(subnet="10.5.0.0/24").to_docker() == {
        "Subnet": "10.5.0.0/24",
        "Gateway": "10.5.0.1",
    }
    mine = ipam.plan_pool(document)
    assert mine.to_docker() == document
    assert Pool.from_docker(document) == mine
