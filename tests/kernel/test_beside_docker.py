"""Beside a running Docker, in one network: what its FORWARD chain blocks, what works all the same,
and that what we say helps.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from dockerd import running_dockerd
from worlds import HERE, OUTSIDE, World, another_machine, greeting, own_network, page

from runtime.engine import Engine
from runtime.network import firewall, obstacles

pytestmark = pytest.mark.needs("root", "ip", "iptables", "dockerd")


@pytest.fixture
def outside(base_state: Path) -> Iterator[World]:
    """Docker leaves a bridge in this network, which goes with it."""
    with own_network(), another_machine() as world:
        yield world
        leftovers.end_launchers(base_state)


def docker_rules() -> str:
    return subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout


def test_beside_a_running_docker(outside: World, engine: Engine) -> None:
    # Docker closes FORWARD where it was the one who switched forwarding on.
    obstacles.FORWARDING[4].write_text("0")
    with running_dockerd(own_network=False, bridge="", iptables="true"):
        before = [line for line in docker_rules().splitlines() if line.startswith("-A")]
        server = ["httpd", "-f", "-p", "80", "-h", "/etc"]
        container = engine.containers.run(
            *("onggi/base", server),
            detach=True,
            hostname="shop",
            network="bridge",
            ports={80: 4000},
        )
        (said,) = engine.info()["Warnings"]
        assert "filter FORWARD" in said
        assert "DOCKER-USER" in said
        assert not [rule for rule in firewall.rules(engine.root) if rule.chain == "ports"]
        for address in ("127.0.0.1", "::1", HERE):
            assert page(address, 4000) == "shop"
        with outside.inside():
            assert page(HERE, 4000) == "shop"
        call = ["nc", "-w", "2", OUTSIDE, "81"]
        with greeting(outside, 81, b"outside"):
            assert b"outside" not in container.exec_run(call).output
            (obstacle,) = engine.obstacles()
            for command in obstacle.hint.format(**obstacle.facts).partition(": ")[2].split("; "):
                subprocess.run(command.split(), check=True)
            assert engine.info()["Warnings"] is None
            assert container.exec_run(call).output == b"outside"
        other = engine.containers.run(
            *("onggi/base", server), detach=True, network="bridge", ports={80: 4001}
        )
        assert [rule for rule in firewall.rules(engine.root) if rule.chain == "ports"]
        with outside.inside():
            assert page(HERE, 4000) == "shop"
        for each in (container, other):
            each.remove(force=True)
        after = [line for line in docker_rules().splitlines() if line.startswith("-A")]
        assert [line for line in after if "onggi" not in line] == before
