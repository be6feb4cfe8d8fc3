"""The builder: from a directory with a Dockerfile to an image in the stores.

    Dockerfile ──parse──▶ stages ──plan──▶ steps ──carry out──▶ layers ──▶ config, manifest

Its neighbours come in as arguments: the stores, the cache, who can run a command in a container
and who knows local images. Rule: it starts no process and opens no database itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.build import events
from runtime.build.cache import Cache
from runtime.build.cache_directory import CacheDirectories
from runtime.build.command import RunStep
from runtime.build.download import Downloads
from runtime.build.given import Stream, open_given
from runtime.build.mounts import Furnisher
from runtime.build.perform import Performer
from runtime.build.plan.arguments import GO_ARCHITECTURES, plan_arguments, unused_arguments
from runtime.build.stages import Stages, find_stage
from runtime.build.store import BuiltImage, store_image
from runtime.content.store import ContentStore
from runtime.oci.descriptor import Platform
from runtime.oci.digest import Digest
from runtime.oci.reference import Reference
from runtime.snapshot.overlay import Snapshots


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds images into `content` and `snapshots`. `resolve` finds a local image's manifest;
    `caches` is for `RUN --mount=type=cache`, `downloads` for ADD.
    """

    content: ContentStore
    snapshots: Snapshots
    cache: Cache
    caches: CacheDirectories
    downloads: Downloads
    run_step: RunStep
    resolve: Callable[[Reference], Digest | None]

    def build(
        self,
        context: Path | Stream,
        dockerfile: str | Stream | None = None,
        *,
        build_args: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        target: str | None = None,
        epoch: int | None = None,
        no_cache: bool = False,
        no_cache_stages: Collection[str] = (),
        secrets: Mapping[str, bytes] | None = None,
        progress: Callable[[events.Event], None] = lambda _event: None,
        check: Callable[[], None] = lambda: None,
    ) -> BuiltImage:
        """Build the last stage of the Dockerfile, or the one that `target` names.

        Both may be streams: see `given`; a path of a `dockerfile` is relative to the context.
        Stages named in `no_cache_stages` are built anew. With `epoch` (seconds since 1970) the
        same files make the same image, to the digest, on any host and at any time. `secrets`, by
        id, are for `RUN --mount=type=secret`. `check` is called now and then while a context is
        unpacked, and ends the build by what it raises.

        Raises DockerfileError (BuildFailed for a RUN that failed), NotFound without a context
        or Dockerfile. Whatever is raised, the unfinished step leaves nothing, and the finished
        ones stay in the cache.
        """
        with open_given(self.snapshots, context, dockerfile, check) as (opened, parsed):
            given = build_args or {}
            arguments = plan_arguments(parsed, given, host_platform(), epoch, target)
            if unused := unused_arguments(parsed, given):
                progress(events.UnusedBuildArguments(unused))
            performer = Performer(
                content=self.content,
                snapshots=self.snapshots,
                cache=self.cache,
                run_step=self.run_step,
                context=opened,
                downloads=self.downloads,
                furnisher=Furnisher(self.snapshots, self.caches, secrets or {}, epoch),
                epoch=epoch,
                use_cache=not no_cache,
                progress=progress,
            )
            stages = Stages(
                parsed,
                arguments,
                host_platform(),
                performer,
                self.resolve,
                frozenset(map(str.lower, no_cache_stages)),
            )
            return store_image(self.content, stages.build(find_stage(parsed, target)), labels)


def host_platform() -> Platform:
    """What this host runs, in the words of images."""
    machine = os.uname().machine
    return Platform(GO_ARCHITECTURES.get(machine, machine), "linux")
