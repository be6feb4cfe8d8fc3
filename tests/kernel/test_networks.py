"""Networks, for real: bridges, cables, addresses, and what is left when somebody is killed.

All in a network namespace of their own: no device, route or rule of the host is touched.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

import leftovers
import pytest
from keepers import keepers, kill_keeper

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict, HostLacks, InvalidInput, NotFound
from runtime.linux import netdevice, netlink, packets
from runtime.network import firewall, nftables
from runtime.network.ports import Published
from runtime.network.records import NetworkRecords
from runtime.network.requests import world
from runtime.resident import KEEPER

pytestmark = pytest.mark.needs("containers")

SLEEP = ["sleep", "1000"]
PATIENCE_S = 20.0


@pytest.fixture(scope="module", autouse=True)
def only_the_loopback_is_left(own_world: None, base_state: Path) -> Iterator[None]:
    """At the end of all tests, when the keeper has ended."""
    yield
    leftovers.end_launchers(base_state)
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    assert nftables.tables() == []


@pytest.fixture
def networks(engine: Engine) -> Iterator[Engine]:
    """An engine whose networks go after the test."""
    yield engine
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    engine.networks.prune()


def records(engine: Engine) -> NetworkRecords:
    return engine.networks.records


def subnet(text: str) -> dict[str, Any]:
    return {"Config": [{"Subnet": text}]}


def sleeper(engine: Engine, network: str, **options: Any) -> Container:
    found = engine.containers.run("onggi/base", SLEEP, network=network, detach=True, **options)
    assert isinstance(found, Container)
    return found


def said(container: Container, command: str) -> str:
    result = container.exec_run(["sh", "-c", command])
    return str(result.output.decode())


def addresses(container: Container) -> dict[str, str]:
    """Device → address, as the kernel has it inside."""
    lines = said(container, "ip addr").splitlines()
    found: dict[str, str] = {}
    device = ""
    for line in lines:
        if head := re.match(r"\d+: (\w+)", line):
            device = head[1]
        elif (inet := re.match(r"\s+inet ([\d./]+)", line)) and device != "lo":
            found[device] = inet[1]
    return found


def reaches(container: Container, address: str) -> bool:
    return container.exec_run(["ping", "-c1", "-W3", address]).exit_code == 0


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def cables() -> list[str]:
    return [name for _, name in socket.if_nameindex() if name.startswith("veth")]


def test_the_default_bridge_gives_an_address_and_a_way_out(networks: Engine) -> None:
    one, other = sleeper(networks, "bridge"), sleeper(networks, "bridge")
    attrs = networks.networks.get("bridge").attrs
    (config,) = attrs["IPAM"]["Config"]
    inside = ip_network(config["Subnet"])
    for container in (one, other):
        settings = container.attrs["NetworkSettings"]
        assert addresses(container) == {"eth0": f"{settings['IPAddress']}/{inside.prefixlen}"}
        assert ip_interface(addresses(container)["eth0"]).ip in inside
        assert f"default via {config['Gateway']} dev eth0" in said(container, "ip route")
        assert settings["MacAddress"] in said(container, "ip link show eth0")
        assert settings["Networks"]["bridge"]["NetworkID"] == attrs["Id"]
        assert settings["Networks"]["bridge"]["IPAddress"] == settings["IPAddress"]
        assert attrs["Containers"][container.id]["Name"] == container.name
    assert reaches(one, config["Gateway"])
    assert reaches(one, other.attrs["NetworkSettings"]["IPAddress"])


def test_an_address_is_free_again_when_its_container_has_ended(networks: Engine) -> None:
    def address() -> str:
        written = networks.containers.run("onggi/base", ["ip", "addr"], network="bridge")
        return str(re.findall(r"inet ([\d.]+)/16", written.decode())[0])

    assert address() == address()
    assert eventually(lambda: not cables())
    assert eventually(lambda: not records(networks).plugs_elsewhere(""))


def test_a_network_of_one_s_own(networks: Engine) -> None:
    home = networks.networks.create(
        "home", ipam=subnet("10.5.0.0/24"), labels={"a": "b"},
        options={"com.docker.network.driver.mtu": "1400"},
    )  # fmt: skip
    one = sleeper(
        networks, "home", networking_config={"home": {"IPAMConfig": {"IPv4Address": "10.5.0.9"}}}
    )
    assert addresses(one) == {"eth0": "10.5.0.9/24"}
    assert "mtu 1400" in said(one, "ip link show eth0")
    with pytest.raises(Conflict, match="active endpoints"):
        home.remove()
    with pytest.raises(Conflict, match="in use"):
        sleeper(
            *(networks, "home"),
            networking_config={"home": {"IPAMConfig": {"IPv4Address": "10.5.0.9"}}},
        )
    one.remove(force=True)
    home.remove()
    with pytest.raises(NotFound):
        networks.networks.get("home")
    assert home.value.link not in [name for _, name in socket.if_nameindex()]


def test_a_running_container_is_plugged_in_and_out(networks: Engine) -> None:
    home = networks.networks.create("home", ipam=subnet("10.5.0.0/24"))
    one = sleeper(networks, "bridge")
    home.connect(one, aliases=["www"], ipv4_address="10.5.0.7")
    assert set(addresses(one)) == {"eth0", "eth1"}
    assert addresses(one)["eth1"] == "10.5.0.7/24"
    assert "dev eth0" in said(one, "ip route show default")  # "bridge" comes before "home"
    one.reload()
    assert set(one.attrs["NetworkSettings"]["Networks"]) == {"bridge", "home"}
    assert one.attrs["NetworkSettings"]["Networks"]["home"]["Aliases"] == ["www"]
    with pytest.raises(Conflict, match="already"):
        home.connect(one)
    networks.networks.get("bridge").disconnect(one)
    assert addresses(one) == {"eth1": "10.5.0.7/24"}
    assert "default via 10.5.0.1 dev eth1" in said(one, "ip route")
    one.restart(timeout=0)
    assert addresses(one) == {"eth0": "10.5.0.7/24"}
    home.disconnect(one)
    assert addresses(one) == {}
    with pytest.raises(NotFound, match="is not connected"):
        home.disconnect(one)


def test_what_is_connected_while_it_rests_counts_when_it_starts(networks: Engine) -> None:
    home = networks.networks.create("home")
    one = networks.containers.create("onggi/base", SLEEP, network="none")
    with pytest.raises(Conflict, match="--network none"):
        home.connect(one)
    other = networks.containers.create("onggi/base", SLEEP, network="bridge")
    home.connect(other)
    assert addresses_asked(other) == {"bridge": "", "home": ""}
    assert networks.networks.prune()["NetworksDeleted"] == []
    other.start()
    assert len(addresses(other)) == 2
    assert all(addresses_asked(other).values())


def addresses_asked(container: Container) -> dict[str, str]:
    container.reload()
    found = container.attrs["NetworkSettings"]["Networks"]
    return {name: each["IPAddress"] for name, each in found.items()}


def test_internal_networks_lead_nowhere(networks: Engine) -> None:
    networks.networks.create("inner", ipam=subnet("10.6.0.0/24"), internal=True)
    one = sleeper(networks, "inner")
    assert "default" not in said(one, "ip route")
    assert addresses(one) == {"eth0": "10.6.0.2/24"}


def test_ipv6_where_it_is_asked_for(networks: Engine) -> None:
    pools = {"Config": [{"Subnet": "10.7.0.0/24"}, {"Subnet": "fd00:7::/64"}]}
    networks.networks.create("six", ipam=pools, enable_ipv6=True)
    one, other = sleeper(networks, "six"), sleeper(networks, "bridge")
    assert "inet6 fd00:7::2/64" in said(one, "ip addr show eth0")
    assert one.exec_run(["ping", "-6", "-c1", "-W3", "fd00:7::1"]).exit_code == 0
    endpoint = one.attrs["NetworkSettings"]["Networks"]["six"]
    assert (endpoint["GlobalIPv6Address"], endpoint["IPv6Gateway"]) == ("fd00:7::2", "fd00:7::1")
    assert "inet6" not in said(other, "ip addr show eth0")


def test_worlds_that_are_shared(networks: Engine) -> None:
    host = said(sleeper(networks, "host"), "ip link")
    assert "eth0" not in host
    one = sleeper(networks, "bridge", hostname="first")
    for called in (one.name, one.id, one.id[:12]):
        other = sleeper(networks, f"container:{called}")
        assert addresses(other) == addresses(one)
        assert said(other, "hostname").strip() == "first"
        assert said(other, "cat /etc/hosts") == said(one, "cat /etc/hosts")
    assert "eth0" not in said(sleeper(networks, "none"), "ip link")


def test_a_network_without_a_free_address_says_so(networks: Engine) -> None:
    network = networks.networks.create("tiny", ipam=subnet("10.8.0.0/29"))
    for _ in range(5):
        sleeper(networks, "tiny")
    failed = networks.containers.create("onggi/base", SLEEP, network="tiny")
    with pytest.raises(Conflict, match=r"no address is free in 10\.8\.0\.0/29"):
        failed.start()
    failed.reload()
    assert failed.status == "created"
    assert "no address is free" in failed.attrs["State"]["Error"]
    outside = sleeper(networks, "bridge")
    with pytest.raises(Conflict, match="no address is free"):
        network.connect(outside)
    outside.reload()
    assert [*outside.attrs["NetworkSettings"]["Networks"]] == ["bridge"]
    assert len(records(networks).endpoints_in(network.id)) == 5
    assert eventually(lambda: len(cables()) == 6)  # nothing half made: five, and `outside`
    networks.containers.list(filters={"network": "tiny"})[0].remove(force=True)
    failed.start()
    assert [*addresses(failed)] == ["eth0"]


def test_when_all_subnets_are_taken_it_says_so(networks: Engine) -> None:
    """Docker's: "could not find an available, non-overlapping IPv4 address pool"."""
    before = {network.name for network in networks.networks.list()}
    made = []
    with pytest.raises(Conflict, match="all predefined address pools have been given") as refusal:
        for number in range(40):  # docker has 31 of them; the host's routes may take some
            made.append(networks.networks.create(f"net{number}"))
    assert "network prune" in str(refusal.value.hint)
    assert {each.name for each in networks.networks.list()} == before | {each.name for each in made}
    networks.networks.create("said", ipam=subnet("10.9.0.0/24"))  # who says one still gets it
    freed = made[7].attrs["IPAM"]["Config"]
    made[7].remove()
    assert networks.networks.create("again").attrs["IPAM"]["Config"] == freed


