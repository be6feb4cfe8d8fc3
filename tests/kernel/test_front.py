"""Between a person and the engine, on real containers: docker's documents, lists and flags."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.main")


def _docker_api() -> Any:
    place = Path(__file__).parents[1] / "spec" / "docker_api.py"
    spec = importlib.util.spec_from_file_location("docker_api", place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docker_api = _docker_api()


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


def onggi(*line: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ONGGI, *line], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def out(*line: str) -> str:
    done = onggi(*line)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_inspect_has_docker_s_whole_shape(engine: Engine) -> None:
    created = engine.containers.create("onggi/base", ["sleep", "60"], name="one")
    running = engine.containers.run(
        "onggi/base",
        ["sleep", "60"],
        name="two",
        detach=True,
        stop_timeout=3,
        stop_signal="SIGINT",
        mem_limit="64m",
        labels={"a": "b"},
        environment={"A": 1},
    )
    for container in (created, running):
        document = json.loads(json.dumps(container.attrs))
        docker_api.check("ContainerInspect", document)
        for name, definition in (
            ("HostConfig", "HostConfig"),
            ("Config", "ContainerConfig"),
            ("State", "ContainerState"),
            ("NetworkSettings", "NetworkSettings"),
        ):
            missing = set(docker_api.members(definition)) - set(document[name])
            assert missing <= docker_api.LEFT_OUT.get(name, set())
    assert (
        document["Config"]
        | {
            "StopSignal": "SIGINT",
            "StopTimeout": 3,
            "Labels": {"a": "b"},
            "Cmd": ["sleep", "60"],
        }
        == document["Config"]
    )
    assert "A=1" in document["Config"]["Env"]
    assert document["HostConfig"]["Memory"] == 64 << 20
    assert document["HostConfig"]["MemorySwap"] == 128 << 20
    assert document["NetworkSettings"]["SandboxKey"] == f"/proc/{running.pid}/ns/net"
    assert set(document) == set(docker_api.members("ContainerInspect")) - {
        "SizeRw",
        "SizeRootFs",
    }
    sized = json.loads(out("inspect", "-s", "two"))[0]
    assert sized["SizeRootFs"] - sized["SizeRw"] == running.image.size


def test_an_image_has_docker_s_whole_shape(engine: Engine) -> None:
    image = engine.images.get("onggi/base")
    document = json.loads(out("image", "inspect", "onggi/base"))[0]
    docker_api.check("ImageInspect", document)
    missing = set(docker_api.members("ImageInspect")) - set(document)
    assert missing <= {"Variant", "OsVersion"}
    docker_api.check("ImageHistory", image.history())


def test_what_docker_s_api_answers(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["touch", "/x"], name="one", detach=True)
    docker_api.check("ContainerWait", container.wait())
    docker_api.check("ContainerChanges", container.diff())
    docker_api.check("ContainerPrune", engine.containers.prune())
    docker_api.check("ImagePrune", engine.images.prune())
