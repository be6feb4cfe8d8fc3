"""Base images with no download: from recipes to layers, manifests and names.

    recipe ──▶ Tree ──write_tree──▶ a snapshot ──tree_layer──▶ a blob ──▶ config, manifest, name

It is what a build step does: files go into a writable snapshot, their tar into the content
store, and then the snapshot becomes the layer's. So the first container finds everything
unpacked. Made again from the same files, everything has the same digest and nothing is added.

Rule: a name is given last. Whatever ends this before, kill -9 included, leaves only blobs and
snapshots that nobody refers to, and garbage collection takes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runtime.build.builder import host_platform
from runtime.content.store import ContentStore
from runtime.engine.bootstrap.names import BASES, NAMES
from runtime.engine.bootstrap.tree import write_tree
from runtime.errors import NotFound
from runtime.layer.tar import tree_layer
from runtime.oci.descriptor import CONFIG, LAYER, MANIFEST, Descriptor
from runtime.oci.digest import ChainID, DiffID
from runtime.oci.identity import chain_ids
from runtime.oci.image import History, ImageConfig, Manifest
from runtime.oci.reference import Reference
from runtime.snapshot.overlay import Snapshots

if TYPE_CHECKING:
    from runtime.engine.bootstrap.recipes import ImageRecipe, LayerRecipe

RECIPE_DATE = 1_767_225_600
"""2026-01-01, in seconds since 1970: every file's time and every image's date. The host's files
have no date in common, and one that changed from day to day would change every digest. (Not
1970: a zip file, and so a wheel, cannot say a year before 1980.)"""

Progress = Callable[[str, int, int], None]
"""Told what is being written, how many entries of it are, and of how many."""


def bootstrap(
    content: ContentStore,
    snapshots: Snapshots,
    tag: Callable[[Reference, Descriptor], None],
    progress: Progress = lambda what, done, total: None,
    names: Collection[str] = BASES,
) -> None:
    """Make the images `names` of this host's own files, unpacked and ready to run.

    `tag` gets each name with its manifest when that one is whole and durable. The caller holds
    the state directory's lock for writers.

    Raises NotFound for a name that has no recipe, HostLacks when the host has no pip, and
    KernelError when the disk is full; then nothing has been named.
    """
    # Looking at programs and packages needs modules that nobody needs who only runs containers.
    from runtime.engine.bootstrap.recipes import recipes

    for name in names:
        if name not in NAMES:
            raise NotFound("there is no recipe for the image {name}", name=name)
    progress("looking at this host's programs", 0, 1)
    layers: list[Descriptor] = []
    made: list[tuple[str, Descriptor]] = []
    for recipe in recipes(names):
        for layer in recipe.layers[len(layers) :]:
            layers.append(_write_layer(layer, layers, content, snapshots, progress))
        made.append((recipe.name, _write_manifest(recipe, layers, content)))
    for name, manifest in made:
        if name in names:
            tag(Reference.parse(name), manifest)


def _write_layer(
    recipe: LayerRecipe,
    below: list[Descriptor],
    content: ContentStore,
    snapshots: Snapshots,
    progress: Progress,
) -> Descriptor:
    """The layer as a blob and, on top of those `below`, as a snapshot."""
    key = f"build-bootstrap-{secrets.token_hex(6)}"
    total = len(recipe.tree.entries)
    upper = snapshots.prepare(key, _chain_ids(below)[-1] if below else None).upper
    assert upper is not None, "a prepared snapshot is writable"
    try:
        write_tree(
            recipe.tree,
            upper,
            epoch=RECIPE_DATE,
            written=lambda done: progress(recipe.title, done, total),
        )
        with content.writer() as blob:
            tree_layer(upper, blob, epoch=RECIPE_DATE)
            digest, size = blob.commit()
        layer = Descriptor(LAYER, digest, size)
        snapshots.commit(key, _chain_ids([*below, layer])[-1])
    finally:
        snapshots.remove(key)  # after a commit there is no such key any more
    return layer


def _write_manifest(
    recipe: ImageRecipe, layers: list[Descriptor], content: ContentStore
) -> Descriptor:
    """Config and manifest; the image is complete then, and nameless."""
    config = _config(recipe, layers).to_bytes()
    pointer = Descriptor(CONFIG, content.add(config), len(config))
    manifest = Manifest(pointer, tuple(layers)).to_bytes()
    return Descriptor(MANIFEST, content.add(manifest), len(manifest))


def _config(recipe: ImageRecipe, layers: list[Descriptor]) -> ImageConfig:
    from runtime.engine.bootstrap.recipes import host_name

    platform = host_platform()
    date = datetime.fromtimestamp(RECIPE_DATE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    comment = f"from the files of {host_name()}"
    return ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        created=date,
        config=recipe.config,
        diff_ids=_diff_ids(layers),
        history=tuple(
            History(created=date, created_by=layer.created_by, comment=comment)
            for layer in recipe.layers
        ),
    )


def _chain_ids(layers: list[Descriptor]) -> tuple[ChainID, ...]:
    return chain_ids(_diff_ids(layers))


def _diff_ids(layers: list[Descriptor]) -> tuple[DiffID, ...]:
    """Our layers are stored as they are, so a blob's digest is its DiffID."""
    return tuple(DiffID(layer.digest) for layer in layers)
