"""The builder: from a directory with a Dockerfile to an image in the stores.

    Dockerfile ──parse──▶ stages ──plan──▶ steps ──carry out──▶ layers ──▶ config, manifest

Its neighbours come in as arguments: the stores, the cache, who can run a command in a container
and who knows local images. Rule: it starts no process and opens no database itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.build import events
from runtime.build.cache import Cache
from runtime.build.cache_directory import CacheDirectories
from runtime.build.command import RunStep
from runtime.build.context import Context, decode
from runtime.build.download import Downloads
from runtime.build.mounts import Furnisher
from runtime.build.perform import Performer
from runtime.build.plan.arguments import GO_ARCHITECTURES, plan_arguments, unused_arguments
from runtime.build.stages import Stages, find_stage
from runtime.build.store import BuiltImage, store_image
from runtime.content.store import ContentStore
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.ignore import Ignore
from runtime.dockerfile.parser import parse
from runtime.errors import NotFound
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
        context: Path,
        dockerfile: str | None = None,
        *,
        build_args: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        target: str | None = None,
        epoch: int | None = None,
        no_cache: bool = False,
        secrets: Mapping[str, bytes] | None = None,
        progress: Callable[[events.Event], None] = lambda _event: None,
    ) -> BuiltImage:
        """Build the last stage of the Dockerfile, or the one that `target` names.

        `dockerfile` is a path, relative to the context. With `epoch` (seconds since 1970) the
        same files make the same image, to the digest, on any host and at any time. `secrets`, by
        id, are for `RUN --mount=type=secret`.

        Raises DockerfileError (BuildFailed for a RUN that failed), NotFound without a context
        or Dockerfile. Whatever is raised, the unfinished step leaves nothing, and the finished
        ones stay in the cache.
        """
        with Context(context) as opened:
            parsed, opened.ignore = read_dockerfile(context, dockerfile)
            given = build_args or {}
            arguments = plan_arguments(parsed, given, host_platform(), epoch)
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
            stages = Stages(parsed, arguments, host_platform(), performer, self.resolve)
            return store_image(self.content, stages.build(find_stage(parsed, target)), labels)


def read_dockerfile(context: Path, dockerfile: str | None) -> tuple[ins.Dockerfile, Ignore]:
    """The parsed Dockerfile, and the .dockerignore that goes with it.

    `NAME.dockerignore` beside the Dockerfile is for that one alone, `.dockerignore` in the
    context for all others. Raises NotFound, InvalidInput, DockerfileError.
    """
    name = dockerfile or "Dockerfile"
    path = context / name
    try:
        text = decode(path.read_bytes(), name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as cause:
        raise NotFound(
            "there is no file {name} in the build context: {path}",
            hint="write one there, or name another one with -f",
            name=name,
            path=context,
        ) from cause
    return parse(text, name), read_ignore(path, context)


def read_ignore(dockerfile: Path, context: Path) -> Ignore:
    """The .dockerignore for this Dockerfile; one that ignores nothing if there is none."""
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    for path in (own, context / ".dockerignore"):
        if path.is_file():
            return Ignore.parse(decode(path.read_bytes(), path.name), path.name)
    return Ignore()


def host_platform() -> Platform:
    """What this host runs, in the words of images."""
    machine = os.uname().machine
    return Platform(GO_ARCHITECTURES.get(machine, machine), "linux")
