"""Docker's API of the engine itself, networks, volumes, swarm and plugins, by plain HTTP.

Every answer goes through the witness (tests/witness.py) as well. Statuses and sentences are those
that Debian's dockerd 20.10 gave to the same requests, or moby's of the version of the definition.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from docker_host import ask
from own_registry import running_registry
from registries import HTPASSWD, PASSWORD, USER
from witness import docker_api

from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")

api = docker_api()

NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)


def refused(host: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
    reply = ask(host, method, path, body)
    return reply.status, reply.message


def filtered(path: str, **filters: str) -> str:
    return f"{path}?filters={quote(json.dumps({name: [text] for name, text in filters.items()}))}"


def test_the_engine_tells_of_itself(engine: Engine, docker_host: str) -> None:
    ping = ask(docker_host, "GET", "/_ping")
    assert (ping.body, ping.headers["Api-Version"], ping.headers["Swarm"]) == (
        b"OK",
        "1.47",
        "inactive",
    )
    engine.containers.create("onggi/base", ["true"])
    info = ask(docker_host, "GET", "/v1.41/info").json
    assert set(api.members("SystemInfo")) - set(info) == {
        *("NFd", "NGoroutines", "NEventsListener"),  # debug mode's
        *("KernelMemoryTCP", "ProductLicense", "Containerd"),  # docker leaves them out, too
    }
    counted = [info[f"Containers{state}"] for state in ("", "Running", "Paused", "Stopped")]
    assert counted == [1, 0, 0, 1]
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["ID"] == engine.info()["ID"]
    version = ask(docker_host, "GET", "/version").json
    assert set(api.members("SystemVersion")) - set(version) == {"Experimental"}
    assert (version["ApiVersion"], version["MinAPIVersion"]) == ("1.47", "1.24")


def test_who_somebody_is_to_a_registry(docker_host: str, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    with running_registry(tmp_path, "--htpasswd", tmp_path / "htpasswd") as registry:
        known = {"username": USER, "password": PASSWORD, "serveraddress": registry.host}
        right = ask(docker_host, "POST", "/auth", known)
        assert right.status == 200
        assert right.json == {"Status": "Login Succeeded", "IdentityToken": ""}
        for wrong in ({"password": "no"}, {"username": "nobody"}, {"password": ""}):
            refused = ask(docker_host, "POST", "/auth", known | wrong)
            assert refused.status == 401 and registry.host in refused.message, refused.body
        for address in (f"http://{registry.host}/", f"https://{registry.host}/v2/team"):
            spelled = known | {"serveraddress": address}
            assert ask(docker_host, "POST", "/auth", spelled).status == 200
    gone = ask(docker_host, "POST", "/auth", known)
    assert gone.status == 500 and registry.host in gone.message
    odd = ask(docker_host, "POST", "/auth", known | {"password": 5})
    assert odd.status == 400 and "body.password" in odd.message
    nowhere = ask(docker_host, "POST", "/auth", known | {"serveraddress": "a b"})
    assert nowhere.status == 400


def test_disk_usage_is_of_what_was_asked(engine: Engine, docker_host: str) -> None:
    engine.volumes.create("data")
    everything = ask(docker_host, "GET", "/system/df").json
    assert set(everything) == set(api.members("SystemDataUsage"))
    assert everything["Volumes"][0]["UsageData"] == {"RefCount": 0, "Size": 0}
    two = ask(docker_host, "GET", "/system/df?type=volume&type=image").json
    assert set(two) == {"LayersSize", "Images", "Volumes"}
    (engine.root / "context").mkdir()
    (engine.root / "context" / "Dockerfile").write_text("FROM onggi/base\nRUN true\nRUN true\n")
    engine.images.build(path=engine.root / "context")
    new, old = (ask(docker_host, "GET", f"/{v}/system/df").json for v in ("v1.42", "v1.41"))
    (first, second), (_, known_to_old) = new["BuildCache"], old["BuildCache"]
    assert second["Parents"] == [first["ID"]] == [known_to_old["Parent"]]
    assert old["BuilderSize"] == first["Size"] + second["Size"] > 0
    assert "BuilderSize" not in new and "Parents" not in known_to_old
    assert refused(docker_host, "GET", "/system/df?type=x") == (400, "unknown object type: x")


def test_events_of_the_past_and_those_to_come(engine: Engine, docker_host: str) -> None:
    engine.networks.create("before")
    now = time.time()
    past = ask(docker_host, "GET", filtered("/events", network="bef") + f"&since=1&until={now}")
    assert [json.loads(line)["Action"] for line in past.body.splitlines()] == ["create"]
    found: list[dict[str, Any]] = []

    def listen() -> None:
        path = filtered("/events", type="volume") + f"&until={time.time() + 3}"
        lines = ask(docker_host, "GET", path).body.splitlines()
        found.extend(json.loads(line) for line in lines)

    listener = threading.Thread(target=listen)
    listener.start()
    number = 0
    while listener.is_alive():  # until it has heard one, and its time is over
        engine.volumes.create(f"v{number}").remove()
        engine.networks.create(f"n{number}").remove()
        number += 1
        listener.join(0.1)
    assert {(each["Type"], each["Action"]) for each in found} == {
        ("volume", "create"),
        ("volume", "destroy"),
    }
    engine.networks.get("before").remove()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/events?since=x", "since is no moment: x"),
        ("/events?since=5&until=3", "`since` time (5) cannot be after `until` time (3)"),
        ("/events?filters=7", "filters is no JSON object of filters: 7"),
        ('/events?filters={"moon":["full"]}', "there is no filter moon"),
        ('/networks?filters={"x":["y"]}', "there is no filter x"),
        ('/networks?filters={"type":["y"]}', "invalid filter type=y"),
        ('/volumes?filters={"dangling":["y"]}', "invalid filter dangling=y"),
    ],
)
def test_a_bad_query_is_refused(docker_host: str, path: str, message: str) -> None:
    assert refused(docker_host, "GET", path) == (400, message)


def test_a_network_s_life(engine: Engine, docker_host: str) -> None:
    body = {
        "Name": "home",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Labels": {"a": "b"},
        "IPAM": {"Config": [{"Subnet": "10.98.7.0/24", "Gateway": "10.98.7.1"}]},
        "Options": {"com.docker.network.bridge.enable_icc": "true"},
    }
    made = ask(docker_host, "POST", "/v1.41/networks/create", body)
    assert (made.status, made.json) == (201, {"Id": made.json["Id"], "Warning": ""})
    network = ask(docker_host, "GET", f"/networks/{made.json['Id'][:12]}").json
    assert set(api.members("Network")) - set(network) == {"Peers"}
    assert network["IPAM"]["Config"] == [{"Subnet": "10.98.7.0/24", "Gateway": "10.98.7.1"}]
    assert (network["Labels"], network["EnableIPv4"]) == ({"a": "b"}, True)
    listed = ask(docker_host, "GET", filtered("/networks", label="a=b")).json
    assert [(each["Name"], each["Containers"]) for each in listed] == [("home", {})]
    container = engine.containers.create("onggi/base", ["true"], name="cc")
    plug = {"Container": "cc", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.98.7.9"}}}
    assert ask(docker_host, "POST", "/networks/home/connect", plug).status == 200
    container.reload()
    assert set(container.attrs["NetworkSettings"]["Networks"]) == {"bridge", "home"}
    again = refused(docker_host, "POST", "/networks/home/connect", plug)
    assert again == (403, "container cc is in network home already")
    unplug = {"Container": "cc", "Force": True}
    assert ask(docker_host, "POST", "/networks/home/disconnect", unplug).status == 200
    assert refused(docker_host, "POST", "/networks/home/disconnect", unplug)[0] == 404
    assert ask(docker_host, "DELETE", "/networks/home").status == 204
    assert refused(docker_host, "GET", "/networks/home") == (404, "network home not found")


def test_networks_that_cannot_be(engine: Engine, docker_host: str) -> None:
    engine.networks.create("taken", ipam={"Config": [{"Subnet": "10.98.8.0/24"}]})

    def create(**body: Any) -> tuple[int, str]:
        return refused(docker_host, "POST", "/networks/create", body)

    assert create(Name="taken") == (409, "network with name taken already exists")
    overlapping = {"Config": [{"Subnet": "10.98.8.0/25"}]}
    assert create(Name="other", IPAM=overlapping)[0] == 403
    assert create(Name="bridge") == (
        403,
        "operation is not permitted on predefined bridge network",
    )
    assert create(Name="x", Driver="nope") == (404, 'plugin "nope" not found')
    assert create(Name="x", Driver="host")[0] == 403
    assert create(Name="x", Driver="overlay") == (503, NO_MANAGER)
    assert create(Name="x", Scope="swarm")[0] == create(Name="x", Ingress=True)[0] == 403
    assert create(Name="x", IPAM={"Config": [{"Subnet": "bad"}]})[0] == 400
    assert create(Name="a b")[0] == create(Name="")[0] == 400
    wrong = create(Name="x", IPAM={"Config": [{"Subnet": 7}]})
    assert wrong[0] == 400
    assert wrong[1].startswith("body.IPAM.Config[0].Subnet: expected JSON type string")
    assert create(Name="x", ConfigOnly=True)[0] == create(Name="x", EnableIPv4=False)[0] == 501
    assert refused(docker_host, "DELETE", "/networks/host") == (
        403,
        "host is a pre-defined network and cannot be removed",
    )
    pruned = ask(docker_host, "POST", "/networks/prune").json
    assert pruned == {"NetworksDeleted": ["taken"]}


def test_who_is_in_a_network_and_keeps_it(engine: Engine, docker_host: str) -> None:
    engine.networks.create("home", ipam={"Config": [{"Subnet": "10.98.9.0/24"}]})
    container = engine.containers.run(
        "onggi/base", ["sleep", "60"], detach=True, network="home", name="cc"
    )
    network = ask(docker_host, "GET", "/networks/home").json
    assert network["Containers"][container.id]["IPv4Address"] == "10.98.9.2/24"
    status, message = refused(docker_host, "DELETE", "/networks/home")
    assert (status, "active endpoints" in message) == (403, True)
    unplug = {"Container": "cc"}
    assert ask(docker_host, "POST", "/networks/home/disconnect", unplug).status == 200
    assert ask(docker_host, "DELETE", "/networks/home").status == 204


def test_a_volume_s_life(engine: Engine, docker_host: str) -> None:
    body = {"Name": "data", "Driver": "local", "DriverOpts": {}, "Labels": {"a": "b"}}
    made = ask(docker_host, "POST", "/volumes/create", body)
    assert made.status == 201
    assert made.json == ask(docker_host, "GET", "/volumes/data").json
    assert set(api.members("Volume")) - set(made.json) == {
        *("Status", "ClusterVolume", "UsageData")
    }
    listed = ask(docker_host, "GET", filtered("/volumes", name="dat")).json
    assert [each["Name"] for each in listed["Volumes"]] == ["data"]
    engine.containers.create("onggi/base", ["true"], name="cc", volumes=["data:/data"])
    assert refused(docker_host, "DELETE", "/volumes/data")[0] == 409
    engine.containers.get("cc").remove()
    assert ask(docker_host, "DELETE", "/volumes/data").status == 204
    assert refused(docker_host, "DELETE", "/volumes/data")[0] == 404
    assert ask(docker_host, "DELETE", "/volumes/data?force=1").status == 204
    assert refused(docker_host, "GET", "/volumes/data")[0] == 404
    assert refused(docker_host, "POST", "/volumes/create", {"Name": "a/b"})[0] == 400
    nobody = {"Name": "x", "Driver": "nope"}
    assert refused(docker_host, "POST", "/volumes/create", nobody)[0] == 404
    assert refused(docker_host, "POST", "/volumes/create", {"Name": 7}) == (
        400,
        "body.Name: expected JSON type string, found integer",
    )
    assert refused(docker_host, "PUT", "/volumes/x?version=1", {})[0] == 503


def test_a_prune_of_volumes_is_that_of_the_client_s_version(docker_host: str) -> None:
    for name in ("named", ""):
        ask(docker_host, "POST", "/volumes/create", {"Name": name})
    newer = ask(docker_host, "POST", "/v1.42/volumes/prune").json
    assert len(newer["VolumesDeleted"]) == 1
    older = ask(docker_host, "POST", "/v1.41/volumes/prune").json
    assert older["VolumesDeleted"] == ["named"]


def test_this_engine_is_in_no_swarm_and_has_no_plugins(docker_host: str) -> None:
    for path in ("/swarm", "/nodes", "/services", "/tasks/x/logs", "/secrets", "/configs/x"):
        assert refused(docker_host, "GET", path) == (503, NO_MANAGER)
    assert refused(docker_host, "POST", "/swarm/leave") == (503, "This node is not part of a swarm")
    status, message = refused(docker_host, "POST", "/swarm/init", {"ListenAddr": "0.0.0.0"})
    assert (status, "POST /swarm/init" in message) == (501, True)
    assert ask(docker_host, "GET", "/plugins").json == []
    assert refused(docker_host, "GET", "/plugins/x/json") == (404, 'plugin "x" not found')


@pytest.mark.parametrize("path", ["/session", "/v1.47/grpc"])
def test_buildkit_is_told_how_to_go_without(unwatched_host: str, path: str) -> None:
    status, message = refused(unwatched_host, "POST", path)
    assert (status, "DOCKER_BUILDKIT=0" in message) == (501, True)
