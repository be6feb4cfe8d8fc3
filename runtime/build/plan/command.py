"""RUN, worked out: the command line, what it sees, and what here-documents mean to it.

Rule: pure. Dockerfile reference, "RUN".
"""

from __future__ import annotations

from pathlib import PurePosixPath

from runtime.build.plan.arguments import PROXY_ARGUMENTS
from runtime.build.plan.scope import Scope, entries_of, variables_of
from runtime.build.step import RunCommand
from runtime.dockerfile import instruction as ins
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError


def plan_run(scope: Scope, instruction: ins.Run) -> RunCommand:
    """The step of a RUN. Raises DockerfileError."""
    argv = scope.argv(_with_documents(instruction))
    epoch = scope.arguments.epoch
    env = scope.declared | variables_of(scope.config.env)
    if epoch is not None:
        env["SOURCE_DATE_EPOCH"] = str(epoch)
    given = scope.arguments.given
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
    )


def _with_documents(instruction: ins.Run) -> ins.Command:
    """`RUN <<EOF` alone: the document is the script; else the shell reads all there is."""
    command, documents = instruction.command, instruction.documents
    if not documents or isinstance(command, ins.ExecForm):
        return command
    line = command.line
    if line.text == documents[0].word.text:
        if documents[0].text.startswith("#!"):
            raise DockerfileError(
                "{file}:{line}:{column}: a here-document with #! is not supported yet",
                hint="write the program's name before it: RUN python3 <<EOF",
                **line.place.facts(),
            )
        return ins.ShellForm(Word(documents[0].text, line.place))
    text = line.text + "".join(f"\n{each.content}{each.name}" for each in documents)
    return ins.ShellForm(Word(text, line.place))


def _counted(entries: tuple[str, ...]) -> tuple[str, ...]:
    return (f"|{len(entries)}", *entries) if entries else ()
