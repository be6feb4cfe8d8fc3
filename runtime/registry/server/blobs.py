"""Blobs over the wire: pull, push in one or many requests, mount, delete.

    POST uploads/?digest=…                    201   everything in one request
    POST uploads/?mount=…&from=…              201   another repository has it already
    POST uploads/        then PUT …?digest=…  202, 201
    POST uploads/        PATCH, PATCH…   PUT  202, 202, 201
    GET uploads/<id>                          204   how far did I come?

distribution-spec: "Pulling blobs", "Pushing blobs", "Mounting a blob from another repository"
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime.oci.digest import Digest
from runtime.registry.messages import (
    BLOB_TYPE,
    CONTENT_DIGEST,
    UPLOAD_ID,
    ByteRange,
    ContentRange,
    Route,
    blob_path,
    checked_digest,
    checked_name,
    received_range,
    uploads_path,
)
from runtime.registry.server.answers import Answer, Asked, FilePart, Refused
from runtime.registry.server.inventory import Inventory
from runtime.registry.server.uploads import Uploads

FOR_EVER = "max-age=31536000, immutable"
"""What a digest names never changes."""


def get_blob(inventory: Inventory, route: Route, asked: Asked) -> Answer:
    """A blob, or a part of it. The client checks what it gets, so the kernel may send it."""
    digest = _digest_of(route)
    size = inventory.blob_size(route.name, digest)
    if size is None:
        raise _unknown(digest)
    headers = {
        "Content-Type": BLOB_TYPE,
        CONTENT_DIGEST: digest,
        "ETag": f'"{digest}"',
        "Cache-Control": FOR_EVER,
        "Accept-Ranges": "bytes",
    }
    if matches(asked.headers.get("If-None-Match", ""), digest):
        return Answer(304, headers)
    part = _part(asked, size, headers["ETag"])
    if part:
        headers["Content-Range"] = str(part)
    start, count = (part.first, part.length) if part else (0, size)
    status = 206 if part else 200
    if asked.method == "HEAD":
        return Answer(status, headers, length=count)
    file = inventory.content.path(digest).open("rb")
    return Answer(status, headers, FilePart(file, start, count))


def delete_blob(inventory: Inventory, route: Route) -> Answer:
    """Let a repository forget a blob."""
    digest = _digest_of(route)
    if not inventory.delete_blob(route.name, digest):
        raise _unknown(digest)
    return Answer(202)


async def begin(inventory: Inventory, uploads: Uploads, route: Route, asked: Asked) -> Answer:
    """The first request of a push: often the only one."""
    if "mount" in asked.query and "from" in asked.query:
        digest = _digest(asked.query["mount"])
        origin = checked_name(asked.query["from"])
        if await asyncio.to_thread(inventory.mount_blob, route.name, digest, origin):
            return _created(route.name, digest)
    elif "digest" in asked.query:
        digest = _digest(asked.query["digest"])
        await uploads.whole(route.name, asked, digest)
        return _created(route.name, digest)
    upload = await asyncio.to_thread(uploads.begin, route.name)
    return _accepted(route.name, upload, 0)


async def append(uploads: Uploads, route: Route, asked: Asked) -> Answer:
    """A piece."""
    size = await uploads.append(route.name, route.reference, asked, _expected(route, asked))
    return _accepted(route.name, route.reference, size)


async def finish(uploads: Uploads, route: Route, asked: Asked) -> Answer:
    """The digest, and maybe the last piece, which may be the first one, too."""
    if "digest" not in asked.query:
        raise Refused("DIGEST_INVALID", "the parameter digest is missing")
    digest = _digest(asked.query["digest"])
    await uploads.append(route.name, route.reference, asked, _expected(route, asked))
    await uploads.finish(route.name, route.reference, digest)
    return _created(route.name, digest)


def status(uploads: Uploads, route: Route) -> Answer:
    """How much of an upload is there: with this a client goes on after a cut connection."""
    size = uploads.size(route.name, route.reference)
    return Answer(204, _progress(route.name, route.reference, size))


def cancel(uploads: Uploads, route: Route) -> Answer:
    """The client does not want it any more."""
    uploads.size(route.name, route.reference)
    uploads.cancel(route.reference)
    return Answer(204)


def matches(header: str, digest: Digest) -> bool:
    """Whether If-None-Match names this digest. RFC 9110, 13.1.2"""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return digest in tags or "*" in tags


def _part(asked: Asked, size: int, etag: str) -> ContentRange | None:
    """The part of a blob that is asked for; None: all of it. RFC 9110, 13.1.5: with If-Range, a
    part only of exactly the blob that the client has the beginning of.
    """
    wanted = ByteRange.parse(asked.headers.get("Range", ""))
    if wanted is None or asked.headers.get("If-Range", etag) != etag:
        return None
    part = wanted.within(size)
    if part is None:
        raise Refused(
            "RANGE_INVALID",
            "the range lies outside of the blob",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return part


def _expected(route: Route, asked: Asked) -> Callable[[int], None]:
    """Refuses a piece that does not begin where the last one ended."""
    header = asked.headers.get("Content-Range")

    def check(size: int) -> None:
        if header is None:
            return
        piece = ContentRange.parse(header)
        if piece is None:
            raise Refused("BLOB_UPLOAD_INVALID", "Content-Range is <first byte>-<last byte>")
        if asked.length not in (None, piece.length):
            raise Refused("SIZE_INVALID", "Content-Range and Content-Length contradict each other")
        if piece.first != size:
            raise Refused(
                "RANGE_INVALID",
                "the piece does not begin where the last one ended",
                headers=_progress(route.name, route.reference, size),
            )

    return check


def _progress(name: str, upload: str, size: int) -> dict[str, str]:
    return {
        "Location": uploads_path(name, upload),
        "Range": received_range(size),
        UPLOAD_ID: upload,
    }


def _accepted(name: str, upload: str, size: int) -> Answer:
    return Answer(202, _progress(name, upload, size))


def _created(name: str, digest: Digest) -> Answer:
    headers = {"Location": blob_path(name, digest), CONTENT_DIGEST: digest}
    return Answer(201, headers)


def _digest(text: str) -> Digest:
    return Digest(checked_digest(text))


def _digest_of(route: Route) -> Digest:
    assert route.digest is not None, "a blob's address has a digest"
    return route.digest


def _unknown(digest: Digest) -> Refused:
    return Refused("BLOB_UNKNOWN", "this repository does not have the blob", {"digest": digest})
