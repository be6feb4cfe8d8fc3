"""What is written down about networks: nothing is given away twice, and all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.database import Database
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.network.records import NetworkRecords, Plug, refuse_fixed_address
from runtime.network.values import BRIDGE, Network, Place

WORLD = "boot net:[1]"


@pytest.fixture
def records(tmp_path: Path) -> NetworkRecords:
    return NetworkRecords(Database(tmp_path))


def create(records: NetworkRecords, name: str, subnet: str = "") -> Network:
    configs = [{"Subnet": subnet}] if subnet else []
    return records.create(Network("", name, BRIDGE, ""), configs, lambda: ())


def plug(number: int) -> Plug:
    return Plug(f"{number:064x}", 1, 1, Path("/nowhere"), f"host{number}")


def test_three_networks_are_always_there(records: NetworkRecords) -> None:
    assert {each.name: each.driver for each in records.all()} == {
        "bridge": "bridge",
        "host": "host",
        "none": "null",
    }
    with pytest.raises(Conflict, match="pre-defined"):
        records.forget(records.get("host"))


def test_a_network_is_found_by_name_id_and_the_id_s_beginning(records: NetworkRecords) -> None:
    home = create(records, "home")
    assert records.get("home") == records.get(home.id) == records.get(home.id[:12]) == home
    assert home.link == "onggi-" + home.id[:9]
    for text in ("nosuch", "", "zz"):
        with pytest.raises(NotFound):
            records.get(text)
    with pytest.raises(Conflict, match="several networks"):
        records.database.change("UPDATE networks SET id = 'aa1' WHERE name = 'host'")
        records.database.change("UPDATE networks SET id = 'aa2' WHERE name = 'none'")
        records.get("aa")


def test_names_and_subnets_are_given_once(records: NetworkRecords) -> None:
    create(records, "home", "10.5.0.0/24")
    with pytest.raises(Conflict, match="already exists"):
        create(records, "home")
    with pytest.raises(Conflict, match="overlaps"):
        create(records, "work", "10.5.0.128/25")
    assert [each.name for each in records.all() if each.driver == BRIDGE] == ["home", "bridge"]


def test_addresses_are_given_once_and_come_back(records: NetworkRecords) -> None:
    home = create(records, "home", "10.5.0.0/29")
    given = [
        str(records.plug(plug(number), {home.id: Place()}, WORLD)[0].address) for number in range(5)
    ]
    assert given == [f"10.5.0.{number}/29" for number in range(2, 7)]
    with pytest.raises(Conflict, match="no address is free"):
        records.plug(plug(9), {home.id: Place()}, WORLD)
    assert [each.container for each in records.plugs(WORLD)] == [
        plug(number).container for number in range(5)
    ]
    records.unplug(plug(2).container)
    (endpoint,) = records.plug(plug(9), {home.id: Place()}, WORLD)
    assert (str(endpoint.address), endpoint.mac) == ("10.5.0.4/29", "02:42:0a:05:00:04")


def test_a_container_gets_all_its_networks_or_none(records: NetworkRecords) -> None:
    home, work = create(records, "home", "10.5.0.0/24"), create(records, "work", "10.6.0.0/24")
    records.plug(plug(1), {work.id: Place(ipv4="10.6.0.9")}, WORLD)
    wanted = {home.id: Place(), work.id: Place(ipv4="10.6.0.9")}
    with pytest.raises(Conflict, match="in use"):
        records.plug(plug(2), wanted, WORLD)
    assert records.endpoints(plug(2).container) == ()
    assert not records.is_used(home.id)


def test_a_network_in_use_stays(records: NetworkRecords) -> None:
    home = create(records, "home")
    records.plug(plug(1), {home.id: Place()}, WORLD)
    with pytest.raises(Conflict, match="active endpoints"):
        records.forget(home)
    records.unplug(plug(1).container)
    records.forget(home)
    with pytest.raises(NotFound):
        records.network(home.id)


def test_an_automatic_subnet_makes_way_for_a_route(records: NetworkRecords) -> None:
    default = records.choose_pools(records.get("bridge").id, lambda: ())
    (pool,) = default.pools
    assert records.choose_pools(default.id, lambda: ()).pools == (pool,)
    moved = records.choose_pools(default.id, lambda: [pool.subnet])
    assert not moved.pools[0].subnet.overlaps(pool.subnet)
    records.plug(plug(1), {default.id: Place()}, WORLD)
    stays = records.choose_pools(default.id, lambda: [moved.pools[0].subnet])
    assert stays.pools == moved.pools


def test_fixed_addresses_need_a_subnet_of_one_s_own(records: NetworkRecords) -> None:
    home, chosen = create(records, "home", "10.5.0.0/24"), create(records, "chosen")
    refuse_fixed_address(home, Place(ipv4="10.5.0.9"))
    for network, place in (
        (chosen, Place(ipv4="10.5.0.9")),
        (home, Place(ipv4="10.9.0.9")),
        (home, Place(ipv6="fd00::9")),
        (records.get("bridge"), Place(ipv4="172.17.0.9")),
        (records.get("bridge"), Place(aliases=("www",))),
    ):
        with pytest.raises(InvalidInput):
            refuse_fixed_address(network, place)
