"""Names, as programs in containers find them: neighbours, /etc/hosts, /etc/resolv.conf, links."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from keepers import kill_keeper

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, InvalidInput

PATIENCE_S = 20

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.usefixtures("own_world")]


@pytest.fixture
def town(engine: Engine) -> Iterator[Engine]:
    network = engine.networks.create("town")
    yield engine
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    network.remove()


def sleeper(engine: Engine, name: str, network: str = "town", **options: Any) -> Container:
    container: Container = engine.containers.run(
        "onggi/base", ["sleep", "600"], name=name, detach=True, network=network, **options
    )
    return container


def inside(container: Container, *command: str) -> str:
    return str(container.exec_run(list(command)).output.decode())


def told(container: Container, name: str) -> list[str]:
    """The addresses that `nslookup` is told, in their order; empty if there is nobody."""
    lines = inside(container, "nslookup", name).partition("Name:")[2].splitlines()
    return [line.split()[-1] for line in lines if line.startswith("Address")]


def found(container: Container, name: str) -> set[str]:
    """The same in no order."""
    return set(told(container, name))


def address(container: Container, network: str = "town") -> str:
    container.reload()
    return str(container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"])


def test_by_name_by_short_id_by_alias_and_backwards(town: Engine) -> None:
    web = sleeper(town, "web")
    options: dict[str, Any] = {"networking_config": {"town": {"Aliases": ["database"]}}}
    database = sleeper(town, "db-1", **options)
    for name in ("db-1", database.id[:12], "database", "db-1.town"):
        assert found(web, name) == {address(database)}
    assert found(database, "web") == {address(web)}
    assert "db-1.town" in inside(web, "nslookup", address(database))
    assert inside(web, "ping", "-c", "1", "-W", "5", "db-1").startswith(
        f"PING db-1 ({address(database)})"
    )


def test_several_of_one_alias(town: Engine) -> None:
    options: dict[str, Any] = {"networking_config": {"town": {"Aliases": ["all"]}}}
    several = [sleeper(town, f"one-{number}", **options) for number in range(3)]
    assert found(several[0], "all") == {address(each) for each in several}
    first = [told(several[0], "all")[0] for _ in range(6)]
    assert set(first) == {address(each) for each in several}, "they take turns"
    several[2].stop(timeout=0)
    deadline = time.monotonic() + PATIENCE_S
    while len(found(several[0], "all")) != 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found(several[0], "all") == {address(each) for each in several[:2]}
    # A client asks for both kinds of addresses each time, and for another name in between.
    first = []
    for name in ("all", "one-1") * 4:
        first += told(several[0], name)[:1] if name == "all" else []
    assert set(first) == {address(each) for each in several[:2]}


def test_a_killed_keeper_is_replaced_and_the_names_with_it(town: Engine) -> None:
    """It was the resolver of all; the next call of an engine starts another one."""
    web, database = sleeper(town, "web"), sleeper(town, "db-1")
    kill_keeper(town.root)
    Engine(town.root)
    assert found(web, "db-1") == {address(database)}
    assert found(database, "web") == {address(web)}
    assert "db-1.town" in inside(web, "nslookup", address(database))


def test_names_come_and_go_with_networks(town: Engine) -> None:
    other = town.networks.create("village")
    web, far = sleeper(town, "web"), sleeper(town, "far", network="village")
    assert found(web, "far") == set()
    other.connect(web)
    assert found(web, "far") == {address(far, "village")}
    assert found(far, "web") == {address(web, "village")}
    assert f"{address(web, 'village')}\tweb" not in inside(web, "cat", "/etc/hosts")
    assert address(web, "village") in inside(web, "cat", "/etc/hosts")
    other.disconnect(web)
    assert found(web, "far") == set()
    assert "127.0.0.11" in inside(web, "cat", "/etc/resolv.conf")
    far.remove(force=True)
    other.remove()


def test_the_files(town: Engine) -> None:
    container = sleeper(
        town,
        "files",
        hostname="kitchen",
        domainname="house",
        extra_hosts={"oven": "10.1.2.3", "up": "host-gateway"},
        dns_search=["a.example", "b.example"],
        dns_opt=["timeout:1"],
    )
    hosts = inside(container, "cat", "/etc/hosts").splitlines()
    assert hosts[0] == "127.0.0.1\tlocalhost"
    assert "10.1.2.3\toven" in hosts
    gateway = town.networks.get("town").attrs["IPAM"]["Config"][0]["Gateway"]
    assert f"{gateway}\tup" in hosts
    assert f"{address(container)}\tkitchen.house kitchen" in hosts
    assert inside(container, "cat", "/etc/resolv.conf").splitlines() == [
        "nameserver 127.0.0.11",
        "search a.example b.example",
        "options timeout:1 ndots:0",
    ]
    assert container.attrs["HostConfig"]["ExtraHosts"] == ["oven:10.1.2.3", "up:host-gateway"]


def test_on_the_default_bridge_there_are_links(town: Engine) -> None:
    database = sleeper(town, "db-1", network="bridge")
    web = sleeper(town, "web", network="bridge", links={"db-1": "database"}, dns=["192.0.2.1"])
    line = f"{address(database, 'bridge')}\tdatabase {database.id[:12]} db-1"
    assert line in inside(web, "cat", "/etc/hosts").splitlines()
    assert inside(web, "cat", "/etc/resolv.conf") == "nameserver 192.0.2.1\n"
    assert "PING database" in inside(web, "ping", "-c", "1", "-W", "5", "database")


@pytest.mark.parametrize("network", ["none", "host"])
def test_without_a_network_of_ours(engine: Engine, network: str) -> None:
    told = engine.containers.run(
        "onggi/base",
        ["cat", "/etc/hosts", "/etc/resolv.conf"],
        network=network,
        remove=True,
        extra_hosts={"oven": "10.1.2.3"},
        dns=["192.0.2.1"],
    ).decode()
    assert "10.1.2.3\toven\n" in told
    assert "nameserver 192.0.2.1\n" in told


def test_what_makes_no_sense(engine: Engine) -> None:
    wrong: list[dict[str, Any]] = [
        {"dns": ["nobody"]},
        {"extra_hosts": ["oven"]},
        {"extra_hosts": {"oven": "hot"}},
        {"ports": ["80:"]},
    ]
    for options in wrong:
        with pytest.raises(InvalidInput):
            engine.containers.create("onggi/base", "true", **options)
    with pytest.raises(Conflict):
        engine.containers.create("onggi/base", "true", network="none", links={"x": "y"})
