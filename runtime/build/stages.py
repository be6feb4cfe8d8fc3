"""Stages: from FROM to FROM.

A stage begins with an image (or `scratch`, or an earlier stage of the same file) and carries its
steps out on it. Only the stage that is wanted is built, and those that it is based on or copies
from.

Rule: what a step does to files is `perform`'s business.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from runtime.build import events
from runtime.build.image import Draft
from runtime.build.image_files import ImageFiles
from runtime.build.perform import Performer
from runtime.build.plan.arguments import Arguments, check_platform, plan_base
from runtime.build.plan.settings import TRIGGERS, with_triggers
from runtime.build.plan.stage import plan_stage
from runtime.build.sources import Files
from runtime.build.tree import ImageTree
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.mount import mount_origin
from runtime.dockerfile.parser import parse_lines
from runtime.dockerfile.source import Word
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


def origins_of(instruction: ins.Instruction) -> Iterator[Word]:
    """The stages and images that an instruction takes files from."""
    match instruction:
        case ins.Copy(origin=origin) if origin:
            yield origin
        case ins.Run(mounts=mounts):
            yield from filter(None, map(mount_origin, mounts))


@dataclass(slots=True)
class Stages:
    """The stages of one build. `number` counts its steps, from 1 to `total`; stages of the names
    in `uncached` are built anew.
    """

    dockerfile: ins.Dockerfile
    arguments: Arguments
    platform: Platform
    performer: Performer
    resolve: Callable[[Reference], Digest | None]
    uncached: frozenset[str] = frozenset()
    number: int = 0
    total: int = 0
    drafts: dict[int, Draft] = field(default_factory=dict)

    def build(self, wanted: ins.Stage) -> Draft:
        """Build a stage, and before it, in the order of the file, the stages that it needs."""
        stages = self.needed(wanted)
        self.total = sum(1 + len(stage.instructions) for stage in stages)
        for stage in stages:
            self.draft(stage)
        return self.draft(wanted)

    def needed(self, wanted: ins.Stage) -> list[ins.Stage]:
        """The wanted stage and those it is made of; all others are skipped."""
        found = {wanted.index: wanted}
        waiting = [wanted]
        while waiting:
            stage = waiting.pop()
            origins = [
                self.find_origin(word, stage)
                for instruction in stage.instructions
                for word in origins_of(instruction)
            ]
            for each in (self.find_base(stage), *origins):
                if each and each.index not in found:
                    found[each.index] = each
                    waiting.append(each)
        return [found[index] for index in sorted(found)]

    def draft(self, stage: ins.Stage) -> Draft:
        """The stage as an image; it is built once."""
        if stage.index not in self.drafts:
            base = self.find_base(stage)
            below = self.draft(base) if base else None
            with self.step(stage.base):
                check_platform(stage, self.arguments, self.platform, self.escape)
                below = below or self.open_base(stage)
            self.drafts[stage.index] = self.build_on(below, stage)
        return self.drafts[stage.index]

    def find_base(self, stage: ins.Stage) -> ins.Stage | None:
        """The stage above that a FROM names; None if it names an image."""
        return self.find_above(stage, self.base_name(stage))

    def find_origin(self, word: Word, stage: ins.Stage) -> ins.Stage | None:
        """The stage above that COPY --from means, by name or number; None if it is an image.

        Raises DockerfileError for a number that no stage above has.
        """
        if not word.text.isdecimal():
            return self.find_above(stage, word.text.lower())
        if int(word.text) >= stage.index:
            raise DockerfileError(
                "{file}:{line}:{column}: there is no stage {name} above this one",
                hint="stages are counted from 0; a name is easier to read: FROM image AS name",
                name=word.text,
                **word.place.facts(),
            )
        return self.dockerfile.stages[int(word.text)]

    def find_above(self, stage: ins.Stage, name: str) -> ins.Stage | None:
        """The nearest stage before this one that has the name."""
        above = reversed(self.dockerfile.stages[: stage.index])
        return next((each for each in above if each.base.name == name), None)

    def build_on(self, draft: Draft, stage: ins.Stage) -> Draft:
        """Carry out a stage's instructions on what its FROM begins with."""
        draft, stage = self.pull_triggers(draft, stage)
        plan = plan_stage(stage, draft.config.config, self.arguments, self.escape)
        performer = self.performer
        if stage.base.name in self.uncached or str(stage.index) in self.uncached:
            performer = replace(performer, use_cache=False)
        for step in plan.steps:
            with self.step(step.instruction):
                draft = performer.perform(step, draft, lambda origin: self.files(origin, stage))
        config = replace(
            draft.config, config=plan.config, author=plan.author or draft.config.author
        )
        return replace(draft, config=config)

    def pull_triggers(self, draft: Draft, stage: ins.Stage) -> tuple[Draft, ins.Stage]:
        """The base image's ONBUILD instructions become the stage's first ones, and are gone."""
        config = draft.config.config
        triggers = config.extra.get(TRIGGERS) or ()
        file = f"ONBUILD ({self.base_name(stage)})"
        pulled = tuple(each for text in triggers for each in parse_lines(text, file))
        self.total += len(pulled)
        clean = replace(draft.config, config=with_triggers(config, ()))
        longer = replace(stage, instructions=(*pulled, *stage.instructions))
        return replace(draft, config=clean), longer

    def files(self, word: Word | None, stage: ins.Stage) -> Files:
        """Where a step takes files from: the context, an earlier stage or an image."""
        if word is None:
            return self.performer.context
        origin = self.find_origin(word, stage)
        draft = self.draft(origin) if origin else self.open_image(word.text, word)
        overlay = self.performer.snapshots.view(draft.chain)
        return ImageFiles(ImageTree.of(overlay), word.text)

    def open_base(self, stage: ins.Stage) -> Draft:
        """What FROM names, if it is no stage. Raises DockerfileError."""
        return self.open_image(self.base_name(stage), stage.base.image)

    def open_image(self, name: str, word: Word) -> Draft:
        """The local image of this name, its layers unpacked. Raises DockerfileError."""
        if name == SCRATCH:
            return Draft.scratch(self.platform)
        digest = self.resolve(self.parse_reference(name, word))
        if digest is None:
            raise DockerfileError(
                "{file}:{line}:{column}: there is no image {name} on this machine",
                hint="`onggi images` lists those there are; FROM onggi/base works on any host",
                name=name,
                **word.place.facts(),
            )
        content = self.performer.content
        manifest = Manifest.from_bytes(content.read(digest))
        config = ImageConfig.from_bytes(content.read(manifest.config.digest))
        draft = Draft(config, manifest.layers)
        self.performer.unpack(draft)
        return draft

    @property
    def escape(self) -> str:
        """The Dockerfile's escape character."""
        return self.dockerfile.directives.escape

    def base_name(self, stage: ins.Stage) -> str:
        """What FROM names, its variables expanded."""
        return plan_base(stage, self.arguments, self.escape)

    def parse_reference(self, name: str, word: Word) -> Reference:
        try:
            return Reference.parse(name)
        except InvalidReference as cause:
            raise DockerfileError(
                "{file}:{line}:{column}: this is no name of an image: {name}",
                hint="a name is in lower case, with a tag after a colon: onggi/base:latest",
                name=name,
                **word.place.facts(),
            ) from cause

    @contextlib.contextmanager
    def step(self, instruction: ins.Instruction) -> Iterator[None]:
        """Tell the beginning and, if it goes well, the end of a step."""
        self.number += 1
        self.performer.progress(events.StepStarted(self.number, self.total, instruction.text))
        started = time.monotonic()
        yield
        self.performer.progress(events.StepDone(time.monotonic() - started))
