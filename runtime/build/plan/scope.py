"""The scope: what holds at one point of a stage, and what a word means there.

    ARG VERSION=1          declared: RUN and later lines see it, the image does not
    ENV HOME=/srv/$VERSION config.env: all three do
    WORKDIR app            relative to the WORKDIR before

Every instruction reads the scope, and many change it for those that follow. Rule: pure.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from runtime.build.plan.arguments import Arguments
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.expand import expand
from runtime.dockerfile.source import Word
from runtime.oci.image import RunConfig

DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(slots=True)
class Scope:
    """`config` is the image's so far, `declared` what ARG has set in this stage.

    `cmd_is_own`: CMD stands in this stage and was not inherited.
    """

    config: RunConfig
    arguments: Arguments
    escape: str = "\\"
    declared: dict[str, str] = field(default_factory=dict)
    author: str = ""
    cmd_is_own: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """ENV wins over an ARG of the same name."""
        return self.declared | variables_of(self.config.env)

    def expand(self, word: Word) -> str:
        """The text with its variables' values, quotes and escapes gone. Raises DockerfileError."""
        return expand(word, self.variables, self.escape)

    def expand_word(self, word: Word) -> Word:
        """The same, still knowing where it stood."""
        return Word(self.expand(word), word.place)

    def absolute(self, path: str) -> PurePosixPath:
        """`path` seen from the current WORKDIR, without `.` and `..`."""
        joined = posixpath.join("/", self.config.working_dir, path)
        return PurePosixPath("/" + posixpath.normpath(joined).lstrip("/"))

    def argv(self, command: ins.Command) -> tuple[str, ...]:
        """An exec form as it is; a shell form behind the shell that is set here."""
        if isinstance(command, ins.ExecForm):
            return command.arguments
        return (*(self.config.shell or DEFAULT_SHELL), command.line.text)


def variables_of(env: tuple[str, ...]) -> dict[str, str]:
    """`NAME=value` entries as a mapping."""
    return {name: value for name, _, value in (entry.partition("=") for entry in env)}


def entries_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """A mapping as `NAME=value` entries."""
    return tuple(f"{name}={value}" for name, value in variables.items())
