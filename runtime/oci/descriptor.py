"""Descriptors: how one piece of content points at another.

A descriptor says what kind of thing it points at (media type), which exact bytes (digest) and
how many of them (size), so that a reader can refuse a wrong answer before it has read it all.
An image is nothing but such pointers: index → manifest → config and layers.

image-spec: descriptor.md, media-types.md, image-index.md "platform"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.oci.digest import Digest
from runtime.oci.document import Document, sorted_map, without_empty

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = LAYER + "+gzip"
LAYER_ZSTD = LAYER + "+zstd"

# What docker wrote before there was an OCI, and what many registries still hold.
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

INDEXES = frozenset({INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({MANIFEST, DOCKER_MANIFEST})


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in Go's words: `amd64`, `linux`, and for ARM a variant (`v8`)."""

    architecture: str
    os: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def to_json(self) -> dict[str, Any]:
        return without_empty(
            {"architecture": self.architecture, "os": self.os, "variant": self.variant}
        )

    @classmethod
    def from_json(cls, document: Document) -> Platform:
        """Raises InvalidSpec when architecture or os is missing."""
        return cls(document.text("architecture"), document.text("os"), document.text("variant", ""))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A typed, sized, verifiable pointer. `size` counts the bytes that `digest` is over."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON members in the order of the specification."""
        required = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return required | without_empty(
            {
                "annotations": sorted_map(self.annotations),
                "platform": self.platform and self.platform.to_json(),
            }
        )

    @classmethod
    def from_json(cls, value: Document | Mapping[str, Any]) -> Descriptor:
        """Raises InvalidSpec, naming the member that is wrong or missing.

        `urls`, `data` and `artifactType` are not kept: a copy of an image copies its bytes.
        """
        document = value if isinstance(value, Document) else Document(value, "descriptor")
        return cls(
            media_type=document.text("mediaType"),
            digest=document.digest("digest", Digest),
            size=document.number("size"),
            annotations=document.text_map("annotations"),
            platform=Platform.from_json(document.child("platform"))
            if document.has("platform")
            else None,
        )
