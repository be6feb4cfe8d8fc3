"""ENTRYPOINT and CMD put together.

A file of its own and without imports, because lists of containers show the command of each and
must not wait for everything that starting one needs. Dockerfile reference, "Understand how CMD
and ENTRYPOINT interact"
"""

from __future__ import annotations

from collections.abc import Sequence

Words = Sequence[str] | None


def argv(entrypoint: Words, command: Words, image_entrypoint: Words, image_cmd: Words) -> list[str]:
    """What runs: arguments of `run` replace CMD, `--entrypoint` replaces ENTRYPOINT and drops
    the image's CMD. None is: not said.
    """
    if entrypoint is not None:
        return [*entrypoint, *(command or ())]
    return [*(image_entrypoint or ()), *((image_cmd if command is None else command) or ())]
