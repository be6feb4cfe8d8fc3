"""The distribution specification 1.1, clause by clause, against our server over real HTTP.

Each test quotes the section that it checks. Where the specification leaves a choice, the test
says which one is ours.
github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from own_registry import OwnRegistry, image_manifest, running_registry

from runtime.oci.descriptor import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST
from runtime.oci.digest import Digest

NOWHERE = Digest.of(b"nowhere")
SHA512_OF_NOTHING = (
    "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry"), "--delete") as running:
        yield running


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRegistry]:
    """A registry that lets nothing be deleted."""
    with running_registry(tmp_path_factory.mktemp("careful")) as running:
        yield running


def begin(registry: OwnRegistry, name: str) -> str:
    reply = registry.ask("POST", f"/v2/{name}/blobs/uploads/")
    assert reply.status == 202
    return reply.headers["Location"]


# ── Pull ─────────────────────────────────────────────────────────────────────────────────────────


def test_determining_support(registry: OwnRegistry) -> None:
    """ "To check whether or not the registry implements this specification, perform a GET request
    to the following endpoint: /v2/. If the response is 200 OK, then the registry implements this
    specification."
    """
    assert registry.ask("GET", "/v2/").status == 200
    assert registry.ask("GET", "/v2/").headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    "name",
    [
        "UPPER",
        "a//b",
        "a/",
        "-a",
        "a..b",
        "a___b",
        "a/../b",
        "a%2F..%2Fb",
        "%2e%2e",
        "ä",
        "a" * 256,
    ],
)
def test_names_follow_the_grammar(registry: OwnRegistry, name: str) -> None:
    """Pulling manifests: "<name> MUST match the following regular expression:
    [a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*"
    """
    path = f"/v2/{quote(name, safe='/%')}/tags/list"
    reply = registry.ask("GET", path)
    assert (reply.status, reply.code) == (400, "NAME_INVALID")


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "a.b_c__d---e", "blobs/uploads", "tags", "v2/manifests/x"]
)
def test_every_name_of_the_grammar_can_be_used(registry: OwnRegistry, name: str) -> None:
    """The same: also those that look like a part of the address."""
    digest = registry.push_image(name, "one")
    assert Digest.of(registry.ask("GET", f"/v2/{name}/manifests/one").body) == digest
    assert registry.ask("GET", f"/v2/{name}/tags/list").json == {"name": name, "tags": ["one"]}


@pytest.mark.parametrize("tag", [".hidden", "-x", "a" * 129, "ä", "a b"])
def test_tags_follow_the_grammar(registry: OwnRegistry, tag: str) -> None:
    """Pulling manifests: "<reference> as a tag MUST be at most 128 characters in length and MUST
    match the following regular expression: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
    """
    assert registry.ask("GET", f"/v2/a/manifests/{quote(tag)}").status == 400


def test_pulling_a_manifest(registry: OwnRegistry) -> None:
    """Pulling manifests: "In a successful response, the Content-Type header will indicate the type
    of the returned manifest." "A GET request to an existing manifest URL MUST provide the expected
    manifest, with a response code that MUST be 200 OK. A successful response SHOULD contain the
    digest of the uploaded blob in the header Docker-Content-Digest."
    """
    digest = registry.push_image("pull/app", "1.0")
    for reference in ("1.0", digest):
        reply = registry.ask("GET", f"/v2/pull/app/manifests/{reference}", Accept=MANIFEST)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == MANIFEST
        assert reply.headers["Docker-Content-Digest"] == digest == Digest.of(reply.body)
        assert reply.headers["Content-Length"] == str(len(reply.body))


def test_a_manifest_that_is_not_there(registry: OwnRegistry) -> None:
    """Pulling manifests: "If the manifest is not found in the repository, the response code MUST be
    404 Not Found."
    """
    registry.push_image("pull/app", "1.0")
    for reference in ("none", NOWHERE):
        reply = registry.ask("GET", f"/v2/pull/app/manifests/{reference}")
        assert (reply.status, reply.code) == (404, "MANIFEST_UNKNOWN")
    assert registry.ask("GET", "/v2/never/manifests/1").code == "NAME_UNKNOWN"


def test_a_manifest_stays_in_its_repository(registry: OwnRegistry) -> None:
    """The same: "in the repository". Its bytes may be on the disk for another one."""
    digest = registry.push_image("pull/mine", "1", layer=b"only mine")
    registry.push_image("pull/theirs", "1")
    assert registry.ask("GET", f"/v2/pull/theirs/manifests/{digest}").status == 404
    blob = Digest.of(b"only mine")
    assert registry.ask("GET", f"/v2/pull/theirs/blobs/{blob}").code == "BLOB_UNKNOWN"


def test_content_negotiation(registry: OwnRegistry) -> None:
    """Pulling manifests: "The client SHOULD include an Accept header indicating which manifest
    content types it supports." Ours is docker's choice: what the client cannot read is not there.
    """
    registry.push_image("accept/app", "1")
    path = "/v2/accept/app/manifests/1"
    for accept in (MANIFEST, "*/*", "application/*", f"{INDEX}, {MANIFEST};q=0.5"):
        assert registry.ask("GET", path, Accept=accept).status == 200, accept
    for accept in (INDEX, "text/html", f"{MANIFEST};q=0"):
        assert registry.ask("GET", path, Accept=accept).code == "MANIFEST_UNKNOWN", accept


def test_accept_in_several_lines(registry: OwnRegistry) -> None:
    """RFC 9110, 5.3: lines of one header are one list. Docker sends its Accept that way."""
    registry.push_image("accept/lines", "1")
    connection = registry.connect()
    connection.putrequest("GET", "/v2/accept/lines/manifests/1")
    for accept in ("text/html", MANIFEST, INDEX):
        connection.putheader("accept", accept)
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()


def test_a_client_that_knows_no_list_gets_the_image_of_linux_on_amd64(
    registry: OwnRegistry,
) -> None:
    """docker's registry, for docker's kind: a client from before there were lists."""
    name = "accept/list"
    config, layer = registry.push_blob(name, b"{}"), registry.push_blob(name, b"layer")
    data = image_manifest(b"{}", b"layer", mediaType=DOCKER_MANIFEST)
    assert config != layer
    path = f"/v2/{name}/manifests"
    registry.ask("PUT", f"{path}/{Digest.of(data)}", data, Content_Type=DOCKER_MANIFEST)
    child = {
        "mediaType": DOCKER_MANIFEST,
        "digest": Digest.of(data),
        "size": len(data),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": [child]}
    pushed = registry.ask("PUT", f"{path}/all", json.dumps(index), Content_Type=DOCKER_INDEX)
    assert pushed.status == 201
    assert registry.ask("GET", f"{path}/all", Accept=DOCKER_MANIFEST).body == data
    both = registry.ask("GET", f"{path}/all", Accept=f"{DOCKER_MANIFEST}, {DOCKER_INDEX}")
    assert both.headers["Content-Type"] == DOCKER_INDEX


def test_pulling_a_blob(registry: OwnRegistry) -> None:
    """Pulling blobs: "A GET request to an existing blob URL MUST provide the expected blob, with a
    response code that MUST be 200 OK."
    """
    data = b"blob" * 100_000
    digest = registry.push_blob("pull/blob", data)
    reply = registry.ask("GET", f"/v2/pull/blob/blobs/{digest}")
    assert (reply.status, reply.body) == (200, data)
    assert reply.headers["Docker-Content-Digest"] == digest
    assert reply.headers["Content-Type"] == "application/octet-stream"


def test_a_blob_that_is_not_there(registry: OwnRegistry) -> None:
    """Pulling blobs: "If the blob is not found in the repository, the response code MUST be 404 Not
    Found."
    """
    reply = registry.ask("GET", f"/v2/pull/blob/blobs/{NOWHERE}")
    assert (reply.status, reply.code) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "G" * 64, "x"])
def test_digests_follow_the_grammar(registry: OwnRegistry, digest: str) -> None:
    """Error codes: "DIGEST_INVALID"."""
    reply = registry.ask("GET", f"/v2/a/blobs/{digest}")
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")


def test_checking_what_exists(registry: OwnRegistry) -> None:
    """Checking if content exists in the registry: "A HEAD request to an existing blob or manifest
    URL MUST return 200 OK." "A successful response SHOULD contain the size in bytes of the
    uploaded blob in the header Content-Length." "If the blob or manifest is not found in the
    repository, the response code MUST be 404 Not Found."
    """
    manifest = registry.push_image("head/app", "1", layer=b"0123456789")
    blob = Digest.of(b"0123456789")
    for path, size in (
        (f"blobs/{blob}", "10"),
        ("manifests/1", None),
        (f"manifests/{manifest}", None),
    ):
        reply = registry.ask("HEAD", f"/v2/head/app/{path}")
        full = registry.ask("GET", f"/v2/head/app/{path}")
        assert (reply.status, reply.body) == (200, b"")
        assert (
            reply.headers["Content-Length"] == str(len(full.body)) == (size or str(len(full.body)))
        )
        assert reply.headers["Docker-Content-Digest"] == full.headers["Docker-Content-Digest"]
    for path in (f"blobs/{NOWHERE}", "manifests/none", f"manifests/{NOWHERE}"):
        assert registry.ask("HEAD", f"/v2/head/app/{path}").status == 404


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_part_of_a_blob(
    registry: OwnRegistry, header: str, expected: bytes, content_range: str
) -> None:
    """Pulling blobs: "A registry SHOULD support the Range request header in accordance with
    RFC 9110."
    """
    digest = registry.push_blob("range/app", b"0123456789")
    reply = registry.ask("GET", f"/v2/range/app/blobs/{digest}", Range=header)
    assert (reply.status, reply.body) == (206, expected)
    assert reply.headers["Content-Range"] == content_range


def test_parts_that_make_no_sense(registry: OwnRegistry) -> None:
    """RFC 9110, 14.2 and 15.5.17: behind the end is 416 with the length; several parts and other
    units may be ignored.
    """
    digest = registry.push_blob("range/app", b"0123456789")
    path = f"/v2/range/app/blobs/{digest}"
    beyond = registry.ask("GET", path, Range="bytes=10-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")
    for header in ("bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=-"):
        assert registry.ask("GET", path, Range=header).status == 200
    other = registry.ask("GET", path, Range="bytes=0-3", If_Range='"something-else"')
    assert other.status == 200


def test_what_the_client_has_already(registry: OwnRegistry) -> None:
    """RFC 9110, 13.1.2: If-None-Match with the ETag that was sent is answered 304, with no body."""
    registry.push_image("etag/app", "1")
    for path in ("/v2/etag/app/manifests/1", f"/v2/etag/app/blobs/{Digest.of(b'layer')}"):
        etag = registry.ask("GET", path).headers["ETag"]
        again = registry.ask("GET", path, If_None_Match=etag)
        assert (again.status, again.body) == (304, b"")
        assert registry.ask("GET", path, If_None_Match='"other"').status == 200


# ── Push: blobs ──────────────────────────────────────────────────────────────────────────────────


def test_post_then_put(registry: OwnRegistry) -> None:
    """POST then PUT: "Upon success, the response MUST have a code of 202 Accepted, and MUST include
    the following header: Location". "The <location> MUST contain a UUID". "Upon successful
    completion of the request, the response MUST have code 201 Created and MUST have the following
    header: Location", "being a pullable blob URL".
    """
    data = b"post then put"
    digest = Digest.of(data)
    place = begin(registry, "push/two")
    assert uuid.UUID(place.rpartition("/")[2])
    reply = registry.ask("PUT", f"{place}?digest={digest}", data)
    assert reply.status == 201
    assert registry.ask("GET", reply.headers["Location"]).body == data


def test_single_post(registry: OwnRegistry) -> None:
    """Single POST: "Successful completion of the request MUST return a 201 Created and MUST include
    the following header: Location".
    """
    digest = Digest.of(b"one request")
    reply = registry.ask("POST", f"/v2/push/one/blobs/uploads/?digest={digest}", b"one request")
    assert reply.status == 201
    assert registry.ask("GET", reply.headers["Location"]).body == b"one request"


def test_an_empty_blob(registry: OwnRegistry) -> None:
    """A blob may have no bytes."""
    digest = registry.push_blob("push/empty", b"")
    reply = registry.ask("GET", f"/v2/push/empty/blobs/{digest}")
    assert (reply.status, reply.body) == (200, b"")


def test_another_algorithm(registry: OwnRegistry) -> None:
    """image-spec, descriptor.md "Registered algorithms": sha512 is one, too. Until the digest comes
    the upload was hashed with the other one.
    """
    place = begin(registry, "push/sha512")
    assert registry.ask("PUT", f"{place}?digest={SHA512_OF_NOTHING}").status == 201
    assert registry.ask("GET", f"/v2/push/sha512/blobs/{SHA512_OF_NOTHING}").status == 200


def test_other_bytes_than_promised(registry: OwnRegistry) -> None:
    """POST then PUT: "Here, <digest> is the digest of the blob being uploaded". Other bytes are
    refused (DIGEST_INVALID), and nothing is there afterwards.
    """
    place = begin(registry, "push/wrong")
    reply = registry.ask("PUT", f"{place}?digest={NOWHERE}", b"something else")
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    for digest in (NOWHERE, Digest.of(b"something else")):
        assert registry.ask("HEAD", f"/v2/push/wrong/blobs/{digest}").status == 404
    assert registry.ask("GET", place).code == "BLOB_UPLOAD_UNKNOWN"
    single = registry.ask("POST", f"/v2/push/wrong/blobs/uploads/?digest={NOWHERE}", b"no")
    assert single.code == "DIGEST_INVALID"


def test_a_put_without_a_digest(registry: OwnRegistry) -> None:
    """Pushing a blob in chunks: "The closing PUT request MUST include the <digest> of the whole
    blob (not the final chunk) as a query parameter."
    """
    place = begin(registry, "push/wrong")
    assert registry.ask("PUT", place, b"x").code == "DIGEST_INVALID"


def test_pushing_in_chunks(registry: OwnRegistry) -> None:
    """Pushing a blob in chunks: "Each successful chunk upload MUST have a 202 Accepted response
    code, and MUST have the following headers: Location, Range: 0-<end-of-range>". "The final chunk
    MAY be uploaded using a PATCH request or it MAY be uploaded in the closing PUT request."
    """
    place = begin(registry, "push/chunks")
    for start, chunk in ((0, b"0123"), (4, b"45")):
        last = start + len(chunk) - 1
        reply = registry.ask("PATCH", place, chunk, Content_Range=f"{start}-{last}")
        assert (reply.status, reply.headers["Range"]) == (202, f"0-{last}")
        place = reply.headers["Location"]
    digest = Digest.of(b"0123456789")
    done = registry.ask("PUT", f"{place}?digest={digest}", b"6789", Content_Range="6-9")
    assert done.status == 201
    assert registry.ask("GET", f"/v2/push/chunks/blobs/{digest}").body == b"0123456789"


def test_chunks_come_in_order(registry: OwnRegistry) -> None:
    """The same: "Chunks MUST be uploaded in order, with the first byte of a chunk being the last
    chunk's <end-of-range> plus one. If a chunk is uploaded out of order, the registry MUST respond
    with a 416 Requested Range Not Satisfiable code." "The first chunk's range MUST begin with 0."
    """
    place = begin(registry, "push/order")
    assert registry.ask("PATCH", place, b"0123", Content_Range="0-3").status == 202
    for wrong in ("5-8", "0-3", "3-6"):
        reply = registry.ask("PATCH", place, b"4567", Content_Range=wrong)
        assert (reply.status, reply.headers["Range"]) == (416, "0-3")
    assert registry.ask("PUT", f"{place}?digest={NOWHERE}", b"x", Content_Range="9-9").status == 416
    assert registry.ask("PATCH", place, b"4567", Content_Range="4-7").status == 202


def test_a_chunk_is_as_long_as_it_says(registry: OwnRegistry) -> None:
    """The same: "It MUST match the following regular expression: ^[0-9]+-[0-9]+$" "The <length> is
    the content-length, in bytes, of the current chunk."
    """
    place = begin(registry, "push/length")
    assert registry.ask("PATCH", place, b"0123", Content_Range="0-9").code == "SIZE_INVALID"
    assert registry.ask("PATCH", place, b"0123", Content_Range="zero").status == 400
    assert registry.ask("GET", place).headers["Range"] == "0-0"


def test_a_stream_of_unknown_length(registry: OwnRegistry) -> None:
    """docker's way: one PATCH, without Content-Range, in HTTP's own chunks."""
    place = begin(registry, "push/stream")
    pieces = [b"x" * 100_000 for _ in range(30)]
    connection = registry.connect()
    connection.request("PATCH", place, iter(pieces), encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Range"]) == (202, "0-2999999")
    connection.close()
    digest = Digest.of(b"".join(pieces))
    assert registry.ask("PUT", f"{place}?digest={digest}").status == 201


def test_how_far_an_upload_has_come(registry: OwnRegistry) -> None:
    """Pushing a blob in chunks: "The response to an active upload <location> MUST be a 204 No
    Content response code, and MUST have the following headers: Location, Range".
    """
    place = begin(registry, "push/status")
    registry.ask("PATCH", place, b"0123456789")
    reply = registry.ask("GET", place)
    assert (reply.status, reply.headers["Range"]) == (204, "0-9")
    assert reply.headers["Location"] == place


def test_an_upload_that_is_not_there(registry: OwnRegistry) -> None:
    """Error codes: "BLOB_UPLOAD_UNKNOWN", and the same for another repository's upload."""
    place = begin(registry, "push/secret")
    for path in ("/v2/a/blobs/uploads/" + "0" * 32, place.replace("push/secret", "push/other")):
        for method in ("GET", "PATCH", "DELETE"):
            assert registry.ask(method, path).code == "BLOB_UPLOAD_UNKNOWN"
        assert registry.ask("PUT", f"{path}?digest={NOWHERE}").code == "BLOB_UPLOAD_UNKNOWN"


def test_giving_an_upload_up(registry: OwnRegistry) -> None:
    """docker's registry: DELETE ends an upload with 204."""
    place = begin(registry, "push/cancel")
    assert registry.ask("DELETE", place).status == 204
    assert registry.ask("GET", place).status == 404


def test_mounting_from_another_repository(registry: OwnRegistry) -> None:
    """Mounting a blob from another repository: "The response to a successful mount MUST be 201
    Created, and MUST contain the following header: Location". "Alternatively, if a registry does
    not support cross-repository mounting or is unable to mount the requested blob, it SHOULD
    return a 202."
    """
    digest = registry.push_blob("mount/from", b"shared")
    query = urlencode({"mount": digest, "from": "mount/from"})
    reply = registry.ask("POST", f"/v2/mount/to/blobs/uploads/?{query}")
    assert reply.status == 201
    assert registry.ask("GET", reply.headers["Location"]).body == b"shared"
    for origin, wanted in (("mount/from", NOWHERE), ("mount/none", digest)):
        query = urlencode({"mount": wanted, "from": origin})
        other = registry.ask("POST", f"/v2/mount/third/blobs/uploads/?{query}")
        assert other.status == 202 and "/blobs/uploads/" in other.headers["Location"]
    alone = registry.ask("POST", f"/v2/mount/third/blobs/uploads/?mount={digest}")
    assert alone.status == 202, "without from we do not look"


# ── Push: manifests ──────────────────────────────────────────────────────────────────────────────


def test_pushing_a_manifest(registry: OwnRegistry) -> None:
    """Pushing Manifests: "Upon a successful upload, the registry MUST return response code 201
    Created, and MUST have the following header: Location". "The <location> is a pullable
    manifest URL." "The registry MUST store the manifest in the exact byte representation
    provided by the client."
    """
    name = "push/manifest"
    registry.push_blob(name, b"{}")
    registry.push_blob(name, b"layer")
    data = b"\n  " + image_manifest(b"{}", b"layer") + b"  \n"
    reply = registry.ask("PUT", f"/v2/{name}/manifests/1", data, Content_Type=MANIFEST)
    assert reply.status == 201
    assert reply.headers["Docker-Content-Digest"] == Digest.of(data)
    assert registry.ask("GET", reply.headers["Location"]).body == data


def test_a_manifest_by_the_wrong_digest(registry: OwnRegistry) -> None:
    """Pushing Manifests: "The Docker-Content-Digest header returns the canonical digest of the
    uploaded blob, and MUST be equal to the client provided digest."
    """
    name = "push/digest"
    registry.push_image(name, "1")
    data = image_manifest(b"{}", b"layer")
    path = f"/v2/{name}/manifests"
    assert (
        registry.ask("PUT", f"{path}/{NOWHERE}", data, Content_Type=MANIFEST).code
        == "DIGEST_INVALID"
    )
    right = registry.ask("PUT", f"{path}/{Digest.of(data)}", data, Content_Type=MANIFEST)
    assert right.status == 201


def test_a_manifest_whose_blobs_are_missing(registry: OwnRegistry) -> None:
    """Push: "A registry MAY reject a manifest uploaded to the manifest endpoint with descriptors in
    other fields that reference a manifest or blob that does not exist in the registry. When a
    manifest is rejected for this reason, it MUST result in one or more MANIFEST_BLOB_UNKNOWN
    errors." We do, and the tag means nothing afterwards.
    """
    path = "/v2/push/missing/manifests/1"
    registry.push_blob("push/missing", b"{}")
    reply = registry.ask("PUT", path, image_manifest(b"{}", b"absent"), Content_Type=MANIFEST)
    assert (reply.status, reply.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert reply.json["errors"][0]["detail"] == [{"digest": Digest.of(b"absent")}]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{"mediaType": MANIFEST, "digest": NOWHERE, "size": 7}],
    }
    reply = registry.ask("PUT", path, json.dumps(index), Content_Type=INDEX)
    assert reply.code == "MANIFEST_BLOB_UNKNOWN"
    assert registry.ask("GET", path).status == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"schemaVersion": 1, "config": {}, "layers": []}).encode(),
        json.dumps({"schemaVersion": 2, "layers": []}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode(),
        image_manifest(b"{}", manifests=[]),
        image_manifest(b"{}", subject={"digest": "x", "size": 1, "mediaType": MANIFEST}),
        image_manifest(b"{}", annotations={"a": 1}),
    ],
)
def test_what_is_no_manifest(registry: OwnRegistry, data: bytes) -> None:
    """Error codes: "MANIFEST_INVALID: manifest invalid"."""
    registry.push_blob("push/invalid", b"{}")
    reply = registry.ask("PUT", "/v2/push/invalid/manifests/1", data, Content_Type=MANIFEST)
    assert (reply.status, reply.code) == (400, "MANIFEST_INVALID")