@pytest.mark.needs("ip")
def test_an_automatic_subnet_avoids_the_routes_that_there_are(networks: Engine) -> None:
    """Those of every table: a VPN has one for itself."""
    first, second = (f"172.{number}.0.0/16" for number in (24, 25))
    used = [pool.subnet for each in records(networks).all() for pool in each.pools]
    assert not any(str(each) in (first, second) for each in used)
    for route in (f"{first} table 200", second):
        subprocess.run(["ip", "route", "add", "blackhole", *route.split()], check=True)
    made = [networks.networks.create(f"net{number}") for number in range(10)]
    given = {each.attrs["IPAM"]["Config"][0]["Subnet"] for each in made}
    assert len(given) == 10 and {"172.23.0.0/16", "172.26.0.0/16"} <= given
    assert not given & {first, second}
    for route in (f"{first} table 200", second):
        subprocess.run(["ip", "route", "del", "blackhole", *route.split()], check=True)


@pytest.mark.needs("ip")
def test_a_chosen_subnet_makes_way_for_a_route_that_has_come(networks: Engine) -> None:
    """Nobody asked for this one, nobody is in it, and by now it leads somewhere else."""
    town = networks.networks.create("town")
    before = town.attrs["IPAM"]["Config"][0]["Subnet"]
    subprocess.run(["ip", "route", "add", "blackhole", before], check=True)
    one = sleeper(networks, "town")
    town.reload()
    after = town.attrs["IPAM"]["Config"][0]["Subnet"]
    assert after != before
    assert ip_interface(addresses(one)["eth0"]).network == ip_network(after)
    subprocess.run(["ip", "route", "del", "blackhole", before], check=True)


