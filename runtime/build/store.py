"""Writing an image down: a layer, then a config and a manifest that name it; and unpacking one.

The builder does it step by step, `commit` once; the bytes are the same.
image-spec: manifest.md, config.md, layer.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.build.image import Draft
from runtime.content.store import ContentStore
from runtime.errors import IntegrityError
from runtime.layer.apply import apply_layer
from runtime.layer.diff import changes_of_upper
from runtime.layer.tar import write_layer
from runtime.oci.descriptor import CONFIG, MANIFEST, Descriptor
from runtime.oci.digest import ChainID, DiffID, Digest
from runtime.oci.image import Manifest
from runtime.snapshot.overlay import Snapshots


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """A finished image: the manifest's digest is its address, the config's its ID."""

    manifest: Descriptor
    config: Descriptor


def store_layer(content: ContentStore, upper: Path, epoch: int | None) -> tuple[Digest, int]:
    """The changes in `upper` as a plain tar in the store: its digest and its bytes.

    Raises like `layer.tar.write_layer`; nothing is left then.
    """
    with content.writer() as blob:
        write_layer(changes_of_upper(upper), blob, epoch=epoch)
        return blob.commit()


def store_image(
    content: ContentStore, draft: Draft, labels: Mapping[str, str] | None = None
) -> BuiltImage:
    """Write config and manifest; from here on the image is complete. `labels` are added."""
    run_config = draft.config.config
    run_config = replace(run_config, labels={**run_config.labels, **(labels or {})})
    config_bytes = replace(draft.config, config=run_config).to_bytes()
    config = Descriptor(CONFIG, _keep(content, config_bytes), len(config_bytes))
    manifest_bytes = Manifest(config, draft.layers).to_bytes()
    digest = _keep(content, manifest_bytes)
    return BuiltImage(Descriptor(MANIFEST, digest, len(manifest_bytes)), config)


def _keep(content: ContentStore, data: bytes) -> Digest:
    """Have it in the store. A build that only repeats writes nothing, and waits for no disk."""
    digest = Digest.of(data)
    return digest if content.has(digest) else content.add(data)


def unpack_layer(
    content: ContentStore,
    snapshots: Snapshots,
    chain_id: ChainID,
    parent: ChainID | None,
    layer: Descriptor,
    diff_id: DiffID,
) -> None:
    """Have a layer of the store as a snapshot, on that of `parent`.

    Raises IntegrityError if it is not the layer that the image's config lists, and like
    `layer.apply.apply_layer`; nothing is left then.
    """

    def write(place: Path) -> None:
        with content.open(layer.digest) as blob:
            found = apply_layer(blob, place).diff_id
        if found != diff_id:
            raise IntegrityError(
                "a layer's content is not what its image says: {digest}",
                expected=diff_id,
                actual=found,
                hint="the image is damaged or was tampered with: get or build it again",
                digest=layer.digest.short,
            )

    snapshots.unpack(chain_id, parent, write)
