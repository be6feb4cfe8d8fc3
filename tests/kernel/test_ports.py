"""Published ports, from outside, from the host and from other containers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keepers import kill_keeper
from registries import contents, image_of
from worlds import HERE, OUTSIDE, PATIENCE_S, World, another_machine, ask, greeting, page

from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.errors import Conflict
from runtime.network import firewall

SERVER = ["httpd", "-f", "-p", "80", "-h", "/etc"]

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.usefixtures("own_world")]


@pytest.fixture
def outside(own_world: None) -> Iterator[World]:
    with another_machine() as world:
        yield world


def web(engine: Engine, name: str, **options: Any) -> Container:
    options = {"network": "bridge", "hostname": name, **options}
    container: Container = engine.containers.run(
        "onggi/base", SERVER, name=name, detach=True, **options
    )
    return container


def onggi(*line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime.cli.main", *line]
    environment = {**os.environ, "ONGGI_LANG": "en"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_two_containers_both_on_port_80(engine: Engine, outside: World) -> None:
    web(engine, "red", ports={"80/tcp": 4000})
    web(engine, "blue", ports={"80/tcp": 4001})
    for address in ("127.0.0.1", "::1", HERE):
        assert page(address, 4000) == "red"
        assert page(address, 4001) == "blue"
    with outside.inside():
        assert page(HERE, 4000) == "red"
        assert page(HERE, 4001) == "blue"
    counted = [rule for rule in firewall.rules(engine.root) if rule.chain == "ports"]
    assert all(rule.packets for rule in counted)
    fetch = ["wget", "-q", "-O", "-", f"http://{HERE}:4000/hostname"]
    for network in ("bridge", "town"):  # a neighbour, and one in another network
        if network == "town":
            engine.networks.create("town")
        told = engine.containers.run("onggi/base", fetch, network=network, remove=True)
        assert told.decode().strip() == "red"
    red = engine.containers.get("red")
    assert red.exec_run(fetch).output.decode().strip() == "red"
    with greeting(outside, 81, b"outside") as callers:  # and the way out
        assert red.exec_run(["nc", "-w", "10", OUTSIDE, "81"]).output == b"outside"
    assert callers == [HERE], "by the address of this host"
    for name in ("red", "blue"):
        engine.containers.get(name).remove(force=True)
    engine.networks.get("town").remove()


def test_how_it_is_shown(engine: Engine) -> None:
    container = web(engine, "shown", ports={"80/tcp": ("127.0.0.1", 4000), "81/udp": None})
    assert onggi("port", "shown", "80").stdout == "127.0.0.1:4000\n"
    lines = onggi("port", "shown").stdout.splitlines()
    assert lines[0] == "80/tcp -> 127.0.0.1:4000"
    assert lines[1].startswith("81/udp -> 0.0.0.0:")
    missing = onggi("port", "shown", "9")
    assert missing.returncode == 1
    assert "no public port 9 published for shown" in missing.stderr
    (row,) = onggi("ps", "--format", "{{.Ports}}").stdout.splitlines()
    assert row.startswith("127.0.0.1:4000->80/tcp, 0.0.0.0:")
    document = json.loads(onggi("inspect", "shown").stdout)[0]
    assert document["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "4000"}],
        "81/udp": [{"HostIp": "", "HostPort": ""}],
    }
    assert document["NetworkSettings"]["Ports"] == container.ports
    assert set(document["Config"]["ExposedPorts"]) == {"80/tcp", "81/udp"}
    container.stop(timeout=0)
    assert onggi("port", "shown").stdout == ""
    assert container.ports == {}
    container.start()
    assert onggi("port", "shown", "80").stdout == "127.0.0.1:4000\n"
    container.remove(force=True)


def test_lists_are_filtered_by_ports_networks_and_volumes(engine: Engine) -> None:
    town = engine.networks.create("town")
    volume = engine.volumes.create("goods")
    shop = web(engine, "shop", ports={"80/tcp": 4000}, network="town", volumes=["goods:/goods"])
    tool = web(engine, "tool", exposed_ports=["90-91/udp"], volumes=["/tmp"])
    found = {
        "publish=4000": ["shop"],
        "publish=80": [],
        "publish=3990-4000/tcp": ["shop"],
        "expose=80/tcp": ["shop"],
        "expose=91/udp": ["tool"],
        "network=town": ["shop"],
        f"network={town.id}": ["shop"],
        "network=bridge": ["tool"],
        "volume=goods": ["shop"],
        "volume=/tmp": ["tool"],
        "volume=nosuch": [],
    }
    for text, names in found.items():
        assert onggi("ps", "-f", text, "--format", "{{.Names}}").stdout.split() == names, text
    shop.stop(timeout=0)
    assert onggi("ps", "-a", "-q", "-f", "publish=4000").stdout == "", "it is reached no longer"
    assert onggi("ps", "-a", "-f", "volume=goods", "--format", "{{.Names}}").stdout == "shop\n"
    for each in (shop, tool):
        each.remove(force=True, v=True)
    volume.remove()
    town.remove()


@pytest.mark.timeout(300)
def test_a_registry_of_one_s_own(engine: Engine, tmp_path: Path) -> None:
    """As the classic lesson has it: run -d -p 5000:5000, push to localhost:5000, pull."""
    started = onggi("run", "-d", "-p", "5000:5000", "--name", "registry", "onggi/registry")
    assert started.returncode == 0, started.stderr
    registry = engine.containers.get("registry")
    until(lambda: b"the registry answers at" in registry.logs())
    name = "localhost:5000/lesson/app:1"
    image = image_of(engine, name, b"a layer")
    pushed = onggi("push", name)
    assert pushed.returncode == 0, pushed.stderr
    registry.restart()
    until(lambda: registry.logs().count(b"the registry answers at") == 2)
    other = Engine(tmp_path / "other")  # as on another host: nothing of it is there
    assert other.images.pull(name).id == image.id
    assert contents(other, other.images.get(name)) == [b"a layer"]
    engine.images.remove(name)
    registry.remove(force=True, v=True)


def test_ranges_and_one_address(engine: Engine, outside: World) -> None:
    serve = ["sh", "-c", "httpd -p 81 -h /etc; exec httpd -f -p 80 -h /etc"]
    for name in ("one", "two"):
        ports = ["-p", "8080-8090:80"]  # any of them
        ports += ["-p", "127.0.0.1:8000-8001:80-81"] if name == "one" else []  # one by one
        line = ["run", "-d", "--name", name, "--hostname", name, "--network", "bridge"]
        assert onggi(*line, *ports, "onggi/base", *serve).returncode == 0
    shown = onggi("port", "one").stdout.splitlines()
    assert {"80/tcp -> 127.0.0.1:8000", "81/tcp -> 127.0.0.1:8001"} <= set(shown)
    assert {"80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080"} <= set(shown)
    assert "80/tcp -> 0.0.0.0:8081" in onggi("port", "two").stdout.splitlines()
    for port, name in ((8000, "one"), (8001, "one"), (8080, "one"), (8081, "two")):
        assert page("127.0.0.1", port) == name
    assert ask(HERE, 8000) == ask("::1", 8000) == b"", "published at 127.0.0.1 alone"
    with outside.inside():
        assert page(HERE, 8080) == "one"
        assert ask(HERE, 8000, patience_s=0.5) == b""
    for name in ("one", "two"):
        engine.containers.get(name).remove(force=True)


def test_all_exposed_ports(engine: Engine) -> None:
    options = {"publish_all_ports": True, "exposed_ports": ["80", "90-91/udp"]}
    container = web(engine, "open", **options)
    assert set(container.ports) == {"80/tcp", "90/udp", "91/udp"}
    assert page("127.0.0.1", int(container.ports["80/tcp"][0]["HostPort"])) == "open"
    container.remove(force=True)


@pytest.mark.parametrize("holder", ["a container", "a program"])
def test_a_port_in_use_is_said_before_anything_starts(engine: Engine, holder: str) -> None:
    if holder == "a container":
        web(engine, "first", ports={"80/tcp": 4000})
        server = None
    else:
        server = socket.create_server(("127.0.0.1", 4000))
    ran = onggi(
        "run", "--name", "second", "--network", "bridge", "-p", "4000:80", "onggi/base", "true"
    )
    assert ran.returncode == 125
    assert "port 4000/tcp of this host is already in use" in ran.stderr
    assert ("container first has it" in ran.stderr) == (server is None)
    second = engine.containers.get("second")
    assert second.status == "created"
    assert second.logs() == b""
    if server is None:
        engine.containers.get("first").stop(timeout=0)
    else:
        server.close()
    second.start()
    second.wait()
    for container in engine.containers.list(all=True):
        container.remove(force=True)


def test_udp(engine: Engine, outside: World) -> None:
    container = engine.containers.run(
        *("onggi/base", ["sleep", "600"]), detach=True, network="bridge", ports={"53/udp": 5353}
    )
    world = World()
    world.descriptor = os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY)
    with greeting(world, 53, b"hello", "udp"):
        for address in ("127.0.0.1", "::1", HERE):
            assert ask(address, 5353, "udp") == b"hello"
        with outside.inside():
            assert ask(HERE, 5353, "udp") == b"hello"
    os.close(world.descriptor)
    container.remove(force=True)


def test_a_udp_client_reaches_the_next_container_at_the_port(
    engine: Engine, outside: World
) -> None:
    """The kernel would lead it to the one that has gone for as long as it keeps asking."""
    town = engine.networks.create("town", ipam={"Config": [{"Subnet": "10.5.0.0/24"}]})
    with outside.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((HERE, 5353))
    client.settimeout(0.2)
    for address in ("10.5.0.5", "10.5.0.6"):
        container = engine.containers.run(
            *("onggi/base", ["sleep", "600"]),
            detach=True,
            network="town",
            networking_config={"town": {"IPAMConfig": {"IPv4Address": address}}},
            ports={"53/udp": 5353},
        )
        world = World()
        world.descriptor = os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY)
        with greeting(world, 53, address.encode(), "udp"):

            def answered(expected: bytes = address.encode()) -> bool:
                client.send(b"?")
                return client.recv(100) == expected

            until(answered)
        os.close(world.descriptor)
        container.remove(force=True)
    client.close()
    town.remove()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_keeper_is_replaced_and_the_ports_with_it(engine: Engine) -> None:
    container = web(engine, "stays", ports={"80/tcp": None})
    before = container.ports
    port = int(before["80/tcp"][0]["HostPort"])
    assert page("127.0.0.1", port) == "stays"
    kill_keeper(engine.root)
    assert page("127.0.0.1", port) == "stays"  # the rules are the kernel's
    web(engine, "other", ports={"80/tcp": 4009})  # has another keeper started
    assert engine.containers.get("stays").ports == before
    for address in ("127.0.0.1", "::1"):
        assert page(address, port) == "stays"
    with pytest.raises(Conflict, match="in use"):
        web(engine, "third", ports={"80/tcp": port})
    for each in engine.containers.list(all=True):
        each.remove(force=True)


def test_nothing_is_left(engine: Engine) -> None:
    container = web(engine, "gone", ports={"80/tcp": 4000})
    assert page("::1", 4000) == "gone"
    container.remove(force=True)

    def free() -> bool:
        socket.create_server(("127.0.0.1", 4000)).close()
        return not [rule for rule in firewall.rules(engine.root) if rule.chain == "ports"]

    until(free)
    assert engine.containers.lifecycle.records.database.all("SELECT * FROM ports") == []