def test_a_host_that_has_a_loopback_but_permits_no_bridge(networks: Engine) -> None:
    """As in a sandbox: power over a network namespace of one's own, none over the one around it."""
    network = replace(records(networks).get("bridge"), link="onggi-nobody")

    def ask() -> None:
        from runtime.linux import namespaces
        from runtime.network import bridge, links

        with links.Links() as around:
            namespaces.unshare(namespaces.CLONE_NEWUSER)
            with pytest.raises(HostLacks, match="does not permit to make network devices") as said:
                bridge.raise_bridge(around, network, bridge.alias(networks.root, network.id))
            assert f"RTM_NEWLINK {network.link}: Operation not permitted" in str(said.value)
            assert "--network none or host" in str(said.value.hint)
        namespaces.unshare(namespaces.CLONE_NEWNET)
        with links.Links() as own:
            own.carry_out(links.up(1))  # its loopback

    _in_a_child(ask)
    assert network.link not in [name for _, name in socket.if_nameindex()]


def test_refusals(networks: Engine) -> None:
    with pytest.raises(NotFound, match="network nosuch not found"):
        networks.containers.create("onggi/base", network="nosuch")
    networks.networks.create("home")
    with pytest.raises(Conflict, match="already exists"):
        networks.networks.create("home")
    fixed = {"home": {"IPAMConfig": {"IPv4Address": "10.5.0.9"}}}
    with pytest.raises(InvalidInput, match="user configured subnets"):
        networks.containers.create("onggi/base", network="home", networking_config=fixed)
    with pytest.raises(InvalidInput, match="predefined"):
        networks.networks.create("bridge")
    with pytest.raises(Conflict, match="pre-defined"):
        networks.networks.get("bridge").remove()
    with pytest.raises(InvalidInput, match="network device"):
        networks.networks.create("x", options={"com.docker.network.bridge.name": "../../etc"})


