"""Lines are joined as BuildKit joins them, and every character still knows its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.dockerfile.lexer import Lexer, split_quoted, unquote
from runtime.errors import DockerfileError


def joined(text: str) -> list[str]:
    return [line.text for line in Lexer(text, "Dockerfile")]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("RUN a", ["RUN a"]),
        ("\n\n# only this\n", []),
        ("  RUN a  ", ["RUN a  "]),
        ("RUN a \\\n  b", ["RUN a   b"]),
        ("RUN a\\\nb", ["RUN ab"]),
        ("RUN a \\   \nb", ["RUN a b"]),
        ("RUN a \\\\\nRUN b", ["RUN a \\\\", "RUN b"]),
        ("RUN a \\\n\n\nb", ["RUN a b"]),
        ("RUN a \\\n# c \\\nb", ["RUN a b"]),
        ("RUN a \\\n  # c\nb", ["RUN a b"]),
        ("RUN a # no comment\nRUN b", ["RUN a # no comment", "RUN b"]),
        ("\\\nRUN a", ["RUN a"]),
        ("\\\n\\\n", []),
        ("RUN a \\", ["RUN a "]),
        ("RUN a\r\nRUN b\r\n", ["RUN a", "RUN b"]),
        ("\ufeffRUN a", ["RUN a"]),
    ],
)
def test_lines_are_joined_as_buildkit_does(text: str, lines: list[str]) -> None:
    assert joined(text) == lines


def test_a_word_knows_its_place_after_joining() -> None:
    (line,) = Lexer("\nRUN first \\\n# between\n   second", "D")
    start = line.text.index("second")
    place = line.word(start, start + 6).place
    assert (place.file, place.line, place.columns) == ("D", 4, (4, 10))
    assert place.source_line == "   second"


@given(st.text(alphabet="ab #\\\n\"'=", max_size=60))
def test_every_word_stands_where_it_says(text: str) -> None:
    for line in Lexer(text, "Dockerfile"):
        for word in split_quoted(line, 0, "\\"):
            start, end = word.place.columns
            assert word.text.startswith(word.place.source_line[start - 1 : end - 1])
            assert text.split("\n")[word.place.line - 1].rstrip("\r") == word.place.source_line


@given(st.text(alphabet="ab #\\\n", max_size=60))
def test_source_ranges_follow_each_other(text: str) -> None:
    lines = [*Lexer(text, "Dockerfile")]
    for before, after in pairwise(lines):
        assert before.source.first_line <= before.source.last_line < after.source.first_line


@pytest.mark.parametrize(
    ("text", "escape", "lines"),
    [
        ("# escape=`\nRUN a `\nb", "`", ["RUN a b"]),
        ("# syntax=x\n#escape = `\nRUN a \\", "`", ["RUN a \\"]),
        ("# ESCAPE=`\n", "`", []),
        ("\n# escape=`\n", "\\", []),
        ("# note\n# escape=`\n", "\\", []),
        ("# unknown=1\n# escape=`\n", "\\", []),
        ("RUN a\n# escape=`\n", "\\", ["RUN a"]),
    ],
)
def test_directives_count_at_the_very_top_only(text: str, escape: str, lines: list[str]) -> None:
    lexer = Lexer(text, "Dockerfile")
    assert lexer.directives.escape == escape
    assert [line.text for line in lexer] == lines


@pytest.mark.parametrize(
    "text", ["# escape=x", "# escape=\\\n# escape=\\", "# syntax=a\n# syntax=b"]
)
def test_bad_directives_are_refused(text: str) -> None:
    with pytest.raises(DockerfileError):
        Lexer(text, "Dockerfile")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", ["a", "b"]),
        ("a='b c' d", ["a='b c'", "d"]),
        ('a="b \\" c" d', ['a="b \\" c"', "d"]),
        ("a='b\\' c", ["a='b\\'", "c"]),
        ("a\\ b c", ["a\\ b", "c"]),
        ("a'b c", ["a'b c"]),
        ('"" x', ['""', "x"]),
    ],
)
def test_quoted_words(text: str, words: list[str]) -> None:
    (line,) = Lexer(text, "Dockerfile")
    assert [word.text for word in split_quoted(line, 0, "\\")] == words


@pytest.mark.parametrize(
    ("text", "plain"),
    [("a", "a"), ("'a b'", "a b"), ('"a \\" b"', 'a " b'), ("a\\ b", "a b"), ("x'y'\"z\"", "xyz")],
)
def test_unquote(text: str, plain: str) -> None:
    assert unquote(text, "\\") == plain
