"""Commit: what a container has changed becomes one more layer on its image.

    image ──▶ container writes ──▶ upper directory ──▶ layer ──▶ image + layer

It is what the builder does after each RUN, done by hand to a container that already ran.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runtime.build.image import Draft
from runtime.build.perform import timestamp
from runtime.build.plan.stage import plan_changes
from runtime.build.store import BuiltImage, store_image, store_layer
from runtime.content.store import ContentStore
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.parser import parse_lines
from runtime.errors import DockerfileError
from runtime.oci.descriptor import LAYER, Descriptor
from runtime.oci.digest import DiffID
from runtime.oci.image import History, RunConfig

CHANGES = (
    *(ins.Cmd, ins.Entrypoint, ins.Env, ins.Expose, ins.HealthCheck, ins.Label, ins.OnBuild),
    *(ins.StopSignal, ins.User, ins.Volume, ins.Workdir),
)
"""Instructions that `--change` takes: those that set the config and touch no file."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the new image's history says. `seconds` count from 1970."""

    created_by: str
    seconds: int
    message: str = ""
    author: str = ""


def changed_config(config: RunConfig, changes: str) -> RunConfig:
    """`config` after Dockerfile instructions. Raises DockerfileError."""
    instructions = parse_lines(changes, "--change")
    for instruction in instructions:
        if not isinstance(instruction, CHANGES):
            raise DockerfileError(
                "{file}:{line}:{column}: this instruction sets no configuration: {text}",
                hint="CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR and the like do",
                text=instruction.text,
                **instruction.source.place.facts(),
            )
    return plan_changes(instructions, config)


def merged(asked: RunConfig, own: RunConfig) -> RunConfig:
    """What was asked for, and where nothing was, what the container has; of variables, labels,
    ports and volumes both. moby: daemon/commit.go, merge
    """
    named = {entry.partition("=")[0] for entry in asked.env}
    kept = (entry for entry in own.env if entry.partition("=")[0] not in named)
    health = {name: value for name, value in (asked.healthcheck or {}).items() if value}
    runs_own = not asked.entrypoint
    return replace(
        own,
        user=asked.user or own.user,
        exposed_ports=tuple(dict.fromkeys((*own.exposed_ports, *asked.exposed_ports))),
        env=(*asked.env, *kept),
        labels={**own.labels, **asked.labels},
        entrypoint=own.entrypoint if asked.entrypoint is None else asked.entrypoint,
        cmd=asked.cmd or (own.cmd if runs_own else None),
        healthcheck={**(own.healthcheck or {}), **health} or None,
        working_dir=asked.working_dir or own.working_dir,
        volumes=tuple(dict.fromkeys((*own.volumes, *asked.volumes))),
        stop_signal=asked.stop_signal or own.stop_signal,
    )


def commit(
    content: ContentStore,
    below: Draft,
    upper: Path,
    config: RunConfig,
    note: Note,
    epoch: int | None = None,
) -> BuiltImage:
    """A new image: `below`, the changes in `upper`, and `config`. Raises like `store_layer`."""
    digest, size = store_layer(content, upper, epoch)
    created = timestamp(note.seconds if epoch is None else epoch)
    entry = History(created, note.created_by, note.author, note.message)
    grown = replace(
        below.config,
        created=created,
        author=note.author or below.config.author,
        config=config,
        diff_ids=(*below.config.diff_ids, DiffID(digest)),  # layers are stored as they are
        history=(*below.config.history, entry),
    )
    return store_image(content, Draft(grown, (*below.layers, Descriptor(LAYER, digest, size))))