CREATE = """
import sys
from runtime.engine import Engine
from runtime.errors import OnggiError
engine = Engine(sys.argv[1])
for each in range(4):
    engine.networks.create(f"net{sys.argv[2]}-{each}")
try:
    engine.networks.create("one")
    print("created")
except OnggiError as error:
    print(type(error).__name__)
"""


def test_processes_that_create_networks_at_once_never_get_the_same(networks: Engine) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, networks.root, str(number)], stdout=subprocess.PIPE
        )
        for number in range(3)
    ]
    found = [each.communicate()[0].decode().strip() for each in processes]
    assert sorted(found) == ["Conflict", "Conflict", "created"]
    subnets = [pool.subnet for each in records(networks).all() for pool in each.pools]
    assert len(subnets) >= 13
    assert not any(a.overlaps(b) for a in subnets for b in subnets if a is not b)


def test_a_killed_keeper_is_replaced_and_nobody_notices(networks: Engine) -> None:
    networks.networks.create("home", ipam=subnet("10.5.0.0/24"))
    one, other = sleeper(networks, "home"), sleeper(networks, "home")
    kill_keeper(networks.root)
    assert reaches(one, "10.5.0.3")
    Engine(networks.root)
    assert len(keepers(networks.root)) == 1
    assert reaches(one, "10.5.0.3")
    assert len(cables()) == 2
    other.remove(force=True)
    assert eventually(lambda: len(cables()) == 1)
    assert len(records(networks).endpoints_in(networks.networks.get("home").id)) == 1


def test_what_ended_without_a_keeper_is_cleaned_up_by_the_next(networks: Engine) -> None:
    one = sleeper(networks, "bridge")
    kill_keeper(networks.root)
    one.remove(force=True)
    Engine(networks.root)
    assert eventually(lambda: not cables())
    assert records(networks).endpoints(one.id) == ()


def test_half_made_cables_go_and_missing_ones_come_back(networks: Engine) -> None:
    """A keeper that is killed between a row and its cable, or before it has taken one away."""
    one = sleeper(networks, "bridge")
    (endpoint,) = records(networks).endpoints(one.id)
    kill_keeper(networks.root)
    _in_a_child(lambda: _make_stray(networks.root, endpoint.network.link, endpoint.link))
    assert sorted(cables()) == ["vethother", "vethstray"]
    Engine(networks.root)
    assert eventually(lambda: cables() == [endpoint.link])
    assert reaches(one, str(records(networks).network(endpoint.network.id).pools[0].gateway))


def test_whoever_asks_again_because_a_keeper_was_killed_is_plugged_in(networks: Engine) -> None:
    """It had laid the cable, and was killed before it could say so."""
    one = sleeper(networks, "bridge")
    (plug,) = records(networks).plugs(world())
    kill_keeper(networks.root)
    there = os.open(f"/proc/{one.pid}/ns/net", os.O_RDONLY)
    message = {**asdict(plug), "verb": "plug", "directory": str(plug.directory)}
    with KEEPER.ask(networks.root, message, (there,)) as connection:
        answer = KEEPER.answer(connection)
    os.close(there)
    assert answer == {"done": True}
    (endpoint,) = records(networks).endpoints(one.id)
    assert eventually(lambda: cables() == [endpoint.link])
    assert addresses(one) == {"eth0": str(endpoint.address)}
    assert reaches(one, str(endpoint.network.pools[0].gateway))


