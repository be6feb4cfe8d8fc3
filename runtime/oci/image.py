"""Images: index, manifest and configuration, as values.

    Index ──▶ Manifest ──▶ ImageConfig     how to run it, and the DiffIDs it is made of
                      └──▶ layer, layer…   tars, lowest first

A manifest lists layers as they are stored or sent (maybe compressed), the config lists the same
layers as uncompressed content. Everything here is frozen and does no I/O; `to_bytes` is
deterministic, so equal values have equal digests, and `from_bytes` raises InvalidSpec with the
address of what is wrong.

image-spec: image-index.md, manifest.md, config.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import InvalidInput, InvalidSpec
from runtime.oci.descriptor import INDEX, MANIFEST, Descriptor, Platform
from runtime.oci.digest import DiffID
from runtime.oci.document import Document, canonical_json, sorted_map, without_empty

LAYERS_LIMIT = 128
"""What one overlay mount can hold; see `snapshot.overlay.KEY_LENGTH`."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a container of this image runs, unless its user says otherwise (`config` in JSON).

    None and () differ: `entrypoint=None` inherits, `entrypoint=()` clears. `healthcheck` is
    docker's own JSON object; `extra` holds members that this class has no name for.
    """

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    healthcheck: Mapping[str, Any] | None = None
    shell: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON members in the order of config.md, then docker's two, then the rest."""
        members = without_empty(
            {
                "User": self.user,
                "ExposedPorts": _as_set(self.exposed_ports),
                "Env": self.env,
                "Entrypoint": self.entrypoint,
                "Cmd": self.cmd,
                "Volumes": _as_set(self.volumes),
                "WorkingDir": self.working_dir,
                "Labels": sorted_map(self.labels),
                "StopSignal": self.stop_signal,
                "Healthcheck": self.healthcheck,
                "Shell": self.shell,
            },
            unless=("Entrypoint", "Cmd"),
        )
        return members | sorted_map(self.extra)

    @classmethod
    def from_json(cls, document: Document) -> RunConfig:
        """Raises InvalidSpec."""
        return cls(
            user=document.text("User", ""),
            exposed_ports=document.names("ExposedPorts"),
            env=document.texts("Env") or (),
            entrypoint=document.texts("Entrypoint"),
            cmd=document.texts("Cmd"),
            volumes=document.names("Volumes"),
            working_dir=document.text("WorkingDir", ""),
            labels=document.text_map("Labels"),
            stop_signal=document.text("StopSignal", ""),
            healthcheck=document.child("Healthcheck", optional=True).members or None,
            shell=document.texts("Shell") or (),
            extra=document.others(*_RUN_CONFIG_MEMBERS),
        )


_RUN_CONFIG_MEMBERS = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels"),
    *("StopSignal", "Healthcheck", "Shell"),
)