def test_a_page_is_no_manifest(registry: OwnRegistry) -> None:
    """Our choice: a Content-Type that a browser would show is not taken."""
    registry.push_image("push/html", "1")
    data = image_manifest(b"{}", b"layer").replace(MANIFEST.encode(), b"text/html")
    for sent in (image_manifest(b"{}", b"layer"), data):
        reply = registry.ask("PUT", "/v2/push/html/manifests/2", sent, Content_Type="text/html")
        assert reply.code == "MANIFEST_INVALID"


def test_how_large_a_manifest_may_be(registry: OwnRegistry) -> None:
    """Pushing Manifests: "A registry SHOULD enforce some limit on the maximum manifest size that it
    can accept. A registry that enforces this limit SHOULD respond to a request to push a manifest
    over this limit with a response code 413 Payload Too Large. Client and registry
    implementations SHOULD expect to be able to support manifest pushes of at least 4 megabytes."
    """
    name = "push/large"
    registry.push_blob(name, b"{}")
    bare = len(image_manifest(b"{}", annotations={"a": ""}))
    largest = image_manifest(b"{}", annotations={"a": "x" * ((4 << 20) - bare)})
    path = f"/v2/{name}/manifests/1"
    assert registry.ask("PUT", path, largest, Content_Type=MANIFEST).status == 201
    assert registry.ask("GET", path).body == largest
    reply = registry.ask("PUT", path, b" " + largest, Content_Type=MANIFEST)
    assert reply.status == 413
    connection = registry.connect()  # one that does not say how long it will be
    connection.request(
        "PUT", path, iter([largest, b" "]), {"Content-Type": MANIFEST}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_a_manifest_about_another_one(registry: OwnRegistry) -> None:
    """Pushing Manifests with Subject: "When processing a request for an image manifest with the
    subject field, a registry implementation that supports the referrers API MUST respond with the
    response header OCI-Subject: <subject digest>". Push: "A registry MUST initially accept an
    otherwise valid manifest with a subject field that references a manifest that does not exist".
    """
    subject = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 7}
    registry.push_blob("subject/app", b"{}")
    data = image_manifest(b"{}", subject=subject)
    reply = registry.ask("PUT", "/v2/subject/app/manifests/1", data, Content_Type=MANIFEST)
    assert (reply.status, reply.headers["OCI-Subject"]) == (201, NOWHERE)


