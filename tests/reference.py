"""The same world for two engines, so that what docker's clients are told can be compared.

In a network of its own there are two registries of Debian's and an engine: dockerd, which is the
reference, or ours. Both have the image onggi/base and nothing else.

    REGISTRY   asks for a name and a password (registries.USER, PASSWORD)
    MIRROR     stands for docker.io: whatever has no registry in its name is pulled from there
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import leftovers
from docker_host import serving
from dockerd import running_dockerd
from registries import PASSWORD, USER, running_registry
from transcripts import Host, clients
from witness import witnessed
from worlds import own_network

from runtime.engine import Engine

BASE = "onggi/base"


@dataclass(frozen=True, slots=True)
class World:
    """The two registries, by their addresses."""

    registry: str
    mirror: str

    def host(self, address: str) -> Host:
        """The engine at that address, for clients in this world."""
        variables = {
            "REGISTRY": self.registry,
            "MIRROR": self.mirror,
            "USERNAME": USER,
            "PASSWORD": PASSWORD,
        }
        return Host(address, variables)


@contextlib.contextmanager
def own_world() -> Iterator[World]:
    """A network of its own, with the registries."""
    with (
        own_network(),
        tempfile.TemporaryDirectory(prefix="onggi-registries-") as folder,
        running_registry(Path(folder, "one"), password=True) as registry,
        running_registry(Path(folder, "two")) as mirror,
    ):
        yield World(registry.host, mirror.host)


@contextlib.contextmanager
def running_reference(base: Path) -> Iterator[Host]:
    """Debian's dockerd. `base` is an archive with the base image."""
    with own_world() as world:
        options = {"registry-mirror": f"http://{world.mirror}"}
        with running_dockerd(own_network=False, bridge="", iptables="true", **options) as docker:
            docker("load", "-i", base)
            yield world.host(docker.address)


@contextlib.contextmanager
def running_ours(state: Path) -> Iterator[Host]:
    """`onggi serve` on a state directory with the base images. At the end every answer that was
    heard has been held against the definition (witness.py).
    """
    leftovers.end_launchers(state)  # whose keeper has another network
    with own_world() as world, tempfile.TemporaryDirectory(prefix="onggi-served-") as folder:
        variables = {name: value for name, value in os.environ.items() if name != "ONGGI_PULL"}
        flags = ("--group", "root", "--registry-mirror", f"http://{world.mirror}")
        environment = {**variables, "ONGGI_ROOT": str(state)}
        path = Path(folder, "socket")
        with serving(path, *flags, env=environment), witnessed(path) as witness:
            yield world.host(f"unix://{witness.socket}")
        leftovers.end_launchers(state)


def clean(host: Host) -> None:
    """Remove whatever a transcript has left, but for the base image."""
    with host.session(clients()[0]) as session:
        code, output, errors = session.run(CLEANING)
    assert code == 0, output + errors


CLEANING = """
containers=$(docker ps -aq); [ -z "$containers" ] || docker rm -fv $containers
images=$(docker images --format '{{.Repository}}:{{.Tag}}' | grep -v -e '^onggi/' -e '<none>')
[ -z "$images" ] || docker rmi -f $images
docker image prune -f
volumes=$(docker volume ls -q); [ -z "$volumes" ] || docker volume rm $volumes
docker network prune -f
docker builder prune -af
"""


@contextlib.contextmanager
def base_state() -> Iterator[Path]:
    """A state directory with the base images, made for this."""
    with tempfile.TemporaryDirectory(prefix="onggi-base-") as folder:
        root = Path(folder, "state")
        Engine(root).images.bootstrap()
        yield root
        leftovers.end_launchers(root)


@contextlib.contextmanager
def base_archive() -> Iterator[Path]:
    """The base image as an archive."""
    with base_state() as root:
        archive = root.with_name("base.tar")
        archive.write_bytes(b"".join(Engine(root).images.save([BASE])))
        yield archive