@dataclass(frozen=True, slots=True)
class History:
    """One step of how the image came to be; `empty_layer` when it changed no file."""

    created: str | None = None
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False

    def to_json(self) -> dict[str, Any]:
        return without_empty(
            {
                "created": self.created,
                "created_by": self.created_by,
                "author": self.author,
                "comment": self.comment,
                "empty_layer": self.empty_layer,
            }
        )

    @classmethod
    def from_json(cls, document: Document) -> History:
        """Raises InvalidSpec."""
        return cls(
            created=document.text("created", "") or None,
            created_by=document.text("created_by", ""),
            author=document.text("author", ""),
            comment=document.text("comment", ""),
            empty_layer=document.flag("empty_layer"),
        )


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration. Its digest is the image's ID.

    `created` is RFC 3339 or None, `diff_ids` are lowest layer first. `extra` holds members that
    this class has no name for (`os.version`, docker's `container_config`…).
    """

    architecture: str
    os: str
    created: str | None = None
    author: str = ""
    config: RunConfig = field(default_factory=RunConfig)
    diff_ids: tuple[DiffID, ...] = ()
    history: tuple[History, ...] = ()
    variant: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        """What it runs on."""
        return Platform(self.architecture, self.os, self.variant)

    def to_bytes(self) -> bytes:
        """Deterministic JSON. Raises InvalidSpec when a text is not UTF-8."""
        members: dict[str, Any] = without_empty({"created": self.created, "author": self.author})
        members |= {"architecture": self.architecture, "os": self.os}
        members |= without_empty({"variant": self.variant, "config": self.config.to_json()})
        members["rootfs"] = {"type": "layers", "diff_ids": self.diff_ids}
        members |= without_empty({"history": [step.to_json() for step in self.history]})
        return canonical_json(members | sorted_map(self.extra))

    @classmethod
    def from_bytes(cls, data: bytes) -> ImageConfig:
        """Raises InvalidSpec."""
        document = Document.parse(data, "config")
        rootfs = document.child("rootfs")
        if rootfs.text("type") != "layers":
            raise InvalidSpec('{where}: must be "layers"', where="config.rootfs.type")
        return cls(
            architecture=document.text("architecture"),
            os=document.text("os"),
            created=document.text("created", "") or None,
            author=document.text("author", ""),
            config=RunConfig.from_json(document.child("config", optional=True)),
            diff_ids=rootfs.digests("diff_ids", DiffID),
            history=tuple(map(History.from_json, document.children("history"))),
            variant=document.text("variant", ""),
            extra=document.others(*_IMAGE_CONFIG_MEMBERS),
        )


_IMAGE_CONFIG_MEMBERS = (
    *("created", "author", "architecture", "os", "variant"),
    *("config", "rootfs", "history"),
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform: its config, and its layers lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = MANIFEST
    annotations: Mapping[str, str] = field(default_factory=dict)

    def refuse_too_many_layers(self) -> None:
        """Raises InvalidInput for more layers than an image can have here."""
        if len(self.layers) > LAYERS_LIMIT:
            raise InvalidInput(
                "an image has at most {limit} layers, this one has {count}",
                limit=LAYERS_LIMIT,
                count=len(self.layers),
            )

    def layers_of(self, config: ImageConfig) -> tuple[tuple[Descriptor, DiffID], ...]:
        """Each layer with what its config says it is. Raises InvalidSpec where they differ in
        number.
        """
        if len(config.diff_ids) != len(self.layers):
            raise InvalidSpec(
                "{where}: {count} layers, but the config lists {listed}",
                where="manifest.layers",
                count=len(self.layers),
                listed=len(config.diff_ids),
            )
        return tuple(zip(self.layers, config.diff_ids, strict=True))

    def to_bytes(self) -> bytes:
        """Deterministic JSON: what a registry stores and a digest names."""
        members: dict[str, Any] = {"schemaVersion": 2, "mediaType": self.media_type}
        members["config"] = self.config.to_json()
        members["layers"] = [layer.to_json() for layer in self.layers]
        return canonical_json(
            members | without_empty({"annotations": sorted_map(self.annotations)})
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Reads OCI's and docker's (schema 2). Raises InvalidSpec."""
        document = _parse_versioned(data, "manifest")
        return cls(
            config=Descriptor.from_json(document.child("config")),
            layers=tuple(map(Descriptor.from_json, document.children("layers"))),
            media_type=document.text("mediaType", MANIFEST),
            annotations=document.text_map("annotations"),
        )


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests: one image for several platforms, or a whole image layout."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = INDEX

    def to_bytes(self) -> bytes:
        """Deterministic JSON."""
        members: dict[str, Any] = {"schemaVersion": 2, "mediaType": self.media_type}
        members["manifests"] = [manifest.to_json() for manifest in self.manifests]
        return canonical_json(
            members | without_empty({"annotations": sorted_map(self.annotations)})
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Index:
        """Reads OCI's and docker's (manifest list). Raises InvalidSpec."""
        document = _parse_versioned(data, "index")
        return cls(
            manifests=tuple(map(Descriptor.from_json, document.children("manifests"))),
            annotations=document.text_map("annotations"),
            media_type=document.text("mediaType", INDEX),
        )


def _parse_versioned(data: bytes, where: str) -> Document:
    document = Document.parse(data, where)
    if document.number("schemaVersion") != 2:
        raise InvalidSpec("{where}: only schemaVersion 2 is supported", where=where)
    return document


def _as_set(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Go's way to write a set in JSON: every name with an empty object."""
    return {name: {} for name in sorted(names)}