# ── Content discovery ────────────────────────────────────────────────────────────────────────────


def test_listing_tags(registry: OwnRegistry) -> None:
    """Listing Tags: "The list of tags MAY be empty if there are no tags on the repository. If the
    list is not empty, the tags MUST be in lexical order (i.e. case-insensitive alphanumeric
    order)."
    """
    for tag in ("b", "a10", "a9", "B"):
        registry.push_image("tags/app", tag)
    reply = registry.ask("GET", "/v2/tags/app/tags/list")
    assert reply.json == {"name": "tags/app", "tags": ["a10", "a9", "B", "b"]}
    assert registry.ask("GET", "/v2/tags/none/tags/list").code == "NAME_UNKNOWN"
    registry.push_blob("tags/blobs-only", b"x")
    assert registry.ask("GET", "/v2/tags/blobs-only/tags/list").json["tags"] == []


def test_tags_page_by_page(registry: OwnRegistry) -> None:
    """Listing Tags: "up to <int> tags after <tagname> will be returned", "the Link header MUST be
    set according to RFC5988 with the Relation Type rel="next"", "When n is zero, this endpoint MUST
    return an empty list, and MUST NOT include a Link header."
    """
    for number in range(5):
        registry.push_image("tags/pages", f"t{number}")
    path, seen = "/v2/tags/pages/tags/list?n=2", []
    while path:
        reply = registry.ask("GET", path)
        assert 0 < len(reply.json["tags"]) <= 2
        seen += reply.json["tags"]
        link = re.fullmatch(r'<(\S+)>; rel="next"', reply.headers.get("Link", ""))
        path = link[1] if link else ""
    assert seen == [f"t{number}" for number in range(5)]
    after = registry.ask("GET", "/v2/tags/pages/tags/list?last=t1")
    assert after.json["tags"] == ["t2", "t3", "t4"]
    assert registry.ask("GET", "/v2/tags/pages/tags/list?n=0").json["tags"] == []
    assert registry.ask("GET", "/v2/tags/pages/tags/list?n=-1").code == "PAGINATION_NUMBER_INVALID"


