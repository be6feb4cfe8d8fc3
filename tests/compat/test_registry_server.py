"""Our registry, used by others and by us: skopeo, docker, podman and buildah, over TLS with a
password.

Each pushes an image and pulls it again; what comes back is what went in, and what one has pushed
the others can pull.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dockerd import running_dockerd
from own_registry import OwnRegistry, running_registry
from registries import CuttingProxy, contents, image_of
from worlds import ip, own_network

from lessons_lib.certificates import write_certificate
from lessons_lib.waiting import until
from runtime.engine import Engine
from runtime.errors import RegistryError
from runtime.registry.server.passwords import htpasswd_line

USER, PASSWORD = "bori", "ggul-tteok"
PATIENCE_S = 100

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[OwnRegistry]:
    certificate, key = write_certificate(tmp_path / "tls")
    passwords = tmp_path / "htpasswd"
    passwords.write_text(htpasswd_line(USER, PASSWORD, cost=4))
    flags: list[str | Path] = ["--tls-cert", certificate, "--tls-key", key, "--htpasswd", passwords]
    tls = ssl.create_default_context(cafile=str(certificate))
    with running_registry(tmp_path, *flags, tls=tls) as running:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        running.headers["Authorization"] = f"Basic {token}"
        yield running


@pytest.fixture
def archive(engine: Engine, tmp_path: Path) -> Path:
    """A base image as an archive that everybody reads."""
    file = tmp_path / "base.tar"
    with file.open("wb") as out:
        for piece in engine.images.get("onggi/base").save(named=True):
            out.write(piece)
    return file


def ran(*command: str | Path) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def finished_uploads(registry: OwnRegistry) -> dict[str, list[int]]:
    """Address of each upload that became a blob → how many bytes each request brought for it."""
    requests = [(each, each["path"].partition("?")[0]) for each in registry.requests()]
    done = [path for each, path in requests if each["method"] == "PUT" and "/uploads/" in path]
    return {
        finished: [each["received"] for each, path in requests if path == finished]
        for finished in done
    }


@pytest.mark.needs("skopeo")
def test_skopeo_pushes_pulls_and_lists(
    registry: OwnRegistry, archive: Path, tmp_path: Path
) -> None:
    name = f"docker://{registry.host}/team/app:1.0"
    secure = (f"--dest-cert-dir={tmp_path}/tls-ca", f"--dest-creds={USER}:{PASSWORD}")
    (tmp_path / "tls-ca").mkdir()
    (tmp_path / "tls-ca" / "ca.crt").write_bytes((tmp_path / "tls/certificate.pem").read_bytes())
    ran("skopeo", "copy", *secure, f"oci-archive:{archive}", name)
    pulled = tuple(each.replace("dest", "src") for each in secure)
    ran("skopeo", "copy", *pulled, name, f"dir:{tmp_path}/pulled")
    manifest = json.loads((tmp_path / "pulled" / "manifest.json").read_bytes())
    assert registry.ask("GET", "/v2/team/app/manifests/1.0").json == manifest
    access = (f"--cert-dir={tmp_path}/tls-ca", f"--creds={USER}:{PASSWORD}")
    assert json.loads(ran("skopeo", "list-tags", *access, name.rpartition(":")[0]))["Tags"] == [
        "1.0"
    ]
    refused = subprocess.run(
        ["skopeo", "inspect", access[0], "--creds=bori:wrong", name],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert refused.returncode != 0 and b"unauthorized" in refused.stderr


@pytest.mark.needs("podman")
def test_podman_pushes_and_pulls(registry: OwnRegistry, archive: Path) -> None:
    name = f"{registry.host}/team/podman:1.0"
    access = ["--tls-verify=false", f"--creds={USER}:{PASSWORD}"]
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="podman-") as place:  # it wants short paths
        podman = ["podman", "--root", f"{place}/root", "--runroot", f"{place}/run"]
        podman += ["--tmpdir", f"{place}/tmp", "--storage-driver", "vfs"]
        ran(*podman, "load", "-i", archive)
        ran(*podman, "tag", "onggi/base:latest", name)
        ran(*podman, "push", *access, name)
        before = json.loads(ran(*podman, "image", "inspect", name))[0]["Id"]
        ran(*podman, "rmi", "--all", "--force")
        ran(*podman, "pull", *access, name)
        assert json.loads(ran(*podman, "image", "inspect", name))[0]["Id"] == before


@pytest.mark.needs("dockerd", "ip")
def test_docker_pushes_and_pulls(archive: Path, tmp_path: Path) -> None:
    """Its daemon lives in a network of its own, so our server goes there, too. Docker speaks plain
    HTTP to a registry on its own host.
    """
    with running_dockerd() as docker:
        network = docker.network
        ran("nsenter", f"--net={network}", "ip", "link", "set", "lo", "up")
        with running_registry(tmp_path, port=5000, within=network) as registry:
            docker("load", "-i", archive)
            name = f"{registry.host}/team/docker:1.0"
            docker("tag", "onggi/base:latest", name)
            said = docker("push", name)
            digest = next(line for line in said.splitlines() if "digest: sha256:" in line)
            before = docker.inspect(name)["Id"]
            docker("rmi", "-f", before)
            assert digest.partition("digest: ")[2].split()[0] in docker("pull", name)
            assert docker.inspect(name)["Id"] == before
            docker("tag", name, f"{registry.host}/other/docker:1.0")
            mounted = docker("push", f"{registry.host}/other/docker:1.0")
            assert "Mounted from team/docker" in mounted


def test_both_ends_are_ours(
    registry: OwnRegistry, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    name, image = f"{registry.host}/team/own", engine.images.get("onggi/base")
    image.tag(name, "1")
    other = Engine(tmp_path / "other")
    for each in (engine, other):
        place = each.root / "certs.d" / registry.host
        place.mkdir(parents=True)
        shutil.copyfile(tmp_path / "tls/certificate.pem", place / "ca.crt")
    try:
        with pytest.raises(RegistryError) as refused:
            engine.images.push(name, tag="1")
        assert refused.value.status == 401
        engine.login(USER, PASSWORD, registry=registry.host)
        engine.images.push(name, tag="1")
        assert other.images.pull(name, tag="1").id == image.id
    finally:
        shutil.rmtree(engine.root / "certs.d")


@pytest.mark.needs("root", "ip")
def test_plain_http_elsewhere_needs_a_setting(
    state_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an address that is none of this host's loopback: as if it were another machine."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with own_network():
        ip("address add 10.99.0.1/32 dev lo")
        with running_registry(tmp_path, "--addr", "10.99.0.1:0") as registry:
            name = f"10.99.0.1:{registry.port}/team/plain"
            ours = Engine(state_root)
            image = image_of(ours, f"{name}:latest", b"a layer")
            for travel in (ours.images.push, ours.images.pull):
                with pytest.raises(RegistryError, match="speaks plain HTTP") as refused:
                    travel(name)
                assert f"ONGGI_INSECURE_REGISTRIES=10.99.0.1:{registry.port}" in refused.value.hint
            assert registry.requests() == [], "nothing was said in plain words"
            monkeypatch.setenv("ONGGI_INSECURE_REGISTRIES", f"10.99.0.1:{registry.port}")
            ours.images.push(name)
            assert Engine(tmp_path / "other").images.pull(name).id == image.id


@pytest.mark.needs("buildah")
def test_buildah_pushes_and_pulls(registry: OwnRegistry, archive: Path) -> None:
    name = f"{registry.host}/team/buildah:1.0"
    access = ["--tls-verify=false", f"--creds={USER}:{PASSWORD}"]
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="buildah-") as place:
        buildah = ["buildah", "--root", f"{place}/root", "--runroot", f"{place}/run"]
        buildah += ["--storage-driver", "vfs"]
        before = ran(*buildah, "pull", "-q", f"oci-archive:{archive}").strip()
        ran(*buildah, "push", "-q", *access, before, f"docker://{name}")
        ran(*buildah, "rmi", "--all", "--force")
        assert ran(*buildah, "pull", "-q", *access, name).strip() == before
        working = ran(*buildah, "from", *access, "--pull-never", name).strip()
        ran(*buildah, "config", "--label", "made-by=buildah", working)
        ran(*buildah, "commit", "-q", *access, working, f"docker://{registry.host}/team/buildah:2")
    manifest = registry.ask("GET", "/v2/team/buildah/manifests/2").json
    config = registry.ask("GET", f"/v2/team/buildah/blobs/{manifest['config']['digest']}").json
    assert config["config"]["Labels"]["made-by"] == "buildah"


def test_what_is_cut_goes_on_where_it_stopped(
    state_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ends ours, over connections that are cut at bytes that a seed decides. No byte of an
    upload is taken in twice; a download begins in the middle.
    """
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    ours, other = Engine(state_root), Engine(tmp_path / "other")
    layers = [random.Random(seed).randbytes(2 << 20) for seed in range(2)]
    (tmp_path / "server").mkdir()
    with running_registry(tmp_path / "server") as registry:
        with CuttingProxy(registry.port, 90, 7, 1 << 16) as proxy:
            name = f"127.0.0.1:{proxy.port}/cut/app"
            image = image_of(ours, f"{name}:latest", *layers)
            ours.images.push(name)
            cut = proxy.cut
        with CuttingProxy(registry.port, 90, 8, 1 << 16) as proxy:
            came = other.images.pull(f"127.0.0.1:{proxy.port}/cut/app")
            assert min(cut, proxy.cut) >= 20 and cut + proxy.cut >= 50
        assert came.id == image.id
        assert contents(other, came) == layers
        sizes = sorted(layer.size for layer in came.manifest.layers)
        assert until(lambda: len(finished_uploads(registry)) == 3), "two layers and the config"
        layered = [each for each in finished_uploads(registry).values() if sum(each) in sizes]
        assert sorted(map(sum, layered)) == sizes
        assert min(map(len, layered)) > 3, "they were cut, and went on"
        sent = [each["received"] for each in registry.requests() if each["method"] == "PATCH"]
        assert sum(sent) == sum(map(sum, finished_uploads(registry).values()))
        parts = [each["sent"] for each in registry.requests() if each["status"] == 206]
        assert len(parts) > 3 and max(parts) < max(sizes)
