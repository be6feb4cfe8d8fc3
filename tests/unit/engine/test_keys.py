"""The keys to leave by: docker's grammar, and what is passed on of what is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.keys import Keys, parse_keys
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", b"\x10\x11"),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x00\x1b\x1c\x1d\x1e\x1f"),
        ("ctrl-a,x,DEL", b"\x01x\x7f"),
    ],
)
def test_the_grammar(text: str, keys: bytes) -> None:
    assert parse_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-P", "ctrl-", "ab", "a,", "ctrl-pp", "옹", "shift-a"])
def test_no_such_key(text: str) -> None:
    with pytest.raises(InvalidInput, match="no such key"):
        parse_keys(text)


def typed(keys: Keys, *pieces: bytes) -> tuple[bytes, bool]:
    passed = b""
    for piece in pieces:
        more, complete = keys.pass_on(piece)
        passed += more
        if complete:
            return passed, True
    return passed, False


def test_the_sequence_is_found_however_it_comes() -> None:
    for pieces in ((b"x\x10\x11y",), (b"x\x10", b"\x11"), (b"x", b"\x10", b"\x11")):
        assert typed(Keys(b"\x10\x11"), *pieces) == (b"x", True)


def test_what_only_begins_like_it_is_passed_on_with_the_next_key() -> None:
    keys = Keys(b"\x10\x11")
    assert keys.pass_on(b"\x10") == (b"", False)
    assert keys.pass_on(b"a") == (b"\x10a", False)
    assert typed(Keys(b"\x10\x11"), b"\x10\x10\x11") == (b"\x10", True)
    assert typed(Keys(b"aab"), b"aaab") == (b"a", True)


@given(st.lists(st.binary(max_size=5)), st.sampled_from([b"\x10\x11", b"aab", b"x"]))
def test_without_the_sequence_nothing_is_lost(pieces: list[bytes], sequence: bytes) -> None:
    keys = Keys(sequence)
    passed, complete = typed(keys, *pieces)
    everything = b"".join(pieces)
    if complete:
        assert everything.startswith(passed + sequence)
        assert sequence not in passed
    else:
        assert sequence not in everything
        assert everything.startswith(passed)
        assert sequence.startswith(everything[len(passed) :])