def test_the_catalog(registry: OwnRegistry) -> None:
    """docker's API, Listing Repositories: with the same pages."""
    names = {"cat/one", "cat/two", "cat/under"}  # so that there is more behind the second
    for name in names:
        registry.push_image(name, "1")
    assert names <= set(registry.ask("GET", "/v2/_catalog").json["repositories"])
    page = registry.ask("GET", "/v2/_catalog?n=1&last=cat/one")
    assert page.json["repositories"] == ["cat/two"] and "last=cat%2Ftwo" in page.headers["Link"]


def test_listing_referrers(registry: OwnRegistry) -> None:
    """Listing Referrers: "Upon success, the response MUST be a JSON body with an image index
    containing a list of descriptors." "The descriptors MUST include an artifactType field that is
    set to the value of the artifactType in the image manifest or index, if present. If the
    artifactType is empty or missing in the image manifest, the value of artifactType MUST be set
    to the config descriptor mediaType value." "The descriptors MUST include annotations". "If
    filtering is requested and applied, the response MUST include a header OCI-Filters-Applied:
    artifactType". "If a query results in no matching referrers, an empty manifest list MUST be
    returned." "the registry MUST NOT return a 404 Not Found to a referrers API requests."
    """
    name = "refs/app"
    image = registry.push_image(name, "1")
    about: Any = {"subject": {"mediaType": MANIFEST, "digest": image, "size": 1}}
    notes: Any = {"annotations": {"who": "bori"}}
    signature = registry.push_image(name, "sig", artifactType="x/signature", **about, **notes)
    plain = registry.push_image(name, "plain", **about)
    reply = registry.ask("GET", f"/v2/{name}/referrers/{image}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, INDEX)
    assert reply.json["mediaType"] == INDEX and reply.json["schemaVersion"] == 2
    found = {each["digest"]: each for each in reply.json["manifests"]}
    assert set(found) == {signature, plain}
    assert found[signature]["artifactType"] == "x/signature"
    assert found[signature]["annotations"] == {"who": "bori"}
    assert found[signature]["mediaType"] == MANIFEST
    assert found[plain]["artifactType"] == "application/vnd.oci.image.config.v1+json"
    size = len(registry.ask("GET", f"/v2/{name}/manifests/sig").body)
    assert found[signature]["size"] == size
    one = registry.ask("GET", f"/v2/{name}/referrers/{image}?artifactType=x/signature")
    assert [each["digest"] for each in one.json["manifests"]] == [signature]
    assert one.headers["OCI-Filters-Applied"] == "artifactType"
    for path in (f"/v2/{name}/referrers/{NOWHERE}", f"/v2/refs/none/referrers/{NOWHERE}"):
        assert registry.ask("GET", path).json["manifests"] == []
    assert registry.ask("GET", f"/v2/{name}/referrers/nonsense").status == 400


def test_referrers_come_in_pages_that_a_client_can_hold(registry: OwnRegistry) -> None:
    """Listing Referrers: "A Link header MUST be included in the response when the descriptor list
    cannot be returned in a single manifest."
    """
    name = "refs/many"
    notes: Any = {"annotations": {"a": "x" * (3 << 19)}}
    about: Any = {"subject": {"mediaType": MANIFEST, "digest": NOWHERE, "size": 1}}
    pushed = {
        registry.push_image(name, f"r{n}", layer=b"%d" % n, **about, **notes) for n in range(4)
    }
    path, seen = f"/v2/{name}/referrers/{NOWHERE}", []
    while path:
        reply = registry.ask("GET", path)
        assert len(reply.body) <= 4 << 20
        seen += [each["digest"] for each in reply.json["manifests"]]
        link = re.fullmatch(r'<(\S+)>; rel="next"', reply.headers.get("Link", ""))
        path = link[1] if link else ""
    assert len(seen) == 4 and set(seen) == pushed


# ── Content management ───────────────────────────────────────────────────────────────────────────


def test_deleting_a_tag(registry: OwnRegistry) -> None:
    """Deleting tags: "Upon success, the registry MUST respond with a 202 Accepted code." "Once
    deleted, a GET to /v2/<name>/manifests/<tag> will return a 404." The manifest stays.
    """
    digest = registry.push_image("delete/tag", "1")
    assert registry.ask("DELETE", "/v2/delete/tag/manifests/1").status == 202
    assert registry.ask("GET", "/v2/delete/tag/manifests/1").status == 404
    assert registry.ask("GET", f"/v2/delete/tag/manifests/{digest}").status == 200
    assert registry.ask("DELETE", "/v2/delete/tag/manifests/1").status == 404


def test_deleting_a_manifest(registry: OwnRegistry) -> None:
    """Deleting Manifests: "Upon success, the registry MUST respond with a 202 Accepted code. If the
    repository does not exist, the response MUST return 404 Not Found." "Once deleted, a GET to
    /v2/<name>/manifests/<digest> and any tag pointing to that digest will return a 404."
    """
    digest = registry.push_image("delete/manifest", "1")
    assert registry.ask("DELETE", f"/v2/delete/manifest/manifests/{digest}").status == 202
    for reference in ("1", digest):
        assert registry.ask("GET", f"/v2/delete/manifest/manifests/{reference}").status == 404
    assert (
        registry.ask("DELETE", f"/v2/delete/manifest/manifests/{digest}").code == "MANIFEST_UNKNOWN"
    )
    assert registry.ask("DELETE", f"/v2/delete/never/manifests/{digest}").code == "NAME_UNKNOWN"


def test_a_deleted_manifest_refers_to_nothing_any_more(registry: OwnRegistry) -> None:
    """Listing Referrers: "Each descriptor is of an image manifest or index in the same <name>
    namespace": one that is deleted is not there any more.
    """
    about: Any = {"subject": {"mediaType": MANIFEST, "digest": NOWHERE, "size": 1}}
    digest = registry.push_image("delete/referrer", "1", **about)
    registry.ask("DELETE", f"/v2/delete/referrer/manifests/{digest}")
    assert registry.ask("GET", f"/v2/delete/referrer/referrers/{NOWHERE}").json["manifests"] == []


def test_deleting_a_blob(registry: OwnRegistry) -> None:
    """Deleting Blobs: "Upon success, the registry MUST respond with code 202 Accepted. If the blob
    is not found, a 404 Not Found code MUST be returned." Another repository's stays.
    """
    digest = registry.push_blob("delete/blob", b"doomed")
    registry.push_blob("delete/kept", b"doomed")
    assert registry.ask("DELETE", f"/v2/delete/blob/blobs/{digest}").status == 202
    assert registry.ask("GET", f"/v2/delete/blob/blobs/{digest}").status == 404
    assert registry.ask("DELETE", f"/v2/delete/blob/blobs/{digest}").code == "BLOB_UNKNOWN"
    assert registry.ask("GET", f"/v2/delete/kept/blobs/{digest}").body == b"doomed"


def test_deletion_may_be_disabled(careful: OwnRegistry) -> None:
    """Deleting Manifests, Deleting Blobs: "If blob deletion is disabled, the registry MUST respond
    with either a 400 Bad Request or a 405 Method Not Allowed."
    """
    manifest = careful.push_image("keep/app", "1")
    for path in (f"manifests/{manifest}", "manifests/1", f"blobs/{Digest.of(b'layer')}"):
        reply = careful.ask("DELETE", f"/v2/keep/app/{path}")
        assert (reply.status, reply.code) == (405, "UNSUPPORTED")
        assert "GET" in reply.headers["Allow"]
    assert careful.ask("GET", "/v2/keep/app/manifests/1").status == 200


# ── Errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/", 405),
        ("PUT", "/v2/_catalog", 405),
        ("PATCH", "/v2/a/manifests/1", 405),
        ("DELETE", "/v2/", 405),
        ("GET", "/v2/a/nothing", 404),
        ("GET", "/v1/", 404),
        ("GET", "/etc/passwd", 404),
        ("GET", "/v2/../../etc/passwd", 404),
        ("GET", "/v2/a/blobs/uploads/../../../x", 404),
    ],
)
def test_errors_have_one_shape(registry: OwnRegistry, method: str, path: str, status: int) -> None:
    """Error codes: "A 4XX response code from the registry MAY return a body in any format. If the
    response body is in JSON format, it MUST have the following format: {"errors": [{"code": …,
    "message": …, "detail": …}]}". Ours always is.
    """
    reply = registry.ask(method, path)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.code
