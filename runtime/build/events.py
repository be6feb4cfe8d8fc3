"""What a build says while it runs: values, in order. Somebody else draws them.

    StepStarted → Output… → LayerWritten → StepDone      RUN, COPY, WORKDIR
    StepStarted → StepCached → StepDone                  the same, done before
    StepStarted → StepDone                               ENV, CMD…: only the config changes

Rule: nothing here is text for people, except what a command wrote itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.oci.digest import DiffID


@dataclass(frozen=True, slots=True)
class StepStarted:
    """Step `number` of `total` begins; `text` is its instruction on one line."""

    number: int
    total: int
    text: str


@dataclass(frozen=True, slots=True)
class StepCached:
    """The same step on the same layers was done before: its layer is taken again."""

    diff_id: DiffID


@dataclass(frozen=True, slots=True)
class Output:
    """What a RUN wrote just now; `stream` is "stdout" or "stderr"."""

    stream: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LayerWritten:
    """A new layer is in the content store: `size_bytes` of tar."""

    diff_id: DiffID
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """The step is complete. One that only changes the image's config takes next to no time."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class UnusedBuildArguments:
    """These `--build-arg`s are declared by no ARG, so they changed nothing."""

    names: tuple[str, ...]


Event = StepStarted | StepCached | Output | LayerWritten | StepDone | UnusedBuildArguments
