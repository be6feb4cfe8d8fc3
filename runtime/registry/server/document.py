"""A manifest as a registry reads it: which kind it is, what it names, what it is about.

A registry serves a manifest's bytes as they came, and never writes one. It only has to know
whether what a manifest names is there, and for which other manifest it was made (its subject:
a signature names the image that it signs).

Only the four kinds below are taken. A browser believes the Content-Type that a registry repeats
after whoever pushed, so this is also what keeps a manifest from being a web page.

Pure. image-spec: manifest.md, image-index.md; distribution-spec: "Pushing Manifests"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.errors import InvalidSpec
from runtime.oci.descriptor import INDEXES, MANIFESTS
from runtime.oci.digest import Digest
from runtime.oci.document import Document
from runtime.registry.server.answers import Refused

_MOST_NAMES = 10_000
_ELSEWHERE = frozenset(
    {
        *("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",),
        *(
            f"application/vnd.oci.image.layer.nondistributable.v1.tar{suffix}"
            for suffix in ("", "+gzip", "+zstd")
        ),
    }
)
"""Layers that may not be copied: a manifest may name one that no registry has."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a manifest says, as far as a registry needs it."""

    media_type: str
    blobs: tuple[Digest, ...] = ()
    manifests: tuple[Digest, ...] = ()
    subject: Digest | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse_manifest(data: bytes, content_type: str) -> Pushed:
    """What the manifest `data` says, which was sent as `content_type`.

    Raises Refused: it is no JSON, not of its kind, or of a kind that nobody knows.
    """
    try:
        document = Document.parse(data, "manifest")
        media_type = _media_type(document, content_type)
        if document.number("schemaVersion") != 2:
            raise _invalid("schemaVersion must be 2")
        return _read(document, media_type)
    except InvalidSpec as error:
        raise _invalid(error.message) from error


def _media_type(document: Document, content_type: str) -> str:
    """The header and the member `mediaType` must not contradict each other."""
    sent = content_type.partition(";")[0].strip().lower()
    inside = document.text("mediaType", "")
    if sent and inside and sent != inside:
        raise _invalid("the Content-Type header and the member mediaType contradict each other")
    if (sent or inside) not in INDEXES | MANIFESTS:
        raise _invalid("the media type is not that of a manifest")
    return sent or inside


def _read(document: Document, media_type: str) -> Pushed:
    subject = document.child("subject", optional=True)
    about = subject.digest("digest", Digest) if subject.members else None
    artifact_type = document.text("artifactType", "")
    annotations = document.text_map("annotations")
    # A document that could be read as both would be another thing to each reader.
    if media_type in INDEXES:
        if document.has("layers") or document.has("config"):
            raise _invalid("an index has neither config nor layers")
        manifests = _digests(document.children("manifests"))
        return Pushed(media_type, (), manifests, about, artifact_type, annotations)
    if document.has("manifests"):
        raise _invalid("an image manifest does not list manifests")
    config = document.child("config")
    layers = [
        each for each in document.children("layers") if each.text("mediaType") not in _ELSEWHERE
    ]
    artifact_type = artifact_type or config.text("mediaType")
    return Pushed(media_type, _digests([config, *layers]), (), about, artifact_type, annotations)


def _digests(descriptors: tuple[Document, ...] | list[Document]) -> tuple[Digest, ...]:
    if len(descriptors) > _MOST_NAMES:
        raise _invalid(f"a manifest may name {_MOST_NAMES} blobs at most")
    for each in descriptors:
        each.number("size"), each.text("mediaType")
    return tuple(each.digest("digest", Digest) for each in descriptors)


def _invalid(message: str) -> Refused:
    return Refused("MANIFEST_INVALID", message)
