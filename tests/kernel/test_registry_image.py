"""onggi/registry: our own server, in one of our own containers."""

from __future__ import annotations

import json

import pytest

from lessons_lib.waiting import until
from runtime.engine import Engine

ASK = """
import json, urllib.request
answer = urllib.request.urlopen("http://127.0.0.1:5000/v2/_catalog", timeout=20)
print(json.dumps([answer.status, json.load(answer)]))
"""


@pytest.mark.needs("containers")
def test_the_registry_runs_in_a_container(engine: Engine) -> None:
    registry = engine.containers.run("onggi/registry", network="none", detach=True)
    config = registry.image.attrs["Config"]
    assert config["ExposedPorts"] == {"5000/tcp": {}}
    assert config["Volumes"] == {"/var/lib/registry": {}}
    assert until(lambda: b"the registry answers at" in registry.logs())
    code, output = registry.exec_run(["python3", "-c", ASK])
    assert (code, json.loads(output)) == (0, [200, {"repositories": []}])
    assert b'"path": "/v2/_catalog", "status": 200' in registry.logs()
    registry.stop(timeout=60)
    assert registry.wait()["StatusCode"] == 0, "it ends when it is asked to"
    registry.remove(v=True)
