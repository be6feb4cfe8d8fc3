"""Registries that mean harm: a clear refusal, nothing is stored, nothing is left half made.

Each test has a real server on loopback that lies in one way. No engine is needed: what a pull
leaves is seen in a content store.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import Answer, Handler, Offer, Peer, in_turn, running_peer, said, whole

from runtime.content.store import ContentStore
from runtime.engine import Engine
from runtime.errors import CutOff, IntegrityError, InvalidInput, NotFound, OnggiError, RegistryError
from runtime.oci.descriptor import INDEX, LAYER_GZIP, MANIFEST, Descriptor, Platform
from runtime.oci.digest import Digest
from runtime.registry.client import Registry, Repository
from runtime.registry.credentials import Credential
from runtime.registry.progress import tell_nobody
from runtime.registry.pull import Pulled, pull
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust

HOST = Platform("amd64", "linux")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_peer() as running:
        yield running


@pytest.fixture
def content(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


def pulled(
    peer: Peer,
    content: ContentStore,
    *,
    reference: str = "latest",
    credential: Credential | None = None,
    patience_s: float = 30,
    tries: int = 3,
) -> Pulled:
    transport = Transport(Trust(folders=()), patience_s)
    try:
        registry = Registry(peer.host, transport, credential, tries)
        return pull(Repository(registry, "app", "pull"), reference, content, HOST, tell_nobody)
    finally:
        transport.close()


def refused(
    peer: Peer, content: ContentStore, kind: type[OnggiError], said: str, **options: Any
) -> OnggiError:
    with pytest.raises(kind, match=said) as error:
        pulled(peer, content, **options)
    assert list(content.digests()) == []
    assert not content.ingest.exists() or list(content.ingest.iterdir()) == []
    return error.value


def test_an_honest_peer_is_believed(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    digest = Digest.of(offer.manifest)
    assert (
        pulled(peer, content) == pulled(peer, content, reference=digest) == Pulled(digest, digest)
    )
    assert {*content.digests()} == {
        digest,
        *map(Digest.of, (offer.config, offer.layer)),
    }


# ── Other bytes than promised ────────────────────────────────────────────────────────────────────


def test_a_layer_of_the_right_length_with_other_bytes(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    peer.answers[offer.blob(offer.layer)] = whole(bytes(len(offer.layer)))
    refused(peer, content, IntegrityError, "the bytes received are not those of")


def test_a_config_with_other_bytes(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    peer.answers[offer.blob(offer.config)] = whole(offer.config.replace(b"amd64", b"arm64"))
    refused(peer, content, IntegrityError, "the bytes received are not those of")


def test_a_manifest_with_another_digest(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    wanted = Digest.of(b"something else")
    answer = whole(offer.manifest, Content_Type=MANIFEST, Docker_Content_Digest=wanted)
    peer.answers["/v2/app/manifests/latest"] = peer.answers[f"/v2/app/manifests/{wanted}"] = answer
    refused(peer, content, IntegrityError, "not those of")
    refused(peer, content, IntegrityError, "not those of", reference=wanted)


@pytest.mark.needs("containers")
def test_a_layer_that_holds_something_else_than_the_config_lists(
    peer: Peer, state_root: Path
) -> None:
    """It is seen when the layer is unpacked: nothing of it ever runs."""
    Offer(tar=bytes(1024), layer=gzip.compress(bytes(10240))).serve(peer)  # two empty archives
    engine = Engine(state_root)
    image = engine.images.pull(f"{peer.host}/app")
    with pytest.raises(IntegrityError):
        engine.containers.create(image, "true", network="none")
    assert engine.containers.list(all=True) == []
    assert [*engine.images.snapshots.chain_ids()] == []


def test_a_layer_that_is_said_to_be_longer_or_shorter(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    peer.answers[offer.blob(offer.layer)] = whole(offer.layer + b"more")
    refused(peer, content, IntegrityError, "offers other bytes")
    peer.answers[offer.blob(offer.layer)] = whole(offer.layer[:-4])
    refused(peer, content, IntegrityError, "expected .* bytes, received")


def endless(handler: Handler) -> None:
    """Chunks without an end."""
    handler.send_response(200)
    handler.send_header("Content-Type", MANIFEST)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while not handler.server.peer.over.is_set():
        handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")


@pytest.mark.parametrize("what", ["layer", "config", "manifest"])
def test_a_body_without_an_end(peer: Peer, content: ContentStore, what: str) -> None:
    offer = Offer()
    offer.serve(peer)
    path = {
        "layer": offer.blob(offer.layer),
        "config": offer.blob(offer.config),
        "manifest": "/v2/app/manifests/latest",
    }[what]
    peer.answers[path] = endless
    refused(peer, content, OnggiError, "expected .* bytes, received|more than .* bytes")


def test_a_range_that_begins_somewhere_else(peer: Peer, content: ContentStore) -> None:
    """After a cut the rest is asked for; another part of the blob is not taken for it."""
    offer = Offer()
    offer.serve(peer)

    def cut(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(offer.layer)))
        handler.end_headers()
        handler.wfile.write(offer.layer[:20])
        handler.close_connection = True

    wrong = said(206, offer.layer[30:], Content_Range="bytes 30-99/100")
    peer.answers[offer.blob(offer.layer)] = in_turn(cut, wrong)
    refused(peer, content, IntegrityError, "offers other bytes")
    peer.answers[offer.blob(offer.layer)] = in_turn(cut, cut, whole(offer.layer))
    pulled(peer, content)  # and the honest one is resumed
    asked = [
        headers.get("Range")
        for _, path, headers in peer.requests
        if path.endswith(Digest.of(offer.layer))
    ]
    assert asked[-1] == "bytes=20-"


# ── Documents ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content_type", ["text/html", "", "application/vnd.docker.distribution.manifest.v1+prettyjws"]
)
def test_what_is_no_manifest_by_its_type(
    peer: Peer, content: ContentStore, content_type: str
) -> None:
    Offer(content_type=content_type).serve(peer)
    refused(peer, content, RegistryError, "where a manifest of an image is expected")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"mediaType": INDEX}, "says that it is something else"),
        ({"manifests": []}, "says that it is something else"),
        ({"manifests": [{}]}, "says that it is something else"),
        ({"schemaVersion": 1}, "only schemaVersion 2"),
        ({"layers": [1]}, "expected JSON type object"),
        (
            {"config": {"mediaType": "application/wasm", "digest": Digest.of(b""), "size": 0}},
            "is not what an image consists of",
        ),
        (
            {"layers": [{"mediaType": "x/y", "digest": Digest.of(b""), "size": 0}]},
            "is not what an image consists of",
        ),
        (
            {"layers": [{"mediaType": LAYER_GZIP, "digest": "sha256:../../etc", "size": 1}]},
            "not a digest",
        ),
        (
            {"layers": [{"mediaType": LAYER_GZIP, "digest": Digest.of(b""), "size": -1}]},
            "out of range",
        ),
        ({"layers": []}, "but the config lists"),
        (
            {"layers": [{"mediaType": LAYER_GZIP, "digest": Digest.of(b""), "size": 1}] * 200},
            "at most 128 layers",
        ),
    ],
)
def test_a_manifest_that_makes_no_sense(
    peer: Peer, content: ContentStore, members: dict[str, Any], told: str
) -> None:
    Offer(members=members).serve(peer)
    refused(peer, content, InvalidInput, told)


def test_a_manifest_that_is_too_large(peer: Peer, content: ContentStore) -> None:
    Offer(members={"annotations": {"x": "y" * (5 << 20)}}).serve(peer)
    refused(peer, content, RegistryError, "more than 4194304 bytes")


def test_a_config_that_is_too_large(peer: Peer, content: ContentStore) -> None:
    media_type = "application/vnd.oci.image.config.v1+json"
    config = {"mediaType": media_type, "size": 1 << 40, "digest": Digest.of(b"")}
    Offer(members={"config": config}).serve(peer)
    refused(peer, content, InvalidInput, "too large for a document")


def test_a_manifest_of_nothing_but_brackets(peer: Peer, content: ContentStore) -> None:
    bomb = b'{"a":' * 200_000
    peer.answers["/v2/app/manifests/latest"] = whole(bomb, Content_Type=MANIFEST)
    refused(peer, content, InvalidInput, "not JSON")


def test_an_index_of_an_index_of_an_index(peer: Peer, content: ContentStore) -> None:
    document = Offer().manifest
    for _ in range(8):
        descriptor: dict[str, Any] = {
            "mediaType": INDEX,
            "digest": Digest.of(document),
            "size": len(document),
        }
        document = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
        for reference in ("latest", Digest.of(document)):
            peer.answers[f"/v2/app/manifests/{reference}"] = whole(document, Content_Type=INDEX)
    refused(peer, content, InvalidInput, "indexes within indexes")


def test_an_index_whose_manifest_is_of_another_type(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    data = offer.manifest
    descriptor = {"mediaType": INDEX, "digest": Digest.of(data), "size": len(data)}
    index = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
    peer.answers["/v2/app/manifests/latest"] = whole(index, Content_Type=INDEX)
    refused(peer, content, RegistryError, "where a manifest of an image is expected")


def test_an_index_with_more_than_images(peer: Peer, content: ContentStore) -> None:
    """A signature without a platform first, then what BuildKit attests: neither is taken for the
    image, nor told as a platform that there would be.
    """
    offer = Offer()
    offer.serve(peer)
    image: dict[str, Any] = offer.descriptor(MANIFEST, offer.manifest).to_json()
    other = offer.descriptor(MANIFEST, b"none").to_json()
    attestation = {**other, "platform": {"architecture": "unknown", "os": "unknown"}}
    host = {**image, "platform": HOST.to_json()}
    arm = {**other, "platform": {"architecture": "arm64", "os": "linux"}}

    def offered(*manifests: object) -> None:
        index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        peer.answers["/v2/app/manifests/latest"] = whole(index, Content_Type=INDEX)

    offered(arm, attestation)
    refusal = refused(peer, content, NotFound, "no matching manifest for linux/amd64")
    assert str(refusal).endswith("there are: linux/arm64")
    offered(other, attestation, arm, host)
    assert pulled(peer, content).manifest == Digest.of(offer.manifest)
    offered(attestation, image)
    assert pulled(peer, content).manifest == Digest.of(offer.manifest)


def test_no_such_tag(peer: Peer, content: ContentStore) -> None:
    refused(peer, content, NotFound, "manifest for app:latest not found")


# ── Slow, packed, and much ado ───────────────────────────────────────────────────────────────────


def silent(handler: Handler) -> None:
    handler.server.peer.over.wait(20)


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", MANIFEST)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.peer.over.wait(0.05):
        handler.wfile.write(b" ")


@pytest.mark.parametrize(
    ("answer", "told"), [(silent, "timed out"), (dripping, "too slowly|timed out")]
)
def test_a_peer_that_says_nothing_or_drips(
    peer: Peer, content: ContentStore, answer: Answer, told: str
) -> None:
    peer.answers["/v2/app/manifests/latest"] = answer
    refused(peer, content, CutOff, told, patience_s=2, tries=1)


@pytest.mark.parametrize("headers", [{f"X-{n}": "x" for n in range(200)}, {"X-Long": "x" * 70_000}])
def test_headers_without_an_end(peer: Peer, content: ContentStore, headers: dict[str, str]) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    peer.answers["/v2/app/manifests/latest"] = answer
    refused(peer, content, RegistryError, "does not answer as HTTP has it")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "br", "x"])
def test_content_that_is_packed_on_the_way(
    peer: Peer, content: ContentStore, encoding: str
) -> None:
    bomb = gzip.compress(bytes(5 << 20))
    Offer().serve(peer)
    peer.answers["/v2/app/manifests/latest"] = whole(
        bomb, Content_Type=MANIFEST, Content_Encoding=encoding
    )
    refused(peer, content, RegistryError, f"sends its content packed .{encoding}")


def test_later_means_later(peer: Peer, content: ContentStore) -> None:
    """429 and 5xx are tried again, not before Retry-After, but nobody waits for ever."""
    Offer().serve(peer)
    good = peer.answers["/v2/app/manifests/latest"]
    peer.answers["/v2/app/manifests/latest"] = in_turn(
        said(503), said(429, b'{"errors": [{"code": "TOOMANYREQUESTS"}]}', Retry_After="1"), good
    )
    began_s = time.monotonic()
    pulled(peer, content, tries=5)
    assert time.monotonic() - began_s >= 1


def test_retry_after_a_year(peer: Peer, content: ContentStore) -> None:
    peer.answers["/v2/app/manifests/latest"] = said(429, Retry_After="31536000")
    refused(peer, content, CutOff, "cannot answer now: status 429", tries=100)
    assert len([path for _, path, _ in peer.requests if "manifests" in path]) == 1


def test_ctrl_c_wakes_who_waits_for_a_peer(peer: Peer, content: ContentStore) -> None:
    """A thread that hangs in a body, and what it has begun, are gone when `close` was called."""
    offer = Offer()
    offer.serve(peer)
    reached = threading.Event()

    def hanging(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(offer.layer)))
        handler.end_headers()
        handler.wfile.write(offer.layer[:10])
        reached.set()
        handler.server.peer.over.wait(60)

    peer.answers[offer.blob(offer.layer)] = hanging
    transport = Transport(Trust(folders=()))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            repository = Repository(Registry(peer.host, transport), "app", "pull")
            pull(repository, "latest", content, HOST, tell_nobody)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert reached.wait(20)
    transport.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "cancelled" in str(failures[0])
    assert list(content.digests()) == [] and list(content.ingest.iterdir()) == []


# ── Elsewhere ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "http://user:pw@127.0.0.1/"],
)
def test_a_redirect_to_what_is_no_web_address(
    peer: Peer, content: ContentStore, location: str
) -> None:
    offer = Offer()
    offer.serve(peer)
    peer.answers[offer.blob(offer.layer)] = said(307, Location=location)
    refused(peer, content, RegistryError, "is no address of the web")


def test_a_redirect_in_a_circle(peer: Peer, content: ContentStore) -> None:
    path = "/v2/app/manifests/latest"
    peer.answers[path] = said(302, Location=path)
    refused(peer, content, RegistryError, "without an end")


def test_a_redirect_takes_no_credentials_along(peer: Peer, content: ContentStore) -> None:
    offer = Offer()
    offer.serve(peer)
    secret = Credential("learner", "secret")
    with running_peer() as other:
        other.answers["/elsewhere"] = whole(offer.layer)
        peer.answers[offer.blob(offer.layer)] = said(307, Location=f"http://{other.host}/elsewhere")
        manifest = peer.answers["/v2/app/manifests/latest"]

        def only_known(handler: Handler) -> None:
            if handler.headers.get("Authorization") == secret.basic:
                manifest(handler)
            else:
                handler.say(401, b"{}", WWW_Authenticate='Basic realm="x"')

        peer.answers["/v2/app/manifests/latest"] = only_known
        pulled(peer, content, credential=secret)
        assert [path for _, path, _ in other.requests] == ["/elsewhere"]
        assert "Authorization" not in other.requests[0][2]


def test_an_upload_and_a_list_that_lead_elsewhere_take_no_credentials_along(peer: Peer) -> None:
    """Not even where the other place asks for them, and names a shop of its own for tokens."""
    secret = Credential("learner", "secret")
    layer = Offer().layer
    blob = Descriptor(LAYER_GZIP, Digest.of(layer), len(layer))
    transport = Transport(Trust(folders=()))
    with running_peer() as other:

        def only_known(answer: Answer) -> Answer:
            asks = said(401, WWW_Authenticate='Basic realm="x"')
            return lambda handler: (
                answer if handler.headers.get("Authorization") == secret.basic else asks
            )(handler)

        shop = f'Bearer realm="http://{other.host}/token"'
        started = said(202, Location=f"http://{other.host}/upload")
        peer.answers["POST /v2/app/blobs/uploads/"] = only_known(started)
        other.answers["/upload"] = said(401, b"{}", WWW_Authenticate=shop)
        more = said(200, b'{"tags": ["a"]}', Link=f'<http://{other.host}/more>; rel="next"')
        peer.answers["/v2/app/tags/list"] = only_known(more)
        try:
            repository = Repository(Registry(peer.host, transport, secret, 2), "app", "push")
            with (
                pytest.raises(RegistryError, match="refuses access"),
                repository.intake(blob) as upload,
            ):
                upload.take([layer], upload.received())
            assert repository.tags() == ["a"]  # who leads elsewhere has no more to say
        finally:
            transport.close()
        assert ("PATCH", "/upload") in [(method, path) for method, path, _ in other.requests]
        assert {path for _, path, _ in other.requests} == {"/upload"}
        assert not [headers for _, _, headers in other.requests if "Authorization" in headers]


PUBLIC_TO_PRIVATE = """
import sys, threading
sys.path[:0] = [{tests!r}, {root!r}]
from pathlib import Path
import peers
from peers import *
from runtime.content.store import ContentStore
from runtime.errors import RegistryError
from runtime.oci.descriptor import Platform
from runtime.registry.client import Registry, Repository
from runtime.registry.progress import tell_nobody
from runtime.registry.pull import pull
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust

offer = Offer()
server = peers.Server(("9.9.9.9", 80), peers.Handler)
server.peer = peer = Peer(80)
threading.Thread(target=server.serve_forever, daemon=True).start()
peer.answers["/v2/"] = said(200, b"{{}}")
for target in {targets!r}:
    with running_peer() as private:
        offer.serve(peer)
        private.answers["/secret"] = whole(offer.layer)
        peer.answers[offer.blob(offer.layer)] = said(
            307, Location=target.format(port=private.port))
        transport = Transport(Trust(insecure=("9.9.9.9",), folders=()))
        repository = Repository(Registry("9.9.9.9", transport), "app", "pull")
        try:
            pull(repository, "latest", ContentStore(Path(sys.argv[1])),
                 Platform("amd64", "linux"), tell_nobody)
            print("pulled")
        except RegistryError as error:
            print(error)
        print(len(private.requests))
"""


@pytest.mark.needs("root", "ip")
def test_a_public_registry_does_not_lead_into_this_host(tmp_path: Path) -> None:
    """In a network namespace whose loopback device has a public address, too."""
    program = textwrap.dedent(PUBLIC_TO_PRIVATE).format(
        tests=str(Path(__file__).parents[1]),
        root=str(Path(__file__).parents[2]),
        targets=["http://127.0.0.1:{port}/secret", "http://localhost:{port}/secret"],
    )
    setup = 'ip link set lo up && ip address add 9.9.9.9/32 dev lo && exec "$@"'
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", setup, "sh", sys.executable, "-", str(tmp_path)],
        input=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [re.sub(r":\d+", "", line) for line in lines] == [
        "a public registry leads to 127.0.0.1, an address of this host or a private network",
        "0",
        "a public registry leads to localhost, an address of this host or a private network",
        "0",
    ]
