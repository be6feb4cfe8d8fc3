"""Dockerfile → instructions, as text: every case is a NAME.Dockerfile beside its NAME.txt.

The text says for each instruction its lines and those fields that say something, for each word
its line and columns; for a file that is refused, the message, the hint and the place. After a
change that is meant, `python tests/golden/test_dockerfile.py` writes the texts anew, and the diff
is the review.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from runtime.dockerfile.instruction import Instruction
from runtime.dockerfile.parser import parse
from runtime.dockerfile.source import Word
from runtime.errors import DockerfileError

CASES = Path(__file__).parent / "dockerfile"


def described(file: Path) -> str:
    """What the parser makes of a file."""
    try:
        dockerfile = parse(file.read_bytes().decode())
    except DockerfileError as error:
        return refusal(error)
    lines = [f"escape {dockerfile.directives.escape}"]
    lines += [described_instruction(each) for each in dockerfile.instructions]
    return "\n".join(lines) + "\n"


def described_instruction(instruction: Instruction) -> str:
    source = instruction.source
    head = f"{source.first_line}-{source.last_line} {type(instruction).__name__}"
    return "\n".join(
        [head]
        + [
            f"    {field.name} = {shown(getattr(instruction, field.name))}"
            for field in fields(instruction)
            if field.name not in ("source", "text")
            and getattr(instruction, field.name) != field.default
        ]
    )


def shown(value: object) -> str:
    if isinstance(value, Word):
        start, end = value.place.columns
        return f"{value.text!r} @{value.place.line}:{start}-{end}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    if is_dataclass(value):
        inner = ", ".join(shown(getattr(value, field.name)) for field in fields(value))
        return f"{type(value).__name__}({inner})"
    return repr(value)


def refusal(error: DockerfileError) -> str:
    start, end = error.columns or (1, 1)
    caret = " " * (start - 1) + "^" * max(end - start, 1)
    return f"error: {error.message}\nhint: {error.hint}\n| {error.source_line}\n| {caret}\n"


@pytest.mark.parametrize("file", sorted(CASES.glob("*.Dockerfile")), ids=lambda file: file.stem)
def test_dockerfile_means_what_its_golden_text_says(file: Path) -> None:
    assert described(file) == file.with_suffix(".txt").read_text()


if __name__ == "__main__":
    for case in CASES.glob("*.Dockerfile"):
        case.with_suffix(".txt").write_text(described(case))
