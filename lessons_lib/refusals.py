"""A refusal in a notebook: one sentence that says what is wrong, and one that says what to do.

A traceback through the engine's rooms tells a learner nothing about a misspelt image name. Once a
lesson is open, errors that the engine raises on purpose are shown as their two sentences, in the
reader's language; every other exception keeps its traceback, because it is somebody's bug.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from lessons_lib.language import catalogue, current
from runtime.cli.messages import in_korean
from runtime.errors import DockerfileError, OnggiError


class Refused(OnggiError):
    """The lesson itself refuses; `key` names a table with `message` and `hint`."""

    def __init__(self, key: str, **facts: object) -> None:
        texts = catalogue(current())
        super().__init__(texts[f"{key}.message"], hint=texts[f"{key}.hint"], **facts)

    def told(self, *_: object) -> tuple[str, str]:
        """It was said in the reader's language from the start."""
        return self.message, self.hint


def in_words(error: OnggiError) -> str:
    """What a learner reads: the sentence, the line of the Dockerfile if there is one, the hint."""
    message, hint = error.told(in_korean if current() == "ko" else str)
    lines = [f"✗ {message}"]
    if isinstance(error, DockerfileError) and error.source_line:
        lines += [f"    {error.line} | {error.source_line.rstrip()}"]
    if hint:
        lines += [f"→ {hint}"]
    return "\n".join(lines)


def show_in_notebook() -> None:
    """From now on, this kernel shows refusals as words. Does nothing outside IPython."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((OnggiError,), _shown)


def _shown(
    shell: Any,
    kind: type[BaseException],
    error: OnggiError,
    _trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    """IPython's hook: the cell has failed, and this is what stands in place of a traceback."""
    words = in_words(error).splitlines()
    shell._showtraceback(kind, error, words)
    return words
