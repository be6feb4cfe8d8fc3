"""docker-compose 1.29 (Debian's, with its SDK 5.0) as it is, against our server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.engine import Engine

pytestmark = [pytest.mark.needs("containers", "docker", "docker-compose"), pytest.mark.timeout(300)]

SHOP = """\
version: "3.7"
services:
  store:
    build: {context: store, args: {WHAT: jars}}
    image: shop_store:1
    labels: {tier: back}
    volumes: ["goods:/goods"]
    networks: {back: {aliases: [stock]}}
    healthcheck: {test: ["CMD", "test", "-e", "/goods/list"], interval: 1s, retries: 30}
  front:
    image: onggi/base
    command: ["sh", "-c", "cat /etc/resolv.conf; exec sleep 600"]
    depends_on: [store]
    environment: {WHO: customer}
    ports: ["127.0.0.1::80"]
    networks: [back, street]
    stop_grace_period: 1s
    restart: on-failure
networks:
  back: {ipam: {config: [{subnet: 10.98.5.0/24}]}}
  street: {}
volumes:
  goods: {labels: {kept: "yes"}}
"""

RECIPE = """\
FROM onggi/base
ARG WHAT
RUN echo $WHAT > /what
CMD ["sh", "-c", "cp /what /goods/list; cat /goods/list; exec sleep 600"]
"""

Compose = Callable[..., str]


@pytest.fixture
def compose(docker_host: str, tmp_path: Path) -> Iterator[Compose]:
    """docker-compose in the folder of a shop; what it says, having succeeded."""
    place = tmp_path / "shop"
    (place / "store").mkdir(parents=True)
    (place / "docker-compose.yml").write_text(SHOP)
    (place / "store" / "Dockerfile").write_text(RECIPE)

    def run(*line: str, code: int = 0) -> str:
        done = subprocess.run(
            ["docker-compose", "--ansi", "never", *line],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == code, (line, done.stdout)
        return done.stdout

    yield run
    run("down", "--volumes", "--timeout", "0")


def test_a_shop_from_its_build_to_its_end(engine: Engine, compose: Compose) -> None:
    assert "Successfully tagged shop_store:1" in compose("build")
    compose("up", "--detach")
    names = {each.name for each in engine.containers.list()}
    assert names == {"shop_store_1", "shop_front_1"}
    store = engine.containers.get("shop_store_1")
    assert store.attrs["NetworkSettings"]["Networks"]["shop_back"]["IPAddress"] == "10.98.5.2"
    assert set(engine.containers.get("shop_front_1").attrs["NetworkSettings"]["Networks"]) == {
        "shop_back",
        "shop_street",
    }
    assert engine.volumes.get("shop_goods").labels["kept"] == "yes"
    assert "shop_front_1" in compose("ps")
    assert "jars" in compose("logs", "store")
    assert compose("exec", "-T", "front", "sh", "-c", "echo $WHO").strip() == "customer"
    assert "3" in compose("exec", "-T", "front", "sh", "-c", "echo 3; exit 3", code=3)
    assert "jars" in compose("run", "--rm", "store", "cat", "/what")
    assert compose("port", "front", "80").startswith("127.0.0.1:")
    assert "sleep" in compose("top")
    assert "shop_store" in compose("images")

    before = store.id
    compose("up", "--detach")  # nothing has changed
    assert engine.containers.get("shop_store_1").id == before
    compose("up", "--detach", "--force-recreate", "--no-deps", "store")
    assert engine.containers.get("shop_store_1").id != before
    compose("up", "--detach", "--scale", "store=2", "--no-recreate")
    assert engine.containers.get("shop_store_2").status == "running"

    compose("pause", "store")
    assert engine.containers.get("shop_store_2").status == "paused"
    compose("unpause", "store")
    compose("restart", "--timeout", "0", "front")
    compose("kill", "store")
    compose("stop", "--timeout", "0")
    assert engine.containers.list() == []
    compose("start")
    assert engine.containers.get("shop_front_1").status == "running"
    compose("rm", "--stop", "--force", "front")
    assert "No such service: nobody" in compose("logs", "nobody", code=1)

    compose("down", "--volumes", "--rmi", "local", "--timeout", "0")
    assert engine.containers.list(all=True) == []
    assert "shop_back" not in {each.name for each in engine.networks.list()}
    assert engine.volumes.list() == []
