"""Patterns mean what they mean to docker; the tables follow moby/patternmatcher's tests."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.dockerfile.ignore import Ignore, path_pattern
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**", "file", True),
        ("**", "dir/file", True),
        ("**/", "dir/file", True),
        ("**/**", "dir/file", True),
        ("dir/**", "dir/file", True),
        ("dir/**", "dir/dir2/file", True),
        ("**/dir", "dir", True),
        ("**/dir", "a/b/dir", True),
        ("**/dir", "a/bdir", False),
        ("**/*.txt", "file.txt", True),
        ("**/*.txt", "a/b/file.txt", True),
        ("a**/*.txt", "a/file.txt", True),
        ("a/*.txt", "a/b/file.txt", False),
        ("a[b-d]e", "ace", True),
        ("a[^b-d]e", "aae", True),
        ("a[^b-d]e", "ace", False),
        ("a[\\-x]e", "a-e", True),
        ("?x", "ax", True),
        ("?x", "/x", False),
        ("*", "한글", True),
        ("*", ".hidden", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("a.c", "abc", False),
        ("a+(b)|c$^", "a+(b)|c$^", True),
    ],
)
def test_path_patterns(pattern: str, path: str, matches: bool) -> None:
    assert bool(path_pattern(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        ("", "a", False),
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("/a/", "a/b", True),
        ("./a//b/../b", "a/b", True),
        ("*.log", "x.log", True),
        ("*.log", "d/x.log", False),
        ("**/*.log", "d/x.log", True),
        ("# a\n#b", "a", False),
        ("  a  ", "a", True),
        ("*\n!keep", "keep", False),
        ("*\n!keep", "other", True),
        ("docs\n!docs/README.md", "docs/README.md", False),
        ("docs\n!docs/README.md", "docs/other.md", True),
        ("!a\na", "a", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("\ufeffa", "a", True),
    ],
)
def test_dockerignore(lines: str, path: str, ignored: bool) -> None:
    assert Ignore.parse(lines).ignores(path) is ignored


@pytest.mark.parametrize("line", ["[", "a[b", "[]a"])
def test_a_bad_pattern_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"^.dockerignore:2: "):
        Ignore.parse("fine\n" + line)


@given(st.text(max_size=20))
def test_every_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        path_pattern(text).fullmatch("some/path")
    except re.error:
        assert "[" in text or "\\" in text


@given(st.text(alphabet="abc/.", min_size=1, max_size=20))
def test_a_path_without_special_characters_matches_itself_only(path: str) -> None:
    pattern = path_pattern(path)
    assert pattern.fullmatch(path)
    assert not pattern.fullmatch(path + "x")
