"""Docker's own SDK for Python, as it is, against our server; every answer before the witness."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound

from runtime.engine import Engine

pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(300)]

BASE = "onggi/base"


@pytest.fixture
def client(docker_host: str) -> Iterator[Any]:
    client = docker.DockerClient(base_url=docker_host, version="auto", timeout=60)
    yield client
    client.close()


@pytest.fixture
def unwatched(unwatched_host: str) -> Iterator[Any]:
    """For exec: the SDK loses the words that come along with an answer's headers. Our server waits
    until those have been read, but it cannot wait for who reads behind the witness.
    """
    client = docker.DockerClient(base_url=unwatched_host, version="auto", timeout=60)
    yield client
    client.close()


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def tar_of(**files: str) -> bytes:
    """`_` in a name stands for a dot."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return whole.getvalue()


def test_the_engine(client: Any) -> None:
    assert client.ping() is True
    assert client.api.api_version == "1.47"
    assert client.version()["Components"][0]["Name"] == "Engine"
    assert client.info()["Swarm"]["LocalNodeState"] == "inactive"
    assert client.df()["Containers"] == []
    assert client.plugins.list() == []
    with pytest.raises(APIError) as caught:
        client.services.list()
    assert caught.value.status_code == 503
    with pytest.raises(APIError) as caught:
        client.images.search("anything")
    assert caught.value.status_code == 501


def test_running(client: Any) -> None:
    assert client.containers.run(BASE, ["echo", "hello"], remove=True) == b"hello\n"
    with pytest.raises(ContainerError) as caught:
        client.containers.run(BASE, sh("echo bad >&2; exit 3"), remove=True)
    assert (caught.value.exit_status, caught.value.stderr) == (3, b"bad\n")
    with pytest.raises(ImageNotFound):
        client.images.get("nobody/nothing")
    with pytest.raises(APIError):
        client.containers.run(BASE, ["no-such-command"], remove=True)
    with pytest.raises(NotFound):
        client.containers.get("nobody")
    assert client.containers.list(all=True, filters={"status": "running"}) == []


def test_a_container_s_life(client: Any) -> None:
    container = client.containers.run(
        BASE,
        sh("echo out; echo err >&2; trap 'exit 5' TERM; while :; do sleep 0.05; done"),
        detach=True,
        name="web",
        hostname="pot",
        environment={"JAR": "clay"},
        labels={"tier": "front"},
        mem_limit="64m",
        cap_drop=["NET_RAW"],
        tmpfs={"/scratch": "size=1m"},
        healthcheck={"test": ["CMD", "true"], "interval": 10**9},
        stop_signal="SIGTERM",
    )
    assert [each.name for each in client.containers.list(filters={"label": "tier=front"})] == [
        "web"
    ]
    assert container.attrs["HostConfig"]["Memory"] == 64 << 20
    followed = container.logs(stream=True, follow=True, stdout=True, stderr=False)
    assert next(followed) == b"out\n"
    followed.close()
    assert sorted(container.logs().splitlines()) == [b"err", b"out"]
    assert container.top()["Titles"]
    assert container.stats(stream=False)["memory_stats"]["limit"] == 64 << 20
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("net")
    container.update(mem_limit="80m", memswap_limit="80m")
    container.reload()
    assert (container.name, container.attrs["HostConfig"]["Memory"]) == ("net", 80 << 20)
    container.restart(timeout=10)
    container.kill()
    assert container.wait(timeout=60)["StatusCode"] == 137
    container.start()
    container.stop(timeout=10)
    assert container.wait()["StatusCode"] == 5
    container.remove()
    assert client.containers.list(all=True) == []


def test_exec(unwatched: Any) -> None:
    container = unwatched.containers.run(
        BASE, ["sleep", "60"], hostname="pot", environment={"JAR": "clay"}, detach=True
    )
    for _ in range(5):
        assert container.exec_run(["hostname"]) == (0, b"pot\n")
    code, (out, err) = container.exec_run(sh("echo $JAR; echo no >&2; exit 4"), demux=True)
    assert (code, out, err) == (4, b"clay\n", b"no\n")
    container.remove(force=True)


def test_talking_to_a_program(client: Any) -> None:
    container = client.containers.create(BASE, ["cat"], stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"half a connection\n")
    socket._sock.shutdown(1)
    heard = b""
    while data := socket._sock.recv(1000):
        heard += data
    assert heard == b"\x01\0\0\0\0\0\0\x12half a connection\n"
    socket.close()
    assert container.wait()["StatusCode"] == 0
    container.remove()


