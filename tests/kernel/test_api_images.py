"""Docker's API of images and builds, and that nothing half done stays when somebody vanishes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import io
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from docker_host import (
    Reply,
    ask,
    context,
    half_done,
    length,
    request,
    serving,
    sleepers,
    wait_until,
)
from own_registry import running_registry
from registries import HTPASSWD, PASSWORD, USER, free_port

from runtime.engine import Engine
from runtime.oci.descriptor import CONFIG, LAYER, MANIFEST

PATIENCE_S = 60
IMAGE = "onggi/base"


def build(host: str, archive: bytes, **query: Any) -> Reply:
    """POST /build."""
    path = f"/v1.47/build?{urlencode(query, doseq=True)}"
    return ask(host, "POST", path, archive, Content_Type="application/x-tar")


def lines(reply: Reply) -> list[dict[str, Any]]:
    """The documents of a stream."""
    assert reply.status == 200, reply
    return [json.loads(line) for line in reply.body.splitlines()]


def said(reply: Reply) -> str:
    """All that a build has said."""
    return "".join(line.get("stream", "") for line in lines(reply))


def test_a_build_says_its_steps_and_the_image(engine: Engine, docker_host: str) -> None:
    archive = context(
        Dockerfile=f"FROM {IMAGE} AS one\nARG V\nARG W=w\nCOPY f /f\n"
        "RUN echo got $V$W $(cat /f); grep -c 10.9.8.7 /etc/hosts; ulimit -n\n"
        'FROM one\nCMD ["x"]\n',
        f="file",
    )
    query = {
        "t": ["api/built:1", "api/built:2"],
        "buildargs": '{"V":"v","W":null}',
        "labels": '{"kind":"test"}',
        "extrahosts": "up:10.9.8.7",
        "ulimits": '[{"Name":"nofile","Soft":77,"Hard":88}]',
        "memory": 64 << 20,
        "target": "one",
        "dockerfile": "Dockerfile",
    }
    first = build(docker_host, archive, **query)
    text = said(first)
    assert text.startswith(f"Step 1/5 : FROM {IMAGE} AS one\nStep 2/5 : ARG V\n")
    assert "got vw file\n1\n77\n" in text
    image = engine.images.get("api/built:1")
    end = f"Successfully built {image.id[7:19]}\nSuccessfully tagged api/built:1\n"
    assert text.endswith(f"{end}Successfully tagged api/built:2\n")
    assert {"aux": {"ID": image.id}} in lines(first)
    assert image.labels["kind"] == "test" and image.tags == ["api/built:1", "api/built:2"]
    again = said(build(docker_host, archive, **query))
    assert again.count(" ---> Using cache\n") == 2 and "got vw" not in again
    quiet = build(docker_host, archive, q="1", **query)
    assert lines(quiet) == [{"stream": f"{image.id}\n"}]


def test_a_build_that_fails_says_why(engine: Engine, docker_host: str) -> None:
    failed = build(docker_host, context(Dockerfile=f"FROM {IMAGE}\nRUN echo so; exit 3\n"))
    assert "so\n" in said(failed)
    *_, last = lines(failed)
    assert last["errorDetail"]["code"] == 3 and "Dockerfile:2" in last["error"]
    assert last["errorDetail"]["message"] == last["error"]
    quiet = build(docker_host, context(Dockerfile=f"FROM {IMAGE}\nRUN exit 3\n"), q="1")
    assert "Step 2/2" in said(quiet) and "error" in lines(quiet)[-1]
    wrong = build(docker_host, context(Dockerfile="FROM x\nFOO\n"))
    assert wrong.status == 400 and "unknown instruction: FOO" in wrong.message
    missing = build(docker_host, context(f="x"))
    assert missing.status == 400 and missing.message.endswith("Dockerfile: Dockerfile")
    for path in ("/etc/passwd", "../../../../../../etc/passwd"):  # a file of this host
        reply = build(docker_host, context(f="x"), dockerfile=path)
        assert reply.status == 400 and reply.message.endswith("Dockerfile: etc/passwd")
    for query, words in (
        ({"buildargs": "{"}, "buildargs"),
        ({"labels": '["x"]'}, "labels"),
        ({"shmsize": "x"}, "shmsize"),
        ({"version": "2"}, "DOCKER_BUILDKIT=0"),
        ({"remote": "client-session"}, "DOCKER_BUILDKIT=0"),
        ({"squash": "1"}, "squash"),
        ({"networkmode": "nosuch"}, "nosuch"),
    ):
        reply = build(docker_host, context(Dockerfile=f"FROM {IMAGE}\n"), **query)
        assert reply.status == 400 and words in reply.message, reply
    nothing = build(docker_host, b"this is no archive" * 100)
    assert nothing.status == 400 and "archive" in nothing.message


def test_images_come_and_go(engine: Engine, docker_host: str) -> None:
    before = len(ask(docker_host, "GET", "/images/json").json)
    assert ask(docker_host, "POST", f"/images/{IMAGE}/tag?repo=api/x&tag=1").status == 201
    assert ask(docker_host, "POST", f"/images/{IMAGE}/tag?repo=api/X&tag=1").status == 400
    assert ask(docker_host, "POST", "/images/nosuch/tag?repo=x").status == 404
    assert len(ask(docker_host, "GET", "/images/json").json) == before
    filters = quote('{"reference":{"api/x":true}}')
    (listed,) = ask(docker_host, "GET", f"/v1.41/images/json?filters={filters}&shared-size=1").json
    assert listed["RepoTags"] == ["api/x:1"] and listed["VirtualSize"] == listed["Size"]
    assert listed["SharedSize"] >= 0
    shown = ask(docker_host, "GET", "/v1.47/images/api/x:1/json").json
    assert shown["Id"] == listed["Id"] and "Descriptor" not in shown
    assert "ContainerConfig" in shown, "docker-compose 1.29 needs it in the newest version, too"
    assert "VirtualSize" not in shown
    assert "VirtualSize" in ask(docker_host, "GET", "/v1.41/images/api/x:1/json").json
    assert ask(docker_host, "GET", "/images/api/x:1/history").json[0]["Id"] == listed["Id"]
    assert ask(docker_host, "GET", "/images/nosuch/json").status == 404

    archive = ask(docker_host, "GET", "/images/api/x:1/get")
    assert archive.headers["Content-Type"] == "application/x-tar"
    assert ask(docker_host, "GET", "/images/get?names=api/x:1").body == archive.body
    assert ask(docker_host, "GET", "/images/get?names=nosuch").status == 404
    gone = ask(docker_host, "DELETE", "/images/api/x:1").json
    assert gone == [{"Untagged": "api/x:1"}]
    loaded = ask(docker_host, "POST", "/images/load?quiet=1", archive.body, Content_Type="x-tar")
    assert said(loaded) == "Loaded image: api/x:1\n"
    assert ask(docker_host, "POST", "/images/load", b"no archive", Content_Type="x").status == 400

    container = engine.containers.create(IMAGE, ["true"], name="api", environment=["A=1", "B=1"])
    body = {"Env": ["B=2"], "Labels": {"kind": "committed"}, "User": "7"}
    query = urlencode(
        {"container": "api", "repo": "api/committed", "tag": "1", "changes": "ENV C=3"}
    )
    committed = ask(docker_host, "POST", f"/commit?{query}&comment=why", body)
    assert committed.status == 201
    image = engine.images.get("api/committed:1")
    assert committed.json == {"Id": image.id} and image.history()[0]["Comment"] == "why"
    config = image.config.config
    assert config.user == "7" and config.labels["kind"] == "committed" and config.cmd == ("true",)
    assert {"A=1", "B=2", "C=3"} <= set(config.env) and "B=1" not in config.env
    assert ask(docker_host, "POST", f"/commit?{query}", {"Env": "B"}).status == 400
    container.remove()

    query = urlencode({"fromSrc": "-", "repo": "api/imported:1", "changes": "CMD x"})
    imported = ask(
        docker_host, "POST", f"/images/create?{query}", context(f="x"), Content_Type="text/plain"
    )
    image = engine.images.get("api/imported:1")
    assert lines(imported) == [{"status": image.id}]
    assert image.history()[0]["Comment"] == "Imported from -"
    filters = quote('{"dangling":["false"],"label":["kind"]}')
    pruned = ask(docker_host, "POST", f"/images/prune?filters={filters}").json
    assert {"Untagged": "api/committed:1"} in pruned["ImagesDeleted"]
    assert ask(docker_host, "POST", "/build/prune?filters=").json["SpaceReclaimed"] >= 0
    old = quote('{"until":{"24h":true}}')
    assert ask(docker_host, "POST", f"/build/prune?all=1&filters={old}").status == 200
    assert ask(docker_host, "POST", "/build/prune?filters=%7B%22x%22:[]%7D").status == 400


def test_registries_with_the_credentials_of_the_client(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that wants a password, and one that is Docker Hub's mirror."""
    monkeypatch.delenv("ONGGI_PULL")
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    (tmp_path / "mirror").mkdir()
    known = base64.urlsafe_b64encode(
        json.dumps({"username": USER, "password": PASSWORD}).encode()
    ).decode()
    with (
        running_registry(tmp_path, "--htpasswd", tmp_path / "htpasswd") as guarded,
        running_registry(tmp_path / "mirror") as mirror,
        serving(
            tmp_path / "s",
            *("--group", "root", "--registry-mirror", f"http://127.0.0.1:{free_port()}"),
            *("--registry-mirror", f"http://{mirror.host}/"),
        ) as server,
    ):
        host, name = server.host, f"{guarded.host}/api/app"
        small = context(Dockerfile='FROM scratch\nCOPY f /\nCMD ["app"]\n', f="small")
        engine.images.build(fileobj=io.BytesIO(small), tag=[f"{name}:1"])
        refused = lines(ask(host, "POST", f"/images/{name}/push?tag=1"))
        assert refused[0] == {"status": f"The push refers to repository [{name}]"}
        assert "refuses access" in refused[-1]["error"]
        pushed = lines(ask(host, "POST", f"/images/{name}/push?tag=1", X_Registry_Auth=known))
        digest = pushed[-1]["aux"]["Digest"]
        assert any(line.get("status") == "Pushed" for line in pushed)
        nothing = lines(ask(host, "POST", f"/images/{name}/push?tag=2", X_Registry_Auth=known))
        assert "does not exist locally with the tag" in nothing[-1]["error"]

        assert ask(host, "GET", f"/distribution/{name}:1/json").status == 401
        found = ask(host, "GET", f"/distribution/{name}:1/json", X_Registry_Auth=known).json
        assert found["Descriptor"]["digest"] == digest and found["Platforms"][0]["os"] == "linux"

        engine.images.remove(f"{name}:1")
        source = f"/images/create?fromImage={name}&tag=1"
        nobody = ask(host, "POST", source)
        assert nobody.status == 500 and "refuses access" in nobody.message  # as with docker
        missing = ask(host, "POST", f"/images/create?fromImage={name}&tag=9", X_Registry_Auth=known)
        assert missing.status == 404 and "manifest for api/app:9 not found" in missing.message
        pulled = lines(ask(host, "POST", source, X_Registry_Auth=known))
        assert pulled[0] == {"status": "Pulling from api/app", "progressDetail": {}, "id": "1"}
        assert pulled[-1]["status"] == f"Status: Downloaded newer image for {name}:1"

        engine.images.remove(f"{name}:1")
        recipe = context(Dockerfile=f"FROM {name}:1\n")
        assert "error" in lines(build(host, recipe))[-1]
        config = base64.urlsafe_b64encode(
            json.dumps({guarded.host: {"username": USER, "password": PASSWORD}}).encode()
        ).decode()
        with_config = ask(
            host, "POST", "/build", recipe, Content_Type="x", X_Registry_Config=config
        )
        assert "Successfully built" in said(with_config)

        engine.images.get(f"{name}:1").tag(f"{mirror.host}/library/api-mirrored:1")
        engine.images.push(f"{mirror.host}/library/api-mirrored", "1")
        ask(host, "POST", "/images/create?fromImage=api-mirrored&tag=1")
        assert engine.images.get("api-mirrored:1").id == engine.images.get(f"{name}:1").id


