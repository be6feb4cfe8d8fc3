"""RUN: one command in a container on the layers so far; what it changed is the layer.

Whose container it is, and how it is started, is not known here: see `RunStep`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runtime.build import events
from runtime.build.mounts import Furniture
from runtime.build.owner import find_owner
from runtime.build.step import RunCommand
from runtime.build.tree import ImageTree
from runtime.container.messages import Exit
from runtime.dockerfile.source import Word
from runtime.errors import BuildFailed, CommandNotStarted
from runtime.oci.mounts import Mount
from runtime.oci.spec import Process
from runtime.snapshot.overlay import Overlay

LOG_TAIL_BYTES = 4096
"""How much of a failed command's output a BuildFailed carries."""


class RunStep(Protocol):
    """Runs one command on the writable snapshot with this key (`container.step.run_step`)."""

    def __call__(
        self,
        snapshot: str,
        program: Process,
        on_output: Callable[[str, bytes], None],
        mounts: tuple[Mount, ...],
        network: str,
    ) -> Exit: ...


def run_command(
    step: RunCommand,
    key: str,
    overlay: Overlay,
    furniture: Furniture,
    run_step: RunStep,
    progress: Callable[[events.Event], None],
) -> None:
    """Run the step's command. Raises BuildFailed when it ends with anything but 0."""
    # The container would refuse an unknown user too, but could not say where it stands.
    find_owner(Word(step.user, step.instruction.source.place), ImageTree.of(overlay))
    tail = bytearray()

    def on_output(stream: str, data: bytes) -> None:
        tail.extend(data)
        del tail[:-LOG_TAIL_BYTES]
        progress(events.Output(stream, data))

    env = (*step.env, *step.secret_env, *furniture.env)
    program = Process(args=step.argv, env=env, cwd=str(step.cwd), user=step.user)
    try:
        end = run_step(key, program, on_output, tuple(furniture.mounts), step.network)
    except CommandNotStarted as error:
        raise command_failed(step, error.exit_code, error.message) from error
    if end.code != 0:
        raise command_failed(step, end.code, tail.decode(errors="replace"))


def command_failed(step: RunCommand, exit_status: int, log_tail: str) -> BuildFailed:
    """The error for a RUN, with the place of its instruction."""
    return BuildFailed(
        "{file}:{line}:{column}: the command ended with exit code {exit_status}: {command}",
        hint=_HINTS.get(exit_status, ""),
        exit_status=exit_status,
        log_tail=log_tail,
        command=step.instruction.text,
        **step.instruction.source.place.facts(),
    )


_HINTS = {
    126: "the program is there, but may not be executed",
    127: "there is no such program in the image, or not in its PATH",
    137: "it was killed (SIGKILL), maybe because memory ran out",
}
