"""The image so far: what grows from step to step, and what is written at the end.

Each step adds one entry to the history and at most one layer, so that `history` and `layers`
tell the same story: entries with `empty_layer` changed only the config.
image-spec: config.md "history", manifest.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runtime.build.cache import CacheHit
from runtime.build.step import Step
from runtime.oci.descriptor import Descriptor, Platform
from runtime.oci.digest import ChainID
from runtime.oci.identity import chain_ids
from runtime.oci.image import History, ImageConfig

COMMENT = "onggi"


@dataclass(frozen=True, slots=True)
class Draft:
    """An image that is being built; `layers` and `config.diff_ids` run side by side."""

    config: ImageConfig
    layers: tuple[Descriptor, ...] = ()

    @classmethod
    def scratch(cls, platform: Platform) -> Draft:
        """No layer, no setting: what FROM scratch begins with."""
        return cls(ImageConfig(platform.architecture, platform.os, variant=platform.variant))

    @property
    def chain(self) -> ChainID | None:
        """The file system it has now."""
        ids = chain_ids(self.config.diff_ids)
        return ids[-1] if ids else None

    def with_layer(self, step: Step, hit: CacheHit) -> Draft:
        """After a step that made a layer."""
        grown = replace(self.config, diff_ids=(*self.config.diff_ids, hit.diff_id))
        return Draft(_after(grown, step, hit.created), (*self.layers, hit.descriptor))

    def with_config(self, step: Step, epoch: str | None) -> Draft:
        """After a step that changed no file.

        It counts as old as the layer below it: a build that only repeats is then the same image.
        """
        created = epoch or self.config.created
        return Draft(_after(self.config, step, created, empty_layer=True), self.layers)


def _after(
    config: ImageConfig, step: Step, created: str | None, *, empty_layer: bool = False
) -> ImageConfig:
    entry = History(
        created=created,
        created_by=step.created_by,
        comment=COMMENT,
        empty_layer=empty_layer,
    )
    return replace(config, created=created, config=step.config, history=(*config.history, entry))
