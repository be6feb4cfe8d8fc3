"""The door between the command line and the terminal.

Everything that a command says itself goes through `say` or `warn`, which make control
characters visible: a container's name or label may not move the cursor or colour the screen.
What a container wrote goes through `pass_on`, byte for byte.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from runtime.cli.messages import translate
from runtime.errors import DockerfileError, NotFound, OnggiError


def harmless(text: str, keep: str = "\n\t") -> str:
    """`text` with every control character written as `\\u001b`, JSON's way; `keep` stays.

    So do the signs that turn the direction of writing: with them a line can show another
    command than the one it holds.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _is_control(c) else f"\\u{ord(c):04x}" for c in text)


def _is_control(character: str) -> bool:
    code = ord(character)
    return (
        code < 0x20
        or 0x7F <= code < 0xA0
        or code in (0x061C, 0x200E, 0x200F)
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )


def say(text: str = "") -> None:
    """One line, or several, to standard output."""
    print(harmless(text))


def warn(text: str) -> None:
    """One line, or several, to standard error; what was said before comes before."""
    sys.stdout.flush()
    print(harmless(text), file=sys.stderr, flush=True)


def pass_on(data: bytes, descriptor: int = 1) -> None:
    """A container's own output, unchanged, to standard output (1) or standard error (2)."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()


def report(error: OnggiError) -> None:
    """What went wrong, in the reader's language, and on the next line what to do about it."""
    message, hint = error.told(translate)
    warn(f"onggi: {message}")
    if isinstance(error, DockerfileError) and error.source_line:
        warn(pointed_at(error))
    if hint:
        warn(hint)


def pointed_at(error: DockerfileError) -> str:
    """The line of the Dockerfile, and carets under the columns that are meant."""
    from runtime.cli.table import width

    margin = f"{error.line:>5} | "
    line = error.source_line.rstrip("\n").replace("\t", " ")
    if error.columns is None:
        return margin + line
    first, end = error.columns
    before, meant = line[: first - 1], line[first - 1 : end - 1]
    carets = " " * width(before) + "^" * max(1, width(meant))
    return f"{margin}{line}\n{' ' * (len(margin) - 2)}| {carets}"


def each(
    names: Iterable[str], act: Callable[[str], str | None], *, may_be_missing: bool = False
) -> int:
    """`act` on every name and say what it returned, or the name; a failure is reported and the
    others go on.

    Returns the exit code: 1 if anything failed. With `may_be_missing` that something was not
    there is said, and no failure (docker's `rm -f`).
    """
    code = 0
    for name in names:
        try:
            answer = act(name)
        except OnggiError as error:
            if not (may_be_missing and isinstance(error, NotFound)):
                code = 1
            report(error)
        else:
            say(name if answer is None else answer)
    return code


def agrees(question: str) -> bool:
    """Ask on the terminal; only "y" is a yes, and no terminal or no answer is a no, which is
    said, since then nothing happens.
    """
    print(harmless(f"{translate(question)} [y/N] "), end="", flush=True)
    answer = sys.stdin.readline()
    if answer.strip().lower() in ("y", "yes"):
        return True
    if not answer.endswith("\n"):
        print()
    warn(translate("Nothing was removed."))
    return False


def prepare_streams() -> None:
    """Let no name, whatever its bytes, stop a line from being written.

    A file name in a container need not be UTF-8, and a terminal need not be either.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def leave() -> None:
    """Write out what is left. What can no longer be written (nobody reads, the disk is full) is
    dropped here, or Python would complain about it once more while it ends.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
