"""RUN, worked out: the command line, what it sees, and what here-documents mean to it.

    RUN <<EOF                 the document is the script, for the shell or for what its #! names
    RUN python3 <<EOF         the shell gets the line and the document, and does what it always does

Rule: pure. Dockerfile reference, "RUN".
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import PurePosixPath

from runtime.build.plan.arguments import PROXY_ARGUMENTS
from runtime.build.plan.scope import Scope, entries_of, variables_of
from runtime.build.step import Document, RunCommand
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.mount import RunMount, read_mount
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

SECRETS = PurePosixPath("/run/secrets")
"""Where a secret is shown that names no target."""

SCRIPTS = PurePosixPath("/dev/pipes")
"""Where BuildKit shows a here-document that is a program; /dev is in no layer."""


def plan_run(scope: Scope, instruction: ins.Run) -> RunCommand:
    """The step of a RUN. Raises DockerfileError."""
    script = _script(instruction)
    argv = (str(SCRIPTS / script.name),) if script else scope.argv(_with_documents(instruction))
    epoch = scope.arguments.epoch
    env = scope.declared | variables_of(scope.config.env)
    if epoch is not None:
        env["SOURCE_DATE_EPOCH"] = str(epoch)
    given = scope.arguments.given
    mounts = [_mount(scope, word) for word in instruction.mounts]
    return RunCommand(
        instruction,
        # docker's way to say which build arguments the command could see
        " ".join(("RUN", *_counted(entries_of(scope.declared)), *argv)),
        scope.config,
        argv=argv,
        env=entries_of(env),
        secret_env=entries_of({name: given[name] for name in PROXY_ARGUMENTS & given.keys()}),
        cwd=PurePosixPath(scope.config.working_dir or "/"),
        user=scope.config.user,
        mounts=tuple(sorted(mounts, key=lambda mount: mount.target)),
        script=script,
        network=instruction.network.text if instruction.network else "default",
    )


def _mount(scope: Scope, word: Word) -> RunMount:
    """A mount with all that is left out filled in: an absolute target, an id."""
    mount = read_mount(word, scope.expand)
    name = mount.id or mount.source or posixpath.basename(mount.target)
    if mount.kind == "secret":
        target = mount.target or ("" if mount.env else str(SECRETS / posixpath.basename(name)))
        return replace(mount, id=name, target=str(scope.absolute(target)) if target else "")
    target = str(scope.absolute(mount.target))
    if target == "/":
        raise DockerfileError(
            "{file}:{line}:{column}: nothing can be mounted over /",
            hint="name a directory in it: target=/src",
            **word.place.facts(),
        )
    return replace(mount, target=target, id=mount.id or target)


def _script(instruction: ins.Run) -> Document | None:
    """`RUN <<EOF` alone, whose first line begins with `#!`: a program of its own."""
    if not _is_document_alone(instruction):
        return None
    document = instruction.documents[0]
    if not document.text.startswith("#!"):
        return None
    name = posixpath.basename(document.name)
    name = "script" if name in ("", ".", "..") else name
    return Document(document.word, name, document.text.encode())


def _is_document_alone(instruction: ins.Run) -> bool:
    command, documents = instruction.command, instruction.documents
    return (
        bool(documents)
        and isinstance(command, ins.ShellForm)
        and command.line.text == documents[0].word.text
    )


def _with_documents(instruction: ins.Run) -> ins.Command:
    """`RUN <<EOF` alone: the document is the script; else the shell reads all there is."""
    command, documents = instruction.command, instruction.documents
    if not documents or isinstance(command, ins.ExecForm):
        return command
    line = command.line
    if _is_document_alone(instruction):
        return ins.ShellForm(Word(documents[0].text, line.place))
    text = line.text + "".join(f"\n{each.content}{each.name}" for each in documents)
    return ins.ShellForm(Word(text, line.place))


def _counted(entries: tuple[str, ...]) -> tuple[str, ...]:
    return (f"|{len(entries)}", *entries) if entries else ()
