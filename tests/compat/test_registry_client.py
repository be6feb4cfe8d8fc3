"""Our client and Debian's docker-registry: push, pull, resume, passwords, TLS; and what skopeo
and docker say of the same images. Digests agree everywhere.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import leftovers
import pytest
from dockerd import running_dockerd
from peers import Answer, Handler, running_peer, said, whole
from registries import (
    PASSWORD,
    PATIENCE_S,
    USER,
    CuttingProxy,
    RunningRegistry,
    SlowProxy,
    certificates,
    contents,
    image_of,
    running_registry,
)

from runtime.cli.main import main
from runtime.engine import Engine
from runtime.errors import NotFound, RegistryError
from runtime.oci.descriptor import LAYER_GZIP, LAYER_ZSTD, MANIFEST, Descriptor
from runtime.oci.digest import Digest

pytestmark = pytest.mark.needs("containers", "docker-registry", "skopeo", "openssl", "ip")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One without a password for all tests of this file."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def ours(state_root: Path) -> Engine:
    """An engine without any image."""
    return Engine(state_root)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """A second engine, as on another host."""
    yield Engine(tmp_path / "other")
    leftovers.end_launchers(tmp_path / "other")


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker/config.json"


def nothing_half_made(engine: Engine) -> bool:
    return not any(engine.images.content.ingest.iterdir())


def skopeo(*line: str) -> str:
    command = ["skopeo", *line]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Done:
    """What a command line has come to."""

    returncode: int
    stdout: str
    stderr: str


Onggi = Callable[..., Done]


@pytest.fixture
def onggi(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Onggi:
    """The command, in this process; `stdin` is what it is given to read."""

    def carry_out(*line: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        code = main(line)
        return Done(code, *capfd.readouterr())

    return carry_out


def test_an_image_travels_to_another_engine_and_runs_there(
    engine: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nRUN echo hello >/said\nCMD cat /said\n")
    name = f"{registry.host}/travels/app:1"
    image, _ = engine.images.build(tmp_path, tag=name)
    pushed = [json.loads(line) for line in engine.images.push(name).splitlines()]
    digest = pushed[-1]["aux"]["Digest"]
    assert image.attrs["RepoDigests"] == [f"{registry.host}/travels/app@{digest}"]
    came = other.images.pull(name)
    assert came.id == image.id
    assert came.attrs["RepoDigests"] == image.attrs["RepoDigests"]
    assert {layer.media_type for layer in came.manifest.layers} == {LAYER_GZIP}
    by_digest = f"{registry.host}/travels/app@{digest}"
    assert other.containers.run(by_digest, remove=True, network="none") == b"hello\n"
    assert skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{name}").encode() == (
        other.images.content.read(came.manifest_digest)
    )
    other.images.remove(name)
    assert other.images.list() == []


def test_only_what_is_missing_travels(
    ours: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    image_of(ours, f"{registry.host}/missing/app:1", b"base" * 5000, b"app, version 1")
    image_of(ours, f"{registry.host}/missing/app:2", b"base" * 5000, b"app, version 2")
    image_of(ours, f"{registry.host}/missing/copy:1", b"base" * 5000, b"app, version 1")
    statuses: dict[str, list[list[str]]] = {}
    for name in ("app:1", "app:1", "app:2", "copy:1"):
        lines = ours.images.push(f"{registry.host}/missing/{name}", stream=True, decode=True)
        layers = [line for line in lines if line.get("id") and "progressDetail" in line]
        last = {line["id"]: line["status"] for line in layers}
        statuses[name] = [*statuses.get(name, []), sorted(last.values())]
    assert statuses == {
        "app:1": [["Pushed", "Pushed"], ["Layer already exists"] * 2],
        "app:2": [["Layer already exists", "Pushed"]],
        "copy:1": [["Mounted from missing/app"] * 2],
    }
    first = other.images.pull(f"{registry.host}/missing/app", "1")
    before = len(registry.requests("GET"))
    second = other.images.pull(f"{registry.host}/missing/app", "2")
    blobs = [each for each in registry.requests("GET")[before:] if "/blobs/" in each]
    assert len(blobs) == 2, "the config and the layer that is new"
    assert contents(other, first) == [b"base" * 5000, b"app, version 1"]
    assert contents(other, second) == [b"base" * 5000, b"app, version 2"]


def test_layers_travel_at_the_same_time(ours: Engine, other: Engine) -> None:
    """A registry that answers about a layer only when two are under way: one after the other they
    would wait for ever.
    """
    name, meeting = "/v2/app/blobs/uploads/", threading.Barrier(2)

    def together(answer: Answer) -> Answer:
        def met(handler: Handler) -> None:
            if len(handler.body or b"x" * 1000) > 500:  # not the config
                meeting.wait(PATIENCE_S)
            answer(handler)

        return met

    with running_peer() as peer:
        image = image_of(ours, f"{peer.host}/app:1", os.urandom(2000), os.urandom(2000))
        peer.answers[f"POST {name}"] = said(202, Location=f"{name}1")
        peer.answers[f"PATCH {name}1"] = together(said(202, Location=f"{name}1"))
        peer.answers[f"PUT {name}1"] = peer.answers["PUT /v2/app/manifests/1"] = said(201)
        ours.images.push(f"{peer.host}/app:1")
        manifest = ours.images.content.read(image.manifest_digest)
        peer.answers["GET /v2/app/manifests/1"] = whole(manifest, Content_Type=MANIFEST)
        for part in (image.manifest.config, *image.manifest.layers):
            answer = whole(ours.images.content.read(part.digest))
            is_layer = part in image.manifest.layers
            path = f"GET /v2/app/blobs/{part.digest}"
            peer.answers[path] = together(answer) if is_layer else answer
        assert contents(other, other.images.pull(f"{peer.host}/app:1")) == contents(ours, image)
    assert meeting.broken is False


def test_what_is_here_uncompressed_is_not_sent_again(
    ours: Engine, registry: RunningRegistry
) -> None:
    name = f"{registry.host}/here:1"
    image = image_of(ours, name, b"a layer of ours")
    ours.images.push(name)
    before = len(registry.requests("GET"))
    assert ours.images.pull(name) == image
    assert not [each for each in registry.requests("GET")[before:] if "/blobs/" in each]
    assert ours.images.get(name).manifest_digest == image.manifest_digest


def test_zstd_and_all_tags(ours: Engine, other: Engine, registry: RunningRegistry) -> None:
    repository = f"{registry.host}/tags/app"
    for tag in ("1", "2"):
        image_of(ours, f"{repository}:{tag}", b"layer", tag.encode())
    ours.images.push(repository, all_tags=True, compression="zstd")
    pulled = other.images.pull(repository, all_tags=True)
    assert sorted(tag for image in pulled for tag in image.tags) == [
        f"{repository}:1",
        f"{repository}:2",
    ]
    assert {layer.media_type for image in pulled for layer in image.manifest.layers} == {LAYER_ZSTD}
    assert contents(other, pulled[0])[0] == b"layer"


def test_skopeo_and_we_read_each_others_images(
    ours: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    image = image_of(ours, f"{registry.host}/both/ours:1", b"x" * 100_000)
    ours.images.push(f"{registry.host}/both/ours", "1")
    for theirs in ("v2s2", "oci"):
        name = f"{registry.host}/both/{theirs}:1"
        skopeo(
            *("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", theirs),
            *(f"docker://{registry.host}/both/ours:1", f"docker://{name}"),
        )
        came = other.images.pull(name)
        raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{name}").encode()
        assert other.images.content.read(came.manifest_digest) == raw
        assert contents(other, came) == [b"x" * 100_000]
        assert theirs != "oci" or came.id == image.id


def test_of_an_index_the_right_platform_comes(
    ours: Engine, other: Engine, registry: RunningRegistry
) -> None:
    from runtime.oci.descriptor import Platform
    from runtime.oci.image import Index
    from runtime.registry.client import Repository

    repository = f"{registry.host}/several"
    from runtime.engine.registries import opened

    descriptors = []
    with opened(ours.root, registry.host) as opened_registry:
        end = Repository(opened_registry, "several", "pull", "push")
        for architecture in ("amd64", "arm64"):
            name = f"{repository}:{architecture}"
            image_of(ours, name, architecture.encode(), architecture=architecture)
            ours.images.push(repository, architecture)
            fetched = end.fetch(architecture)
            descriptors.append(
                Descriptor(
                    MANIFEST,
                    fetched.digest,
                    len(fetched.data),
                    platform=Platform(architecture, "linux"),
                )
            )
        index = Index(tuple(descriptors)).to_bytes()
        end.put("all", "application/vnd.oci.image.index.v1+json", index)
    arm = other.images.pull(repository, "all", platform="linux/arm64")
    assert contents(other, arm) == [b"arm64"]
    data = other.images.get_registry_data(f"{repository}:all")
    assert data.has_platform("linux/amd64") and not data.has_platform("linux/riscv64")
    assert other.images.get(f"{repository}@{data.id}") == arm
    with pytest.raises(NotFound, match=r"no matching manifest for linux/riscv64.*linux/amd64"):
        other.images.pull(repository, "all", platform="linux/riscv64")


def test_a_password_and_a_certificate_are_needed(
    ours: Engine, other: Engine, tmp_path: Path, docker_config: Path
) -> None:
    folder = certificates(tmp_path / "tls")
    with running_registry(tmp_path / "r", password=True, certificate=folder) as registry:
        name = f"{registry.host}/private/app:1"
        image_of(ours, name, b"secret")
        authority = ours.root / "certs.d" / registry.host
        authority.mkdir(parents=True)
        try:
            # Somebody else's authority: nothing is said to whoever cannot prove who he is.
            wrong = certificates(tmp_path / "wrong")
            (authority / "ca.crt").write_bytes((wrong / "ca.crt").read_bytes())
            with pytest.raises(RegistryError, match=r"certificate .* cannot be trusted"):
                ours.images.push(name)
            assert registry.requests("GET", "HEAD", "POST") == []
            (authority / "ca.crt").write_bytes((folder / "ca.crt").read_bytes())
            with pytest.raises(RegistryError, match="refuses access") as refused:
                ours.images.push(name)
            assert refused.value.status == 401
            with pytest.raises(RegistryError) as refused:
                ours.login(USER, "wrong", registry=registry.host)
            assert refused.value.code == "UNAUTHORIZED" and not docker_config.exists()
            ours.login(USER, PASSWORD, registry=registry.host)
            assert docker_config.stat().st_mode & 0o777 == 0o600
            ours.images.push(name)
            assert contents(other, other.images.pull(name)) == [b"secret"]
            skopeo(
                *("inspect", "--tls-verify=false", "--authfile", str(docker_config)),
                f"docker://{name}",
            )
        finally:
            for file in authority.iterdir():
                file.unlink()
            authority.rmdir()


def test_what_is_missing_is_pulled_by_run_and_from(
    engine: Engine, registry: RunningRegistry, tmp_path: Path, onggi: Onggi
) -> None:
    name = f"{registry.host}/missing/tool:1"
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nRUN echo hello >/said\nCMD cat /said\n")
    first, _ = engine.images.build(tmp_path, tag=name)
    layers = first.config.diff_ids
    engine.images.push(name)
    engine.images.remove(name)
    with pytest.raises(NotFound, match="no such image"):
        engine.containers.run(name, pull="never")
    done = onggi("run", "--rm", "--network=none", "--pull=missing", name)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert f"Unable to find image '{name}' locally" in done.stderr
    assert f"Status: Downloaded newer image for {name}" in done.stderr
    engine.images.remove(name)
    (tmp_path / "Dockerfile").write_text(f"FROM {name}\nCMD echo second; cat /said\n")
    second, log = engine.images.build(tmp_path, tag="second", pull=True)
    assert engine.containers.run("second", remove=True, network="none") == b"second\nhello\n"
    assert any(b"Status: Downloaded newer" in getattr(each, "data", b"") for each in log)
    assert second.config.diff_ids[: len(layers)] == layers
    # There is a newer one: it is fetched by --pull always, and by nothing else.
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nCMD echo newer\n")
    engine.images.build(tmp_path, tag=name)
    engine.images.push(name)
    second.tag(name)
    quiet = onggi("run", "--rm", "--network=none", "-q", "--pull=always", name)
    assert (quiet.stdout, quiet.stderr) == ("newer\n", "")
    missing = onggi("run", "--pull=missing", f"{registry.host}/nosuch/image")
    assert missing.returncode == 125 and "manifest for nosuch/image:latest not found" in (
        missing.stderr
    )


def test_the_command_line_speaks_as_docker_does(
    ours: Engine, registry: RunningRegistry, tmp_path: Path, docker_config: Path, onggi: Onggi
) -> None:
    name = f"{registry.host}/words/app"
    image = image_of(ours, f"{name}:latest", b"one", b"two")
    pushed = onggi("push", name)
    digest = next(iter(image.repo_digests)).partition("@")[2]
    lines = pushed.stdout.splitlines()
    assert lines[:2] == ["Using default tag: latest", f"The push refers to repository [{name}]"]
    assert lines[-1].startswith(f"latest: digest: {digest} size: ")
    assert {line.partition(": ")[2] for line in lines[2:-1]} == {"Preparing", "Pushed"}
    pulled = onggi("pull", name).stdout.splitlines()
    assert [pulled[0], pulled[1], *pulled[-3:]] == [
        "Using default tag: latest",
        "latest: Pulling from words/app",
        f"Digest: {digest}",
        f"Status: Image is up to date for {name}:latest",
        f"{name}:latest",
    ]
    assert onggi("pull", "-q", f"{name}@{digest}").stdout == f"{name}@{digest}\n"
    assert json.loads(onggi("manifest", "inspect", name).stdout)["schemaVersion"] == 2
    listed = onggi("images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}")
    assert listed.stdout == f"{name} latest {digest}\n"
    refused = onggi("pull", f"{name}:nosuch")
    assert refused.returncode == 1 and "manifest for words/app:nosuch not found" in refused.stderr
    assert onggi("pull", "-a", f"{name}:1").returncode == 1
    assert onggi("push", f"{name}:nosuch").returncode == 1
    with running_registry(tmp_path / "r", password=True) as guarded:
        command = ["login", "-u", USER, "--password-stdin", guarded.host]
        assert onggi(*command, stdin="wrong").returncode == 1
        right = onggi(*command, stdin=f"{PASSWORD}\n")
        assert right.stdout == "Login Succeeded\n" and "stored unencrypted" in right.stderr
        assert onggi("login", guarded.host).stdout.splitlines()[-1] == "Login Succeeded"
        assert guarded.host in docker_config.read_text()
        out = onggi("logout", guarded.host)
        assert out.stdout == f"Removing login credentials for {guarded.host}\n"
        assert onggi("logout", guarded.host).stdout == f"Not logged in to {guarded.host}\n"
        assert onggi("login", guarded.host).returncode == 1, "there is nobody to ask"


def test_ctrl_c_leaves_nothing_half_made_and_keeps_what_is_complete(
    ours: Engine, other: Engine, registry: RunningRegistry
) -> None:
    small, large = b"small" * 100, os.urandom(3 << 20)
    name = f"{registry.host}/interrupted/app:1"
    image_of(ours, name, small, large)
    ours.images.push(name)
    manifest = ours.images.get_registry_data(name).manifest
    kept = {Digest(manifest["layers"][0]["digest"])}
    perhaps = {Digest(manifest["config"]["digest"])}  # it travels beside the layers
    with SlowProxy(registry.port, 1 << 18) as proxy:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "runtime.cli.main",
                "pull",
                f"127.0.0.1:{proxy.port}/interrupted/app:1",
            ],
            env={**os.environ, "ONGGI_ROOT": str(other.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while not kept <= {*other.images.content.digests()}:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert kept <= {*other.images.content.digests()} <= kept | perhaps
    assert nothing_half_made(other) and other.images.list() == []
    before = len(registry.requests("GET"))
    assert contents(other, other.images.pull(name)) == [small, large]
    assert not any(str(*kept) in each for each in registry.requests("GET")[before:])


@pytest.mark.needs("dockerd")
def test_docker_pulls_what_we_pushed_and_we_pull_what_docker_pushed(
    engine: Engine, other: Engine, registry: RunningRegistry, tmp_path: Path
) -> None:
    """dockerd has its own network namespace, in which a second registry shows the same files."""
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nRUN echo hello >/said\nCMD cat /said\n")
    image, _ = engine.images.build(tmp_path, tag=f"{registry.host}/docker/app:1")
    engine.images.push(f"{registry.host}/docker/app:1")
    digest = image.repo_digests[0].partition("@")[2]
    with running_dockerd() as docker:
        within = ["nsenter", "-t", str(docker.pid), "-n"]
        subprocess.run([*within, "ip", "link", "set", "lo", "up"], check=True)
        data = registry.log.parent / "data"
        with running_registry(tmp_path / "r", data=data, within=within) as theirs:
            docker("pull", f"{theirs.host}/docker/app:1")
            seen = docker.inspect(f"{theirs.host}/docker/app:1")
            assert seen["Id"] == image.id
            assert seen["RepoDigests"] == [f"{theirs.host}/docker/app@{digest}"]
            docker("tag", f"{theirs.host}/docker/app:1", f"{theirs.host}/docker/back:1")
            docker("push", f"{theirs.host}/docker/back:1")
            theirs_digest = docker.inspect(f"{theirs.host}/docker/back:1")["RepoDigests"][-1]
    back = other.images.pull(f"{registry.host}/docker/back:1")
    assert back.id == image.id
    assert str(back.manifest_digest) == theirs_digest.partition("@")[2]
    assert other.containers.run(back, remove=True, network="none") == b"hello\n"


@pytest.mark.parametrize("seed", [7])
def test_fifty_cut_connections_corrupt_nothing(
    ours: Engine, other: Engine, registry: RunningRegistry, seed: int
) -> None:
    """Each of a push's and a pull's first connections is cut at a byte that the seed decides."""
    import random

    layers = [random.Random(seed + n).randbytes(1 << 20) for n in range(2)]
    with CuttingProxy(registry.port, 60, seed, 1 << 17) as proxy:
        name = f"127.0.0.1:{proxy.port}/cut/app:{seed}"
        image_of(ours, name, *layers)
        ours.images.push(name)
        cut = proxy.cut
    raw = skopeo(
        "inspect", "--tls-verify=false", "--raw", f"docker://{registry.host}/cut/app:{seed}"
    )
    with CuttingProxy(registry.port, 60, seed + 1, 1 << 16) as proxy:
        image = other.images.pull(f"127.0.0.1:{proxy.port}/cut/app:{seed}")
        assert cut >= 10 and cut + proxy.cut >= 50
    assert other.images.content.read(image.manifest_digest) == raw.encode()
    assert contents(other, image) == layers
    assert nothing_half_made(ours) and nothing_half_made(other)
