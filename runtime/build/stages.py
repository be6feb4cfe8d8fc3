"""Stages: from FROM to FROM.

A stage begins with an image (or `scratch`, or an earlier stage of the same file) and carries its
steps out on it. Only the stage that is wanted is built, and those that it is based on.

Rule: what a step does to files is `perform`'s business.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from runtime.build import events
from runtime.build.image import Draft
from runtime.build.perform import Performer
from runtime.build.plan import Arguments, plan_base, plan_stage
from runtime.dockerfile import instruction as ins
from runtime.errors import DockerfileError, InvalidReference, NotFound
from runtime.oci.descriptor import Platform
from runtime.oci.digest import Digest
from runtime.oci.image import ImageConfig, Manifest
from runtime.oci.reference import Reference

SCRATCH = "scratch"


def find_stage(dockerfile: ins.Dockerfile, target: str | None) -> ins.Stage:
    """The stage to build: by name, by number, or the last one. Raises NotFound."""
    if target is None:
        return dockerfile.stages[-1]
    for stage in dockerfile.stages:
        if target.lower() == stage.base.name or target == str(stage.index):
            return stage
    raise NotFound(
        "there is no stage {name} in {file}",
        hint="a stage gets its name from FROM image AS name",
        name=target,
        file=dockerfile.file,
    )


@dataclass(slots=True)
class Stages:
    """The stages of one build. `number` counts its steps, from 1 to `total`."""

    dockerfile: ins.Dockerfile
    arguments: Arguments
    platform: Platform
    performer: Performer
    resolve: Callable[[Reference], Digest | None]
    number: int = 0
    total: int = 0

    def build(self, wanted: ins.Stage) -> Draft:
        """Build a stage, and before it the earlier stages that it is based on."""
        stages = self.lineage(wanted)
        self.total = sum(1 + len(stage.instructions) for stage in stages)
        draft: Draft | None = None
        for stage in stages:
            with self.step(stage.base):
                draft = draft or self.open_base(stage)
            draft = self.build_on(draft, stage)
        assert draft is not None
        return draft

    def lineage(self, wanted: ins.Stage) -> list[ins.Stage]:
        """The stages to build: the wanted one, before it the one that its FROM names, and so on."""
        stages = [wanted]
        while (earlier := self.find_earlier(stages[0])) is not None:
            stages.insert(0, earlier)
        return stages

    def find_earlier(self, stage: ins.Stage) -> ins.Stage | None:
        """The stage above that a FROM names; None if it names an image."""
        name = self.base_name(stage)
        above = reversed(self.dockerfile.stages[: stage.index])
        return next((each for each in above if each.base.name == name), None)

    def build_on(self, draft: Draft, stage: ins.Stage) -> Draft:
        """Carry out a stage's instructions on what its FROM begins with."""
        escape = self.dockerfile.directives.escape
        plan = plan_stage(stage, draft.config.config, self.arguments, escape)
        for step in plan.steps:
            with self.step(step.instruction):
                draft = self.performer.perform(step, draft)
        config = replace(
            draft.config, config=plan.config, author=plan.author or draft.config.author
        )
        return replace(draft, config=config)

    def open_base(self, stage: ins.Stage) -> Draft:
        """The local image that FROM names, its layers unpacked. Raises DockerfileError."""
        name = self.base_name(stage)
        if name == SCRATCH:
            return Draft.scratch(self.platform)
        digest = self.resolve(self.parse_reference(name, stage))
        if digest is None:
            raise DockerfileError(
                "{file}:{line}:{column}: there is no image {name} on this machine",
                hint="`onggi images` lists those there are; FROM scratch begins with nothing",
                name=name,
                **stage.base.image.place.facts(),
            )
        content = self.performer.content
        manifest = Manifest.from_bytes(content.read(digest))
        config = ImageConfig.from_bytes(content.read(manifest.config.digest))
        draft = Draft(config, manifest.layers)
        self.performer.unpack(draft)
        return draft

    def base_name(self, stage: ins.Stage) -> str:
        """What FROM names, its variables expanded."""
        return plan_base(stage, self.arguments, self.dockerfile.directives.escape)

    def parse_reference(self, name: str, stage: ins.Stage) -> Reference:
        try:
            return Reference.parse(name)
        except InvalidReference as cause:
            raise DockerfileError(
                "{file}:{line}:{column}: this is no name of an image: {name}",
                hint="a name is in lower case, with a tag after a colon: onggi/base:latest",
                name=name,
                **stage.base.image.place.facts(),
            ) from cause

    @contextlib.contextmanager
    def step(self, instruction: ins.Instruction) -> Iterator[None]:
        """Tell the beginning and, if it goes well, the end of a step."""
        self.number += 1
        self.performer.progress(events.StepStarted(self.number, self.total, instruction.text))
        started = time.monotonic()
        yield
        self.performer.progress(events.StepDone(time.monotonic() - started))