def test_a_base_image_is_made_where_a_client_pulls_it(engine: Engine, docker_host: str) -> None:
    before = engine.images.get(IMAGE).id
    source = f"/images/create?fromImage=docker.io%2F{quote(IMAGE, safe='')}&tag=latest"
    there = lines(ask(docker_host, "POST", source))
    assert there == [{"status": f"Status: Image is up to date for {IMAGE}:latest"}]
    engine.images.remove(IMAGE)
    *steps, last = lines(ask(docker_host, "POST", source))
    assert steps and last["status"].startswith("Status: Made of this host's own files")
    assert engine.images.get(IMAGE).id == before


def test_who_vanishes_leaves_nothing_half_done(
    engine: Engine, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = engine.root
    archive = context(Dockerfile=f"FROM {IMAGE}\nRUN sleep 7531\n", big="x" * 100_000)
    clean = half_done(root)
    with request(docker_host, "POST /build HTTP/1.1", length(archive)[:50_000]):
        wait_until(lambda: half_done(root) != clean)
    wait_until(lambda: half_done(root) == clean)

    saved = b"".join(engine.images.save(IMAGE))
    with request(docker_host, "POST /images/load HTTP/1.1", length(saved)[:1_000_000]):
        wait_until(lambda: half_done(root) != clean)
    wait_until(lambda: half_done(root) == clean)

    with request(docker_host, "POST /build HTTP/1.1", length(archive)) as client:
        heard = b""
        while b"RUN sleep" not in heard:
            heard += client.recv(65536)
        wait_until(lambda: bool(sleepers("sleep\x007531")))
    wait_until(lambda: not sleepers("sleep\x007531"))
    wait_until(lambda: half_done(root) == clean)

    with half_a_layer() as (registry, asked, hung_up):
        head = f"POST /images/create?fromImage={registry}/api/x&tag=1 HTTP/1.1"
        with request(docker_host, head, length(b"")):
            assert asked.wait(PATIENCE_S)
            wait_until(lambda: half_done(root) != clean)
        assert hung_up.wait(PATIENCE_S)
    wait_until(lambda: half_done(root) == clean)
    assert ask(docker_host, "GET", "/images/json").status == 200


@contextlib.contextmanager
def half_a_layer() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A registry whose layer never comes to its end; whether it was asked for that, and whether the
    engine has hung up on it.
    """
    asked, hung_up, layer = threading.Event(), threading.Event(), bytes(1 << 20)
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    parts = {f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in (layer, config)}
    of_layer, of_config = (
        {"mediaType": kind, "digest": digest, "size": len(data)}
        for kind, (digest, data) in zip((LAYER, CONFIG), parts.items(), strict=True)
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": of_config,
        "layers": [of_layer],
    }

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            last = self.path.rpartition("/")[2]
            data = parts.get(last, json.dumps(manifest).encode() if last == "1" else b"{}")
            self.send_response(200)
            self.send_header("Content-Type", MANIFEST)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if data != layer:
                self.wfile.write(data)
                return
            self.wfile.write(data[: len(data) // 2])
            asked.set()
            self.connection.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionError):
                self.connection.recv(1)
            hung_up.set()

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked, hung_up
        finally:
            server.shutdown()


@pytest.mark.needs("git")
def test_a_build_from_a_repository_or_an_address(
    engine: Engine, docker_host: str, tmp_path: Path
) -> None:
    work = tmp_path / "repositories" / "app.git"
    work.mkdir(parents=True)

    def git(*words: str) -> None:
        names = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *names, *words], cwd=work, check=True, capture_output=True)

    git("init", "-b", "main")
    (work / "sub").mkdir()
    (work / "sub" / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY . /app\nRUN ls -A /app\n")
    (work / "out").symlink_to("/etc")
    git("add", "-A")
    git("commit", "-m", "one")
    git("branch", "other")
    port = free_port()
    place = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True)
    program = f"{place.stdout.strip()}/git-daemon"  # `git daemon` would be its parent
    command = [program, "--export-all", "--reuseaddr", "--listen=127.0.0.1"]
    command += [f"--port={port}", f"--base-path={work.parent}", str(work.parent)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as daemon:
        try:
            base = f"git://127.0.0.1:{port}/app.git"

            def answers() -> bool:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    return True
                return False

            wait_until(answers)
            built = said(build(docker_host, b"", remote=f"{base}#other:sub"))
            assert "\nDockerfile\n" in built and "Successfully built" in built
            image, _ = engine.images.build(f"{base}#:sub")
            assert image.id[7:19] in built
            for wrong in ("#nosuch", "#:nosuch", "#:out", "#--upload-pack=x"):
                reply = build(docker_host, b"", remote=base + wrong)
                assert reply.status == 400, reply
            outside = build(docker_host, b"", remote=f"{base}#:sub", dockerfile="/etc/passwd")
            assert outside.status == 400
        finally:
            daemon.kill()
    assert build(docker_host, b"", remote="git://127.0.0.1:1/x.git").status == 400
    assert build(docker_host, b"", remote="http://127.0.0.1:1/x.tar").status == 400
