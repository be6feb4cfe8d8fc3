"""What users write, as values; or one sentence that says what would be right."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.arguments import (
    as_arguments,
    as_bytes,
    as_environment,
    as_labels,
    signal_number,
)
from runtime.errors import InvalidInput


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (None, ()),
        ("", ()),
        ("ls -l", ("ls", "-l")),
        ("sh -c 'echo $HOME  x'", ("sh", "-c", "echo $HOME  x")),
        ('echo "a b" c\\ d', ("echo", "a b", "c d")),
        (["echo", "a b"], ("echo", "a b")),
        (("echo", 1), ("echo", "1")),
        ([], ()),
    ],
)
def test_commands(command: Any, expected: tuple[str, ...]) -> None:
    assert as_arguments(command) == expected


@pytest.mark.parametrize("command", ["echo 'a", 'echo "', "echo \\"])
def test_a_command_that_does_not_end(command: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be split into words"):
        as_arguments(command)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (None, ()),
        ({}, ()),
        ({"A": "1", "B": ""}, ("A=1", "B=")),
        (["A=1", "B=a=b"], ("A=1", "B=a=b")),
        ({"A": 1}, ("A=1",)),
        ({"이름": "값"}, ("이름=값",)),
    ],
)
def test_variables(variables: Any, expected: tuple[str, ...]) -> None:
    assert as_environment(variables) == expected


@pytest.mark.parametrize("variables", [["A"], ["=1"], [""], {"": "1"}, ["A=\0"], "A=1"])
def test_what_is_no_variable(variables: Any) -> None:
    with pytest.raises(InvalidInput, match="not an environment variable"):
        as_environment(variables)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, {}),
        ({"a": "1"}, {"a": "1"}),
        (["a=1", "b", "c=x=y"], {"a": "1", "b": "", "c": "x=y"}),
    ],
)
def test_labels(labels: Any, expected: dict[str, str]) -> None:
    assert as_labels(labels) == expected


@pytest.mark.parametrize("labels", [[""], ["=x"], [" =x"], {"": "x"}])
def test_a_label_needs_a_name(labels: Any) -> None:
    with pytest.raises(InvalidInput, match="invalid label"):
        as_labels(labels)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15),
        ("TERM", 15),
        ("term", 15),
        ("sigkill", 9),
        (9, 9),
        ("9", 9),
        (signal.SIGHUP, 1),
        (64, 64),
        ("SIGRTMIN", 34),
    ],
)
def test_signals(text: str | int, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "SIG", "NOTHING", 0, -9, 65, "1.5", "²", "SIG_IGN"])
def test_what_is_no_signal(text: str | int) -> None:
    with pytest.raises(InvalidInput, match="no such signal"):
        signal_number(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, 0),
        (0, 0),
        (4096, 4096),
        ("0", 0),
        ("4096", 4096),
        ("1b", 1),
        ("1k", 1 << 10),
        ("64m", 64 << 20),
        ("64M", 64 << 20),
        ("64MB", 64 << 20),
        ("64MiB", 64 << 20),
        ("1.5g", 3 << 29),
        (" 2 g ", 2 << 30),
        ("1t", 1 << 40),
        ("1p", 1 << 50),
        ("0.5k", 512),
    ],
)
def test_sizes(text: str | int | None, size: int) -> None:
    assert as_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "64x",
        "-1m",
        "1e3",
        "64 m b",
        "1,5g",
        "0x10",
        "nan",
        "inf",
        "9" * 400,
        "9" * 308 + "p",
    ],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a size"):
        as_bytes(text)


@given(st.integers(0, 2**50), st.sampled_from(["", "b", "B"]))
def test_a_number_of_bytes_is_taken_to_the_byte(number: int, unit: str) -> None:
    assert as_bytes(f"{number}{unit}") == as_bytes(number) == number


@given(st.text())
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    for parse in (as_arguments, as_bytes, signal_number):
        try:
            parse(text)
        except InvalidInput as refusal:
            assert refusal.hint