def _make_stray(root: Path, master: str, gone: str) -> None:
    """Take one cable away, and lay another one that no row knows."""
    from runtime.network import bridge, links

    with links.Links() as here:
        there = {link.name: link.index for link in here.all()}
        bridge.pull_out(here, [gone])
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        details = {"there": own, "device": "vethother", "mac": "02:42:00:00:00:01"}
        alias = bridge.alias(root, "f" * 64)
        stray = links.cable("vethstray", there[master], 1500, **details)  # type: ignore[arg-type]
        here.carry_out(stray, links.label("vethstray", alias))


def _in_a_child(action: Callable[[], None]) -> None:
    """pyroute2 stays out of this process: others look at what it has imported."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_a_keeper_ends_with_its_state_directory_or_when_it_is_told(state_root: Path) -> None:
    from runtime.network import requests

    (state_root / "run").mkdir(parents=True)
    requests.ask(state_root, {"verb": "settle"})
    (pid,) = keepers(state_root)
    os.kill(pid, signal.SIGTERM)
    assert eventually(lambda: not keepers(state_root))
    requests.ask(state_root, {"verb": "settle"})
    (state_root / "run").rename(state_root / "gone")
    assert eventually(lambda: not keepers(state_root))


IMPATIENT = """
import sys
from runtime.network import keeper
keeper.IDLE_S = 0.5
keeper.main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


def test_a_keeper_ends_after_the_last_container_with_all_that_it_has_made(networks: Engine) -> None:
    """The same program, that waits for half a second instead of a minute."""
    leftovers.end_launchers(networks.root)
    path = KEEPER.path(networks.root)
    with packets.listen(path) as listener:
        place = [str(listener.fileno()), str(networks.root), str(path)]
        command = [sys.executable, "-c", IMPATIENT, *place]
        keeper = subprocess.Popen(command, pass_fds=[listener.fileno()])
    home = networks.networks.create("home")
    one, other = sleeper(networks, "home", ports={"80/tcp": 4000}), sleeper(networks, "bridge")
    assert keepers(networks.root) == [keeper.pid]
    one.remove(force=True)
    time.sleep(3 * 0.5)
    assert keeper.poll() is None, "there is somebody still"
    assert addresses(other)
    other.remove(force=True)
    assert keeper.wait(PATIENCE_S) == 0
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    assert nftables.tables() == [] and not path.exists()
    home.remove()


def test_it_is_plugged_in_again_when_its_policy_starts_it_again(networks: Engine) -> None:
    one = networks.containers.run(
        *("onggi/base", ["sh", "-c", "ip addr show eth0; sleep 0.1; exit 3"]),
        network="bridge",
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        detach=True,
    )
    assert eventually(lambda: one.logs().decode().count("inet 172.") == 3)


def test_a_build_step_gets_the_network_that_is_asked_for(networks: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM onggi/base\nRUN ip link > /a\nRUN --network=none ip link > /b\n"
    )
    networks.images.build(tmp_path, tag="nets", network_mode="bridge", nocache=True)
    assert b"eth0" in networks.containers.run("nets", ["cat", "/a"], network="none")
    assert b"eth0" not in networks.containers.run("nets", ["cat", "/b"], network="none")


def test_events(networks: Engine) -> None:
    before = time.time()
    home = networks.networks.create("home")
    one = sleeper(networks, "home")
    one.remove(force=True)
    assert eventually(lambda: not records(networks).endpoints(one.id))
    home.remove()
    filters = {"type": "network", "event": ["create", "connect", "disconnect", "destroy"]}
    events = networks.events(since=before, filters=filters, decode=True, follow=False)
    mine = [each for each in events if each["Actor"]["ID"] == home.id]
    assert [each["Action"] for each in mine] == ["create", "connect", "disconnect", "destroy"]
    assert mine[1]["Actor"]["Attributes"]["container"] == one.id


