"""Every way the engine refuses, as one tree.

    OnggiError(message, hint)
    ├ InvalidInput             what was asked for makes no sense, on any host
    │  ├ InvalidReference      an image name
    │  ├ DockerfileError       with the file, the line and the columns
    │  └ InvalidSpec           an OCI document
    ├ NotFound                 no such image, container, file
    ├ Conflict                 it exists already, it is in use
    │  └ InvalidTransition     a container in this state cannot do that
    ├ HostLacks                the kernel, the privilege or the program is missing; with evidence
    ├ KernelError              a system call failed (also an OSError, with its errno)
    ├ IntegrityError           bytes are not what their digest says
    ├ RegistryError            what one side of a registry's protocol tells the other it will not do
    │  └ CutOff                a connection ended too early: what was under way may be resumed
    ├ UnsafePath               a path inside an image or a context leads outside
    ├ CommandNotStarted        the container's command is missing (127) or not executable (126)
    ├ Cancelled                nobody wants it any more: who asked for it has gone
    ├ ContainerFailed          a container that was waited for ended with an exit code other than 0
    └ BuildFailed              an instruction of a Dockerfile ended with an exit code other than 0

Two rules. Raise where the fact is known, `from` its cause. A person reads one sentence that
says what is wrong and where (`message`), and one that says what to do (`hint`).

A message is a template and its facts, kept apart, so that the edge (command line, notebook)
can say it in the reader's language: `error.told(translate)`. The templates are written in
English; `runtime/cli/messages.py` holds their Korean. `str(error)` is English.

This module imports nothing of Onggi and opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable


class OnggiError(Exception):
    """The root of the tree. Catch this to catch everything the engine raises on purpose.

    `template` and `hint` are `str.format` templates over `facts`; the facts stay readable as
    attributes of `self.facts`, so a test or a grader never parses a sentence.
    """

    exit_code = 1
    """What a command line ends with when this error ends it (docker's: 125 for `run`)."""

    def __init__(self, template: str, *, hint: str = "", **facts: object) -> None:
        self.template = template
        self.hint_template = hint
        self.facts = facts
        super().__init__(template)

    @property
    def message(self) -> str:
        """What is wrong and where, in English."""
        return self.template.format(**self.facts)

    @property
    def hint(self) -> str:
        """What to do about it, in English; empty where there is nothing to add."""
        return self.hint_template.format(**self.facts)

    def told(self, translate: Callable[[str], str]) -> tuple[str, str]:
        """Message and hint with each template passed through `translate` first."""
        return (
            translate(self.template).format(**self.facts),
            translate(self.hint_template).format(**self.facts) if self.hint_template else "",
        )

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(OnggiError):
    """The request makes no sense on any host: a bad name, flag, file or document."""


class InvalidReference(InvalidInput):
    """A string that is no image reference."""


class InvalidSpec(InvalidInput):
    """A JSON document that does not follow its OCI schema."""


class DockerfileError(InvalidInput):
    """A Dockerfile that cannot be understood or carried out; says file, line and columns.

    `line` counts from 1. `columns` is a half-open range counted from 1, or None for the line.
    """

    def __init__(
        self,
        template: str,
        *,
        file: str,
        line: int,
        source_line: str = "",
        columns: tuple[int, int] | None = None,
        hint: str = "",
        **facts: object,
    ) -> None:
        super().__init__(template, hint=hint, file=file, line=line, **facts)
        self.file = file
        self.line = line
        self.source_line = source_line
        self.columns = columns


class NotFound(OnggiError):
    """There is no such image, container, path or blob."""


class Conflict(OnggiError):
    """It exists already, or something still uses it."""


class InvalidTransition(Conflict):
    """A container in `state` cannot do `verb`."""

    def __init__(self, template: str, *, state: str, verb: str, hint: str = "", **facts: object):
        super().__init__(template, hint=hint, state=state, verb=verb, **facts)
        self.state = state
        self.verb = verb


class HostLacks(OnggiError):
    """This host does not permit what was asked. `feature` names it, `evidence` proves it."""

    def __init__(
        self, template: str, *, feature: str, evidence: str, hint: str = "", **facts: object
    ) -> None:
        super().__init__(template, hint=hint, feature=feature, evidence=evidence, **facts)
        self.feature = feature
        self.evidence = evidence


class KernelError(OnggiError, OSError):
    """A system call failed. `call` and `arguments` are what was asked, `errno` the answer."""

    def __init__(self, call: str, arguments: str, errno: int) -> None:
        OnggiError.__init__(
            self,
            "{call}({arguments}) failed: {reason}",
            call=call,
            arguments=arguments,
            reason=os.strerror(errno),
        )
        self.call = call
        self.arguments = arguments
        self.errno = errno
        self.strerror = os.strerror(errno)

    def __str__(self) -> str:
        return self.message


class IntegrityError(OnggiError):
    """Bytes that do not have the digest or size they were promised with."""

    def __init__(
        self, template: str, *, expected: str, actual: str, hint: str = "", **facts: object
    ) -> None:
        super().__init__(template, hint=hint, expected=expected, actual=actual, **facts)
        self.expected = expected
        self.actual = actual


class RegistryError(OnggiError):
    """A registry refuses, or says what makes no sense.

    `code` is the protocol's word for why ("MANIFEST_UNKNOWN"; "" where it gave none), `status` the
    HTTP status that it comes with, 0 where there was no answer at all.
    """

    def __init__(
        self, template: str, *, code: str = "", status: int = 0, hint: str = "", **facts: object
    ) -> None:
        super().__init__(template, hint=hint, code=code, status=status, **facts)
        self.code = code
        self.status = status


class CutOff(RegistryError):
    """A connection that broke, or an answer that only says "not now": trying again may help.

    `wait_s` is how long the other side asked for; None if it did not ask.
    """

    def __init__(
        self,
        template: str,
        *,
        wait_s: float | None = None,
        code: str = "",
        status: int = 0,
        hint: str = "",
        **facts: object,
    ) -> None:
        super().__init__(template, code=code, status=status, hint=hint, **facts)
        self.wait_s = wait_s


class UnsafePath(OnggiError):
    """A path from an image, archive or build context that leads outside of its root."""


class CommandNotStarted(OnggiError):
    """The container was made, its command could not be executed.

    `exit_code` is the shell's and docker's: 127 when there is no such command, 126 when it is
    there and cannot be executed.
    """

    def __init__(self, template: str, *, exit_code: int, hint: str = "", **facts: object) -> None:
        super().__init__(template, hint=hint, **facts)
        self.exit_code = exit_code


class Cancelled(OnggiError):
    """What was under way has been called off by the one who had asked for it."""


class ContainerFailed(OnggiError):
    """A command in a container that the caller waited for ended with `exit_status` ≠ 0.

    The attributes are those of docker.errors.ContainerError: `container`, `exit_status`,
    `command` (argv), `image` (as it was asked for) and `stderr`.
    """

    def __init__(
        self,
        template: str,
        *,
        exit_status: int,
        stderr: bytes = b"",
        container: object = None,
        command: tuple[str, ...] = (),
        image: str = "",
        hint: str = "",
        **facts: object,
    ) -> None:
        super().__init__(template, hint=hint, exit_status=exit_status, **facts)
        self.container = container
        self.exit_status = exit_status
        self.command = command
        self.image = image
        self.stderr = stderr


class BuildFailed(DockerfileError):
    """An instruction ran and ended with `exit_status` ≠ 0. `log_tail` is what it said last."""

    def __init__(
        self, template: str, *, exit_status: int, log_tail: str = "", **facts: object
    ) -> None:
        super().__init__(template, exit_status=exit_status, **facts)  # type: ignore[arg-type]
        self.exit_status = exit_status
        self.log_tail = log_tail
