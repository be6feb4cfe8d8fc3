"""The plan of a stage: what each of its instructions means, worked out before anything runs.

A stage and its base image's config determine every command line, path, variable and history
line of the build, since nothing that runs can change them. So planning is a pure function:

    plan_stage(stage, base config, arguments) → steps, final config

Rule: pure; opens nothing, runs nothing. image-spec: config.md; Dockerfile reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runtime.build.plan.arguments import Arguments
from runtime.build.plan.command import plan_run
from runtime.build.plan.files import plan_copy
from runtime.build.plan.scope import Scope
from runtime.build.plan.settings import change_config
from runtime.build.step import MakeDirectory, SetConfig, Step
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.source import Word
from runtime.oci.image import RunConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage's steps, and what the image inherits from them."""

    steps: tuple[Step, ...]
    config: RunConfig
    author: str


def plan_stage(
    stage: ins.Stage, base: RunConfig, arguments: Arguments, escape: str = "\\"
) -> StagePlan:
    """What the stage's instructions do on an image with config `base`. Raises DockerfileError."""
    scope = Scope(_with_path(base), arguments, escape)
    steps = tuple(plan_step(scope, instruction) for instruction in stage.instructions)
    return StagePlan(steps, scope.config, scope.author)


def plan_changes(instructions: Iterable[ins.Instruction], config: RunConfig) -> RunConfig:
    """The config after instructions that stand in no Dockerfile. Raises DockerfileError."""
    scope = Scope(config, Arguments())
    for instruction in instructions:
        plan_step(scope, instruction)
    return scope.config


def plan_step(scope: Scope, instruction: ins.Instruction) -> Step:
    """The step for one instruction; `scope` is afterwards what holds for the next."""
    match instruction:
        case ins.Run():
            return plan_run(scope, instruction)
        case ins.Copy():  # and ADD
            return plan_copy(scope, instruction)
        case ins.Workdir():
            return _plan_workdir(scope, instruction)
    created_by = change_config(scope, instruction)
    return SetConfig(instruction, created_by, scope.config)


def _plan_workdir(scope: Scope, instruction: ins.Workdir) -> MakeDirectory:
    path = scope.absolute(scope.expand(instruction.path))
    scope.config = replace(scope.config, working_dir=str(path))
    return MakeDirectory(
        instruction,
        f"WORKDIR {path}",
        scope.config,
        path=path,
        owner=Word(scope.config.user, instruction.source.place),
    )


def _with_path(config: RunConfig) -> RunConfig:
    """Programs are found in an image that says nothing about PATH too, as with docker."""
    if any(entry.startswith("PATH=") for entry in config.env):
        return config
    return replace(config, env=(*config.env, f"PATH={DEFAULT_PATH}"))
