"""One image: a manifest, its configuration and its layers, read from the store.

The attribute names are those of Docker's Python SDK (`docker.models.images.Image`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runtime.container.log import timestamp
from runtime.content.store import ContentStore
from runtime.engine.image_names import ImageNames
from runtime.errors import NotFound
from runtime.oci.digest import ChainID, DiffID, Digest
from runtime.oci.identity import chain_ids
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference
from runtime.snapshot.overlay import Snapshots


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where images are: their blobs, their unpacked layers, their names."""

    content: ContentStore
    snapshots: Snapshots
    names: ImageNames


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image, lowest first in `Image.layers`.

    `size` is in bytes, of the tar; `files` is the directory in which it is unpacked.
    """

    digest: Digest
    diff_id: DiffID
    chain_id: ChainID
    size: int
    created_by: str
    files: Path


def unix_time(created: str | None) -> int:
    """Whole seconds since 1970 of an RFC 3339 moment; 0 for none."""
    if not created:
        return 0
    whole = re.sub(r"\.\d+", "", created).replace("Z", "+00:00")
    return int(datetime.fromisoformat(whole).timestamp())


def created_ns(image: Image) -> int:
    """When it was made, in nanoseconds since 1970 (whole seconds of them)."""
    return unix_time(image.config.created) * 10**9


class Image:
    """An image as it is in the store: immutable, so everything here stays true."""

    def __init__(self, shelf: Shelf, manifest_digest: Digest) -> None:
        self._shelf = shelf
        self.manifest_digest = manifest_digest

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest: which config and which layers."""
        return Manifest.from_bytes(self._shelf.content.read(self.manifest_digest))

    @cached_property
    def config(self) -> ImageConfig:
        """The configuration: how to run it, and what it is made of."""
        return ImageConfig.from_bytes(self._shelf.content.read(self.manifest.config.digest))

    @property
    def id(self) -> str:
        """The digest of its configuration."""
        return str(self.manifest.config.digest)

    @property
    def short_id(self) -> str:
        """sha256: and the first ten digits, as Docker's SDK has it."""
        return self.id[: len("sha256:") + 10]

    @property
    def tags(self) -> list[str]:
        """Its names, as short as they can be written."""
        return [
            Reference.parse(name).familiar for name in self._shelf.names.of(self.manifest_digest)
        ]

    @property
    def repo_digests(self) -> list[str]:
        """By which digests registries know it: `team/app@sha256:…`. Only what was pulled or pushed
        has any.
        """
        names = self._shelf.names.digests_of(self.manifest_digest)
        return [Reference.parse(name).familiar for name in names]

    @property
    def labels(self) -> Mapping[str, str]:
        """LABELs of the image."""
        return self.config.config.labels

    @property
    def size(self) -> int:
        """Bytes of all its layers as they are stored, whether shared with other images or not."""
        return sum(layer.size for layer in self.manifest.layers)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What it is made of, lowest first."""
        makers = [step.created_by for step in self.config.history if not step.empty_layer]
        makers += [""] * (len(self.config.diff_ids) - len(makers))
        files = self._shelf.snapshots.files
        return tuple(
            Layer(descriptor.digest, diff_id, chain_id, descriptor.size, maker, files(chain_id))
            for descriptor, diff_id, chain_id, maker in zip(
                self.manifest.layers,
                self.config.diff_ids,
                chain_ids(self.config.diff_ids),
                makers,
                strict=False,
            )
        )

    @property
    def chain_id(self) -> ChainID | None:
        """Identity of all its layers together; None for an image without any."""
        return self.layers[-1].chain_id if self.layers else None

    def refuse_other_platform(self, wanted: str) -> None:
        """Raises NotFound unless it is for the platform `wanted`: os[/architecture[/variant]]."""
        mine = self.config.platform
        parts = (mine.os, mine.architecture, mine.variant)
        asked = wanted.lower().split("/")
        if len(asked) > len(parts) or list(parts[: len(asked)]) != asked:
            raise NotFound(
                "image {image} was found but is for another platform: {found}, not {wanted}",
                hint="leave --platform out, or build an image for it",
                image=self.tags[0] if self.tags else self.short_id,
                found="/".join(filter(None, parts)),
                wanted=wanted,
            )

    def history(self) -> list[dict[str, Any]]:
        """How it came to be, newest first, with docker's keys."""
        sizes = iter([layer.size for layer in self.layers])
        rows: list[dict[str, Any]] = [
            {
                "Id": "<missing>",
                "Created": unix_time(step.created),
                "CreatedBy": step.created_by,
                "Comment": step.comment,
                "Size": 0 if step.empty_layer else next(sizes, 0),
                "Tags": None,
            }
            for step in self.config.history
        ]
        if rows:
            rows[-1] |= {"Id": self.id, "Tags": self.tags}
        return rows[::-1]

    @property
    def attrs(self) -> dict[str, Any]:
        """What `docker image inspect` shows."""
        from runtime.engine.inspect import image_config  # which knows containers, too

        config = self.config
        document = {
            "Id": self.id,
            "RepoTags": self.tags,
            "RepoDigests": self.repo_digests,
            "Parent": "",
            "Comment": config.history[-1].comment if config.history else "",
            "Created": config.created or "",
            "DockerVersion": "",
            "Author": config.author,
            "Config": image_config(config.config),
            "Architecture": config.architecture,
            "Os": config.os,
            "Size": self.size,
            "GraphDriver": {
                "Name": "overlay",
                "Data": {"LowerDir": ":".join(str(layer.files) for layer in self.layers[::-1])},
            },
            "RootFS": {"Type": "layers", "Layers": [str(diff) for diff in config.diff_ids]},
            "Metadata": {
                "LastTagTime": timestamp(self._shelf.names.named_ns(self.manifest_digest))
            },
            "Descriptor": {
                "mediaType": self.manifest.media_type,
                "digest": str(self.manifest_digest),
                "size": self._shelf.content.size(self.manifest_digest),
            },
        }
        return document | ({"Variant": config.variant} if config.variant else {})

    def summary(self, names: Sequence[str], shared: int = -1, users: int = -1) -> dict[str, Any]:
        """Docker's ImageSummary, with those of its names; -1 is: not counted."""
        return {
            "Id": self.id,
            "ParentId": "",
            "RepoTags": list(names),
            "RepoDigests": self.repo_digests,
            "Created": unix_time(self.config.created),
            "Size": self.size,
            "SharedSize": shared,
            "Labels": dict(self.labels),
            "Containers": users,
        }

    def save(self, chunk_size: int = 1 << 20, named: str | bool = False) -> Iterator[bytes]:
        """It as an archive for `docker load` and everybody else, in pieces; with `named`, under
        its first name, or the one of its names that is given. Raises NotFound.
        """
        from runtime.exchange import save

        del chunk_size  # pieces come as they are read: never more than 1 MiB
        names = [Reference.parse(name) for name in self._shelf.names.of(self.manifest_digest)]
        if isinstance(named, str):
            wanted = Reference.parse(named)
            if wanted not in names:
                raise NotFound("the image has no such name: {name}", name=named)
            names = [wanted]
        chosen = tuple(names[:1]) if named else ()
        return save.archive(self._shelf.content, [save.Outgoing(self.manifest_digest, chosen)])

    def tag(self, name: str, tag: str | None = None) -> bool:
        """Give it one more name: `tag("web:1")`, or `tag("web", "1")`. Raises InvalidReference."""
        whole = f"{name}:{tag}" if tag else name
        self._shelf.names.point(Reference.parse(whole), self.manifest_digest)
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Image: {', '.join(repr(tag) for tag in self.tags) or self.short_id}>"
