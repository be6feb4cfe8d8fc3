"""Steps: what an instruction means once all its variables are known.

    SetConfig      ENV, CMD, LABEL…: no file changes, an empty layer in the history
    MakeDirectory  WORKDIR
    CopyFiles      COPY, ADD
    RunCommand     RUN

A step knows everything that its layer depends on (`facts`), and `cache_key` is a digest over
exactly that. Rule: pure values.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from runtime.build.mode import Mode
from runtime.dockerfile.ignore import Ignore
from runtime.dockerfile.instruction import Instruction
from runtime.dockerfile.mount import RunMount
from runtime.dockerfile.source import Word
from runtime.oci.digest import ChainID
from runtime.oci.image import RunConfig


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, understood. `config` is the image's config once it is done."""

    instruction: Instruction
    created_by: str
    config: RunConfig

    @property
    def facts(self) -> tuple[object, ...]:
        """What its layer depends on, as JSON values."""
        return ()


@dataclass(frozen=True, slots=True)
class SetConfig(Step):
    """Changes the config alone."""


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Create `path`, owned by `owner` (what USER says), unless it is there."""

    path: PurePosixPath
    owner: Word

    @property
    def facts(self) -> tuple[object, ...]:
        return (str(self.path), self.owner.text)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where COPY puts things: an absolute path; `is_directory` if it was written as one."""

    word: Word
    path: PurePosixPath
    is_directory: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A file whose bytes stand in the Dockerfile: a here-document, its variables expanded."""

    word: Word
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CopyFiles(Step):
    """Copy `sources` of the context, or of what `origin` names, and `documents`.

    `mode` None keeps each file's own. Without `owner` files of the context belong to root, those
    of a stage or an archive keep theirs. With `parents` they keep the directories they are in;
    what `excludes` says stays where it is. For ADD: `addresses` are downloaded, and must have the
    `checksum`; `unpacks`: archives become the files in them, downloaded ones if
    `unpacks_downloads`.
    """

    sources: tuple[Word, ...]
    destination: Destination
    owner: Word | None
    mode: Mode | None
    origin: Word | None = None
    documents: tuple[Document, ...] = ()
    parents: bool = False
    excludes: Ignore = Ignore()  # noqa: RUF009 (frozen)
    addresses: tuple[Word, ...] = ()
    checksum: str = ""
    unpacks: bool = False
    unpacks_downloads: bool = False

    @property
    def facts(self) -> tuple[object, ...]:
        """The sources count by what they hold, which `cache_key` gets as `content`."""
        target = self.destination
        owner = self.owner and self.owner.text
        mode = self.mode and self.mode.text
        unpacks = (self.unpacks, self.unpacks_downloads)
        return (str(target.path), target.is_directory, owner, mode, unpacks)


@dataclass(frozen=True, slots=True)
class RunCommand(Step):
    """Run `argv`; `secret_env` is seen by the command and not by the cache.

    `mounts` are in the order of their targets, which are absolute. `script` is a here-document
    that says itself what runs it (`#!`): a file at `argv[0]`. Its `network` is none, or what the
    build says.
    """

    argv: tuple[str, ...]
    env: tuple[str, ...]
    secret_env: tuple[str, ...]
    cwd: PurePosixPath
    user: str
    mounts: tuple[RunMount, ...] = ()
    script: Document | None = None
    network: str = "default"

    @property
    def facts(self) -> tuple[object, ...]:
        """What mounts show counts as `cache_key`'s content; what a secret says, never."""
        mounts = [
            (m.kind, m.target, m.id, m.env, m.sharing, m.read_only, m.mode, m.uid, m.gid)
            for m in self.mounts
        ]
        script = self.script and self.script.content.decode()
        alone = () if self.network == "default" else (self.network,)
        return (self.argv, self.env, str(self.cwd), self.user, mounts, script, *alone)


def cache_key(parent: ChainID | None, step: Step, epoch: int | None, content: str = "") -> str:
    """A digest over all that the step's layer depends on.

    That is: the layers below, what is done on them, for COPY the `content` of the sources
    (paths, modes, bytes, link targets; no times), and the epoch that all times are set to.
    What only the image's config says (labels, CMD…) is not in it.
    """
    facts = [type(step).__name__, parent, step.facts, content, epoch]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
