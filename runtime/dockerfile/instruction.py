"""Instructions: one class for each, as it is written, before any variable is expanded.

    RUN pip install flask         Run(command=ShellForm("pip install flask"))
    CMD ["python", "app.py"]      Cmd(command=ExecForm(("python", "app.py")))
    COPY --chown=app *.py /app/   Copy(sources=("*.py",), destination="/app/", chown="app")

Texts that may hold variables or be wrong later are `Word`s: they know their place. Every
instruction has its `source` (the lines in the file) and its `text` (those lines as one).

Docker's Dockerfile reference: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runtime.dockerfile.lexer import Directives
from runtime.dockerfile.source import SourceRange, Word


@dataclass(frozen=True, slots=True)
class ShellForm:
    """A command line that a shell is to read: `RUN echo $HOME`."""

    line: Word


@dataclass(frozen=True, slots=True)
class ExecForm:
    """A list of arguments that no shell sees: `RUN ["echo", "hello"]`."""

    arguments: tuple[str, ...]


Command = ShellForm | ExecForm


@dataclass(frozen=True, slots=True)
class HereDocument:
    """Lines below an instruction, up to one that is only `name`: `COPY <<EOF /etc/motd`.

    `content` is as it stands in the file. `expands`: the name is not quoted, so variables count.
    `word` is what announces it.
    """

    word: Word
    name: str
    content: str
    expands: bool
    drops_tabs: bool

    @property
    def text(self) -> str:
        """The content; with `<<-`, without the tabs that its lines begin with."""
        return re.sub("(?m)^\t+", "", self.content) if self.drops_tabs else self.content


@dataclass(frozen=True, slots=True)
class Pair:
    """`name=value`, quotes and variables still in both."""

    name: Word
    value: Word


@dataclass(frozen=True, slots=True)
class Declaration:
    """What ARG declares; `default` is None for a name alone."""

    name: Word
    default: Word | None


@dataclass(frozen=True, slots=True)
class Instruction:
    """What all instructions have."""

    source: SourceRange
    text: str


@dataclass(frozen=True, slots=True)
class From(Instruction):
    """FROM [--platform] image [AS name]: begins a stage."""

    image: Word
    name: str | None = None
    platform: Word | None = None


@dataclass(frozen=True, slots=True)
class Run(Instruction):
    """RUN [--mount…] [--network] command: run it in a container, keep what it changed as a layer.

    `mounts` are read by `mount.read_mount`, when variables are known.
    """

    command: Command
    documents: tuple[HereDocument, ...] = ()
    mounts: tuple[Word, ...] = ()
    network: Word | None = None


@dataclass(frozen=True, slots=True)
class Copy(Instruction):
    """COPY [--chown] [--chmod] [--from] source… destination: files, as a layer.

    They come from the context, or with `origin` (`--from`) from a stage or an image; `documents`
    are sources that stand in the Dockerfile itself.
    """

    sources: tuple[Word, ...]
    destination: Word
    chown: Word | None = None
    chmod: Word | None = None
    origin: Word | None = None
    documents: tuple[HereDocument, ...] = ()
    excludes: tuple[Word, ...] = ()
    parents: bool = False


@dataclass(frozen=True, slots=True)
class Add(Copy):
    """ADD [--checksum] [--unpack] source… destination: as COPY; archives are unpacked, and
    addresses downloaded. `unpack` says whether both or neither of them are.
    """

    checksum: Word | None = None
    unpack: bool | None = None


@dataclass(frozen=True, slots=True)
class Env(Instruction):
    """ENV name=value…: environment of later RUNs and of every container."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Arg(Instruction):
    """ARG name[=default]…: what `--build-arg` may set; gone when the build ends."""

    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Workdir(Instruction):
    """WORKDIR path: the current directory from here on; created when it is not there."""

    path: Word


@dataclass(frozen=True, slots=True)
class User(Instruction):
    """USER name[:group]: who runs later RUNs and the containers."""

    user: Word


@dataclass(frozen=True, slots=True)
class Cmd(Instruction):
    """CMD command: what a container runs when nothing else is said."""

    command: Command


@dataclass(frozen=True, slots=True)
class Entrypoint(Instruction):
    """ENTRYPOINT command: what a container runs always; CMD becomes its arguments."""

    command: Command


@dataclass(frozen=True, slots=True)
class Label(Instruction):
    """LABEL name=value…: facts about the image."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Expose(Instruction):
    """EXPOSE port[/protocol]…: says where a program listens; opens nothing."""

    ports: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Volume(Instruction):
    """VOLUME path…: says where data is that should outlive a container."""

    paths: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class HealthCheck(Instruction):
    """HEALTHCHECK [options] CMD command, or NONE: how to see whether a container is well.

    `command` is None for NONE. Durations are in nanoseconds; 0 is docker's default.
    """

    command: Command | None
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class OnBuild(Instruction):
    """ONBUILD instruction: for whoever builds FROM this image."""

    trigger: Word


@dataclass(frozen=True, slots=True)
class StopSignal(Instruction):
    """STOPSIGNAL signal: what `stop` sends first."""

    signal: Word


@dataclass(frozen=True, slots=True)
class Shell(Instruction):
    """SHELL ["program", "argument"…]: who reads shell forms from here on."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Maintainer(Instruction):
    """MAINTAINER name: the image's author. Old; a LABEL does it today."""

    name: Word


@dataclass(frozen=True, slots=True)
class Stage:
    """A FROM and all that follows it up to the next one. `index` counts from 0."""

    index: int
    base: From
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole file: `arguments` are the ARGs before the first FROM, `stages` are never empty."""

    file: str
    directives: Directives
    arguments: tuple[Arg, ...]
    stages: tuple[Stage, ...]

    @property
    def instructions(self) -> Iterator[Instruction]:
        """All of them, in the order of the file."""
        yield from self.arguments
        for stage in self.stages:
            yield stage.base
            yield from stage.instructions