def test_files(client: Any) -> None:
    container = client.containers.create(BASE, ["cat", "/etc/note.txt"])
    assert container.put_archive("/etc", tar_of(note_txt="read me\n"))
    stream, stat = container.get_archive("/etc/note.txt")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        assert archive.extractfile("note.txt").read() == b"read me\n"  # type: ignore[union-attr]
    assert (stat["name"], stat["size"]) == ("note.txt", 8)
    container.start()
    assert container.wait()["StatusCode"] == 0
    assert container.logs() == b"read me\n"
    assert {"Path": "/etc/note.txt", "Kind": 1} in container.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
        assert "etc/note.txt" in archive.getnames()
    image = container.commit("kept", "1", message="as it was", changes=["CMD echo changed"])
    container.remove()
    assert client.containers.run(image, remove=True) == b"changed\n"
    client.images.remove("kept:1")


def test_images(client: Any) -> None:
    recipe = f'FROM {BASE}\nARG WHO=nobody\nRUN echo $WHO > /who\nCMD ["cat", "/who"]\n'
    context = io.BytesIO(tar_of(Dockerfile=recipe))
    image, log = client.images.build(
        fileobj=context, custom_context=True, tag="made:1", buildargs={"WHO": "potter"}, rm=True
    )
    assert any("Successfully built" in line.get("stream", "") for line in log)
    assert client.containers.run("made:1", remove=True) == b"potter\n"
    assert image.tag("made", "2")
    assert {"made:1", "made:2"} <= {tag for each in client.images.list("made") for tag in each.tags}
    assert image.history()[0]["Id"] == image.id
    saved = b"".join(client.images.get("made:2").save(named="made:2"))
    client.images.remove("made:1")
    client.images.remove("made:2")
    (loaded,) = client.images.load(saved)
    assert (loaded.id, "made:2" in loaded.tags) == (image.id, True)
    client.images.remove("made:2")
    bad = io.BytesIO(tar_of(Dockerfile=f"FROM {BASE}\nRUN exit 7\n"))
    with pytest.raises(BuildError, match=r"code:? 7"):
        client.images.build(fileobj=bad, custom_context=True)
    assert client.images.prune()["SpaceReclaimed"] >= 0


def test_networks_and_volumes(client: Any, engine: Engine) -> None:
    pool = docker.types.IPAMPool(subnet="10.98.4.0/24", gateway="10.98.4.1")
    network = client.networks.create(
        "home", driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"a": ""}
    )
    assert [each.name for each in client.networks.list(names=["home"])] == ["home"]
    volume = client.volumes.create("data", labels={"b": ""})
    mount = docker.types.Mount("/data", "data")
    write = sh("echo kept > /data/file")
    client.containers.run(BASE, write, mounts=[mount], remove=True)
    lister = client.containers.run(
        BASE, ["sleep", "60"], volumes={"data": {"bind": "/data", "mode": "ro"}}, detach=True
    )
    assert lister.exec_run(["test", "-s", "/data/file"]).exit_code == 0
    network.connect(lister, aliases=["shelf"], ipv4_address="10.98.4.9")
    network.reload()
    assert [each.id for each in network.containers] == [lister.id]
    found = client.containers.run(BASE, ["cat", "/etc/hosts"], network="home", remove=True)
    assert b"10.98.4." in found
    with pytest.raises(APIError) as caught:
        volume.remove()
    assert caught.value.status_code == 409
    network.disconnect(lister)
    lister.remove(force=True)
    network.remove()
    volume.remove(force=True)
    with pytest.raises(NotFound):
        client.networks.get("home")
    with pytest.raises(NotFound):
        client.volumes.get("data")
    assert client.volumes.prune()["VolumesDeleted"] in (None, [])


def test_events(client: Any) -> None:
    heard = client.events(decode=True, filters={"type": ["container", "volume"]})
    client.volumes.create("seen").remove()
    container = client.containers.create(BASE, ["true"], name="told")
    container.remove()
    actions = [(each["Type"], each["Action"]) for _, each in zip(range(4), heard, strict=False)]
    heard.close()
    assert actions == [
        ("volume", "create"),
        ("volume", "destroy"),
        ("container", "create"),
        ("container", "destroy"),
    ]
