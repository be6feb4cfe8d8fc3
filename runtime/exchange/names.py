"""Names of images inside of archives: three ways to write one down.

    manifest.json    "RepoTags": ["alpine:latest"]                      docker
    index.json       "io.containerd.image.name": "docker.io/library/alpine:latest"
                     "org.opencontainers.image.ref.name": "latest"      OCI: often only a tag

A tag alone names no repository, so an image that has nothing else comes in without a name.
image-spec: annotations.md; containerd: images/annotations.go
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.oci.reference import Reference

FULL_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"


def annotations_of(reference: Reference) -> dict[str, str]:
    """As docker and containerd write them."""
    return {FULL_NAME: str(reference), REF_NAME: reference.tag or ""}


def reference_of(annotations: Mapping[str, str]) -> Reference | None:
    """The name that a descriptor of an index is annotated with. Raises InvalidReference."""
    name = annotations.get(FULL_NAME) or annotations.get(REF_NAME, "")
    is_whole = FULL_NAME in annotations or "/" in name or ":" in name
    return Reference.parse(name) if name and is_whole else None
