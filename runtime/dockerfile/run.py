"""RUN, as it is written.

    RUN make                                        a line for the shell
    RUN ["make", "all"]                             or a list that no shell sees
    RUN --mount=type=cache,target=/c <<EOF          or lines of the Dockerfile itself

The rules are BuildKit's (frontend/dockerfile/instructions, parseRun). Rule: pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.mount import mount_origin, read_mount
from runtime.dockerfile.source import Word
from runtime.dockerfile.statement import Statement, empty_list, read_command
from runtime.errors import DockerfileError


def read_run(statement: Statement) -> ins.Run:
    """RUN, with its flags and mounts. Raises DockerfileError."""
    flags = statement.read_flags(("network", "security"), later=("device",), lists=("mount",))
    _refuse_power(statement, flags)
    mounts = statement.flag_values("mount")
    for mount in mounts:
        mount_origin(mount)
        if "$" not in mount.text:  # else it is read when the variables are known
            read_mount(mount, str)
    command = read_command(statement)
    if command == ins.ExecForm(()):
        raise empty_list(statement)
    return ins.Run(
        **statement.head,
        command=command,
        documents=statement.documents,
        mounts=mounts,
        network=flags.get("network"),
    )


def _refuse_power(statement: Statement, flags: Mapping[str, Word]) -> None:
    """Raises DockerfileError for a RUN that wants more of the host than a container gets."""
    for flag, values in (("network", ("default", "none")), ("security", ("sandbox",))):
        word = flags.get(flag)
        if word and word.text not in values:
            raise DockerfileError(
                "{file}:{line}:{column}: {name} --{flag}={value} is not supported",
                hint="it can be: {values}",
                name=statement.name,
                flag=flag,
                value=word.text,
                values=", ".join(values),
                **word.place.facts(),
            )