def test_the_command_line(networks: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    def onggi(*line: str, code: int = 0) -> str:
        assert main(line) == code
        return capsys.readouterr().out

    options = ["--subnet", "10.9.0.0/24", "--gateway", "10.9.0.254", "--ip-range", "10.9.0.128/25"]
    options += ["--aux-address", "nas=10.9.0.5", "--label", "a=b", "--attachable"]
    created = onggi("network", "create", *options, "home").strip()
    assert onggi("network", "ls", "-q", "--no-trunc", "-f", "name=home").strip() == created
    listed = onggi("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").splitlines()
    assert {"home bridge local", "host host local", "none null local"} <= set(listed)
    (document,) = json.loads(onggi("network", "inspect", "home"))
    assert document["IPAM"]["Config"] == [
        {
            "Subnet": "10.9.0.0/24",
            "IPRange": "10.9.0.128/25",
            "Gateway": "10.9.0.254",
            "AuxiliaryAddresses": {"nas": "10.9.0.5"},
        }
    ]
    line = ["--network", "name=home,ip=10.9.0.7,alias=www", "--network", "bridge"]
    onggi("run", "-d", "--name", "web", *line, "onggi/base", *SLEEP)
    form = "{{.NetworkSettings.Networks.home.IPAddress}}"
    assert onggi("inspect", "-f", form, "web").strip() == "10.9.0.7"
    assert onggi("ps", "-q", "--no-trunc", "-f", "network=home").strip()
    onggi("run", "-d", "--name", "two", "--network", "home", "onggi/base", *SLEEP)
    assert onggi("inspect", "-f", form, "two").strip() == "10.9.0.128", "the range's first"
    assert "default via 10.9.0.254 dev eth0" in onggi("exec", "two", "ip", "route")
    onggi("network", "disconnect", "bridge", "web")
    onggi("network", "connect", "--alias", "x", "bridge", "web", code=1)
    onggi("network", "connect", "bridge", "web")
    onggi("network", "rm", "home", code=1)
    onggi("rm", "-f", "web", "two")
    assert "home" in onggi("network", "prune", "-f")


MEMBERS = 200
"""How many containers come and go. Counted, and not timed: so many have come and gone on every
machine, and the same seed does the same deeds in the same order; a minute is a handful of
containers on a slow machine, and which ones nobody can repeat."""

CHURN_S = float(os.environ.get("ONGGI_CHURN_S", "0"))
"""For so long it goes on, however many have come by then: 60 for a whole minute."""


@pytest.mark.timeout(600)
def test_many_that_come_and_go_at_random_leave_nothing(networks: Engine) -> None:
    """Seeded. In the middle, and at the end, rows, devices, addresses and rules are compared with
    the kernel's.
    """
    chance = random.Random(int(os.environ.get("ONGGI_CHURN_SEED", "7")))
    nets = [networks.networks.create(f"net{n}", ipam=subnet(f"10.2{n}.0.0/24")) for n in range(3)]
    running: list[Container] = []
    until_s = time.monotonic() + CHURN_S
    joined = 0
    while (coming := joined < MEMBERS or time.monotonic() < until_s) or len(running) > 6:
        deed = chance.random()
        if coming and (deed < 0.5 or not running):
            ports = {"80/tcp": None} if chance.random() < 0.3 else {}
            running.append(sleeper(networks, chance.choice(nets).name, ports=ports))
            joined += 1
        elif deed < 0.8 or len(running) > 12:
            running.pop(chance.randrange(len(running))).remove(force=True)
        else:
            network, container = chance.choice(nets), chance.choice(running)
            with contextlib.suppress(Conflict, NotFound):
                if chance.random() < 0.5:
                    network.connect(container)
                else:
                    network.disconnect(container)
    for container in running:
        given = {
            each.device: str(each.address) for each in records(networks).endpoints(container.id)
        }
        assert addresses(container) == given
    rows = sum(len(records(networks).endpoints_in(each.id)) for each in nets)
    assert eventually(lambda: len(cables()) == rows)
    assert eventually(lambda: in_force(networks) == expected(networks))
    for container in running:
        container.remove(force=True)
    assert eventually(lambda: not cables())
    assert all(not records(networks).endpoints_in(each.id) for each in nets)
    assert eventually(lambda: in_force(networks) == expected(networks))
    assert published(networks) == []
    for each in nets:
        each.remove()
    assert not [name for _, name in socket.if_nameindex() if name.startswith("onggi-")]
    assert all(each.name in {"bridge", "host", "none"} for each in networks.networks.list())


def published(engine: Engine) -> list[Published]:
    """By the rows: what every list shows."""
    rows = engine.containers.lifecycle.records.database.all("SELECT * FROM ports")
    return [Published(*row) for row in rows]


def in_force(engine: Engine) -> list[tuple[str, str]]:
    """Chain and comment of each rule, as the kernel has them."""
    return sorted((rule.chain, rule.comment) for rule in firewall.rules(engine.root))


def expected(engine: Engine) -> list[tuple[str, str]]:
    """The same of the rules that these networks and published ports should have."""
    up = [name for _, name in socket.if_nameindex()]
    nets = [each for each in records(engine).all() if each.link in up]
    found = [("ports", each.comment) for each in published(engine) if not each.is_ipv6]
    found += [("forward", comment) for _, comment in firewall.forward_rules(nets)]
    found += [("postrouting", comment) for _, comment in firewall.masquerade_rules(nets)]
    found += [("guard", "the host's loopback is not for containers") for _ in nets]
    return sorted([*found, *([("output", ""), ("prerouting", "")] if nets else [])])


@pytest.mark.needs("setpriv")
def test_a_host_that_gives_no_networks_says_so(networks: Engine) -> None:
    """Without CAP_NET_ADMIN: what is missing, and for what."""
    leftovers.end_launchers(networks.root)  # who have it
    onggi = [sys.executable, "-m", "runtime.cli.main", "run", "--rm"]
    environment = {**os.environ, "ONGGI_LANG": "en", "ONGGI_DEPUTY": "0"}

    def run(*line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["setpriv", "--bounding-set=-net_admin", *onggi, *line],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    try:
        for network, device in (("bridge", "lo|onggi0"), ("none", "lo")):  # has a loopback, too
            refused = run("--network", network, "onggi/base", "true")
            assert refused.returncode == 125
            # A container's loopback and the host's bridge are made at the same time.
            assert re.search(rf"this host does not permit .* ({device})\b", refused.stderr)
            assert "CAP_NET_ADMIN" in refused.stderr and "Traceback" not in refused.stderr
    finally:
        leftovers.end_launchers(networks.root)
    assert networks.containers.list(all=True) == []
    assert [name for _, name in socket.if_nameindex() if name != "lo"] == []


SHUT_IN = """
import os, sys
from runtime.linux import seccomp
call, place, value, code = sys.argv[1], *map(int, sys.argv[2:5])
condition = {"index": place, "value": value, "op": "SCMP_CMP_EQ"}
rule = {"names": [call], "action": "SCMP_ACT_ERRNO", "errnoRet": code, "args": [condition]}
everywhere = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [*seccomp.NUMBERINGS]}
seccomp.load(seccomp.compile_filter({**everywhere, "syscalls": [rule]}))
os.execv(sys.executable, [sys.executable, "-m", "runtime.cli.main", *sys.argv[5:]])
"""
"""`onggi` in a sandbox: a system call, which argument of it, its value, the refusal's number."""


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (("socket", 0, socket.AF_NETLINK, errno.EPERM), "make network devices: socket AF_NETLINK"),
        (("socket", 0, socket.AF_NETLINK, errno.EAFNOSUPPORT), "Address family not supported"),
        (("socket", 2, netlink.NETLINK_NETFILTER, errno.EPERM), "packet filter does not take"),
        (("ioctl", 1, netdevice.SIOCSIFFLAGS, errno.EPERM), "switch on the network device lo"),
    ],
    ids=["no netlink", "no such family", "no rules", "no loopback"],
)
def test_a_sandbox_that_permits_only_a_part_says_so_and_nothing_is_left(
    networks: Engine, refused: tuple[object, ...], said: str
) -> None:
    """The container's loopback is switched on beside the bridge, the cable and the rules: whichever
    of them fails, what the others have made goes again.
    """
    leftovers.end_launchers(networks.root)  # who live outside of it
    command = [sys.executable, "-c", SHUT_IN, *map(str, refused), "run", "--rm"]
    command += ["--network", "bridge", "-p", "4000:80", "onggi/base", "true"]
    environment = {**os.environ, "ONGGI_LANG": "en", "ONGGI_DEPUTY": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 125
    assert said in done.stderr and "Traceback" not in done.stderr
    assert eventually(lambda: not cables())
    database = networks.containers.lifecycle.records.database
    for table in ("containers", "plugs", "endpoints", "ports"):
        assert database.all(f"SELECT * FROM {table}") == []
    assert os.listdir(networks.root / "containers") == []
    leftovers.end_launchers(networks.root)
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    assert records(networks).raised(world()) == []
    assert firewall.rules(networks.root) == []
