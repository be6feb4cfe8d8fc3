"""Manifests over the wire: pull, push, delete, and the manifests about a manifest.

distribution-spec: "Pulling manifests", "Pushing Manifests", "Deleting Manifests",
"Listing Referrers"
"""

from __future__ import annotations

import hashlib
from typing import Any

from runtime.oci.descriptor import DOCKER_INDEX, DOCKER_MANIFEST, INDEX
from runtime.oci.digest import Digest
from runtime.oci.document import Document
from runtime.registry.messages import (
    CONTENT_DIGEST,
    FILTERS_APPLIED,
    MANIFEST_LIMIT_BYTES,
    SUBJECT,
    Route,
    manifest_path,
    referrers_path,
)
from runtime.registry.server.answers import Answer, Asked, Refused, as_json
from runtime.registry.server.blobs import FOR_EVER, matches
from runtime.registry.server.document import parse_manifest
from runtime.registry.server.inventory import Held, Inventory


def get_manifest(inventory: Inventory, route: Route, asked: Asked) -> Answer:
    """A manifest, in the bytes in which it came."""
    held = _negotiated(inventory, route, asked.headers.get("Accept", ""))
    headers = {
        "Content-Type": held.media_type,
        CONTENT_DIGEST: held.digest,
        "ETag": f'"{held.digest}"',
        # A tag may mean something else in a moment.
        "Cache-Control": FOR_EVER if route.digest else "no-cache",
    }
    if matches(asked.headers.get("If-None-Match", ""), held.digest):
        return Answer(304, headers)
    if asked.method == "HEAD":
        return Answer(200, headers, length=held.size)
    return Answer(200, headers, inventory.content.read(held.digest))


async def read_manifest(asked: Asked) -> bytes:
    """The body of a push. Raises Refused as soon as it is too long."""
    data = bytearray()
    if (asked.length or 0) > MANIFEST_LIMIT_BYTES:
        raise _too_large()
    async for piece in asked.body():
        data += piece
        if len(data) > MANIFEST_LIMIT_BYTES:
            raise _too_large()
    return bytes(data)


def put_manifest(inventory: Inventory, route: Route, asked: Asked, data: bytes) -> Answer:
    """Take a manifest whose blobs are all there."""
    pushed = parse_manifest(data, asked.headers.get("Content-Type", ""))
    digest = _digest_of(data, route.digest)
    tag = "" if route.digest else route.reference
    if missing := inventory.add_manifest(route.name, digest, data, pushed, tag):
        raise Refused(
            "MANIFEST_BLOB_UNKNOWN",
            "the manifest names something that this repository does not have",
            [{"digest": each} for each in missing],
        )
    headers = {"Location": manifest_path(route.name, digest), CONTENT_DIGEST: digest}
    if pushed.subject:
        headers[SUBJECT] = pushed.subject
    return Answer(201, headers)


def delete_manifest(inventory: Inventory, route: Route) -> Answer:
    """Forget a manifest with its tags, or only a tag."""
    if route.digest:
        gone = inventory.delete_manifest(route.name, route.digest)
    else:
        gone = inventory.delete_tag(route.name, route.reference)
    if not gone:
        raise _unknown(inventory, route)
    return Answer(202)


def referrers(inventory: Inventory, route: Route, asked: Asked) -> Answer:
    """An index of the manifests whose subject this digest is: signatures, bills of materials.

    Nobody having any is an empty index, and no error. It stays below the limit for manifests; the
    rest is behind the Link.
    """
    assert route.digest is not None, "the address has a digest"
    wanted = asked.query.get("artifactType", "")
    found: list[dict[str, Any]] = []
    headers = {FILTERS_APPLIED: "artifactType"} if wanted else {}
    room = MANIFEST_LIMIT_BYTES - 1000
    for held in inventory.referrers(route.name, route.digest, asked.query.get("last", "")):
        if wanted and held.artifact_type != wanted:
            continue
        described = _described(held)
        room -= len(str(described)) * 2
        if room < 0 and found:
            query = f"artifactType={wanted}&" if wanted else ""
            address = referrers_path(route.name, route.digest)
            headers["Link"] = f'<{address}?{query}last={found[-1]["digest"]}>; rel="next"'
            break
        found.append(described)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}
    return as_json(index, headers=headers, kind=INDEX)


def _negotiated(inventory: Inventory, route: Route, accept: str) -> Held:
    """The manifest at this address, of a kind that the client says it can read.

    A client from before there were indexes gets the one manifest that docker would choose for it.
    """
    digest = route.digest or inventory.tagged(route.name, route.reference)
    held = inventory.manifest(route.name, digest) if digest else None
    if held is None:
        raise _unknown(inventory, route)
    if _accepts(accept, held.media_type):
        return held
    if not route.digest and held.media_type == DOCKER_INDEX and _accepts(accept, DOCKER_MANIFEST):
        for child in Document.parse(inventory.content.read(held.digest), "index").children(
            "manifests"
        ):
            platform = child.child("platform", optional=True).members
            chosen = (platform.get("os"), platform.get("architecture")) == ("linux", "amd64")
            if chosen and (one := inventory.manifest(route.name, child.digest("digest", Digest))):
                return one
    raise Refused(
        "MANIFEST_UNKNOWN",
        "the manifest is of a kind that the Accept header does not name",
        {"mediaType": held.media_type},
    )


def _accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header allows a media type; none at all allows every one."""
    offers = [offer.split(";") for offer in header.split(",") if offer.strip()]
    allowed = {
        kind.strip().lower()
        for kind, *parameters in offers
        if not any(p.strip() in ("q=0", "q=0.0") for p in parameters)
    }
    return not offers or bool(allowed & {media_type, "*/*", "application/*"})


def _described(held: Held) -> dict[str, Any]:
    described: dict[str, Any] = {
        "mediaType": held.media_type,
        "digest": held.digest,
        "size": held.size,
    }
    if held.artifact_type:
        described["artifactType"] = held.artifact_type
    if held.annotations:
        described["annotations"] = held.annotations
    return described


def _digest_of(data: bytes, expected: Digest | None) -> Digest:
    algorithm = expected.algorithm if expected else "sha256"
    actual = Digest(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")
    if expected not in (None, actual):
        raise Refused(
            "DIGEST_INVALID",
            "the bytes received are not those of this digest",
            {"expected": expected, "actual": actual},
        )
    return actual


def _too_large() -> Refused:
    return Refused(
        "SIZE_INVALID", f"a manifest may have {MANIFEST_LIMIT_BYTES} bytes at most", status=413
    )


def _unknown(inventory: Inventory, route: Route) -> Refused:
    if not inventory.has_repository(route.name):
        return unknown_name(route.name)
    return Refused(
        "MANIFEST_UNKNOWN", "this repository has no such manifest", {"reference": route.reference}
    )


def unknown_name(name: str) -> Refused:
    """There is no such repository."""
    return Refused("NAME_UNKNOWN", "there is no such repository", {"name": name})
