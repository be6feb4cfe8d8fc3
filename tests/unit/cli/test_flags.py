"""Command lines as docker's parser reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli.flags import (
    CPUS,
    LIST,
    SIZE,
    SWITCH,
    WHOLE,
    WORD,
    Flag,
    Given,
    UsageError,
    parse,
)

FLAGS = (
    Flag("all", "a", SWITCH, ""),
    Flag("quiet", "q", SWITCH, ""),
    Flag("no-trunc", "", SWITCH, ""),
    Flag("human", "H", SWITCH, "", True),
    Flag("time", "t", WHOLE, "", 10),
    Flag("name", "", WORD, ""),
    Flag("env", "e", LIST, ""),
    Flag("memory", "m", SIZE, ""),
    Flag("cpus", "", CPUS, ""),
)


def read(*line: str, interspersed: bool = True) -> Given:
    return parse(FLAGS, line, interspersed=interspersed)


def test_nothing_given() -> None:
    given = read()
    assert (given.all, given.human, given.time, given.name, given.env) == (
        False,
        True,
        10,
        None,
        [],
    )
    assert given.words == []


@pytest.mark.parametrize("line", [("-t5",), ("-t=5",), ("-t", "5"), ("--time=5",), ("--time", "5")])
def test_every_way_to_write_a_value(line: tuple[str, ...]) -> None:
    assert read(*line).time == 5


def test_letters_together() -> None:
    given = read("-aqt5")
    assert (given.all, given.quiet, given.time) == (True, True, 5)


@pytest.mark.parametrize(
    ("word", "value"), [("--all=false", False), ("-a=false", False), ("--all=1", True)]
)
def test_a_switch_may_be_told_its_value(word: str, value: bool) -> None:
    assert read("-a", word).all is value


def test_values_that_look_like_flags_are_values() -> None:
    given = read("--name", "-a", "-e", "--x")
    assert (given.name, given.env, given.all) == ("-a", ["--x"], False)


def test_a_list_keeps_the_order() -> None:
    assert read("-e", "A=1", "--env=B=2", "-eC").env == ["A=1", "B=2", "C"]


def test_words_and_flags_may_be_mixed() -> None:
    given = read("one", "-a", "two", "-")
    assert (given.words, given.all) == (["one", "two", "-"], True)


def test_after_two_dashes_there_are_no_flags() -> None:
    assert read("one", "--", "-a", "--").words == ["one", "-a", "--"]


def test_the_command_inside_keeps_its_flags() -> None:
    given = read("-a", "image", "ls", "-q", "--", "--all", interspersed=False)
    assert (given.words, given.quiet) == (["image", "ls", "-q", "--", "--all"], False)


def test_kinds() -> None:
    given = read("-m", "64m", "--cpus", "0.5", "--no-trunc")
    assert (given.memory, given.cpus, given.no_trunc) == (64 << 20, 0.5, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["--no-trun"], "unknown flag: --no-trun"),
        (["-az"], "unknown flag: 'z' in -az"),
        (["--name"], "a value is missing after --name"),
        (["-at"], "a value is missing after -t"),
        (["-t", "x"], "-t takes a whole number, not 'x'"),
        (["-t="], "-t takes a whole number, not ''"),
        (["--memory", "foo"], "--memory takes a size such as 64m or 1g, not 'foo'"),
        (["--cpus=x"], "--cpus takes a number such as 0.5 or 2, not 'x'"),
        (["--all=maybe"], "--all is either true or false, not 'maybe'"),
    ],
)
def test_what_cannot_be_understood(line: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*line)
    assert caught.value.message == message
    assert caught.value.exit_code == 125


def test_a_mistyped_flag_is_guessed_and_not_taken() -> None:
    with pytest.raises(UsageError) as caught:
        read("--no-trun")
    assert caught.value.hint == "did you mean --no-trunc?"


@given(st.lists(st.text()))
def test_any_line_is_understood_or_refused(line: list[str]) -> None:
    try:
        given = read(*line)
    except UsageError as error:
        assert error.message
    else:
        assert set(given.words) <= set(line)


@given(st.lists(st.text()))
def test_nothing_after_the_first_word_is_touched(line: list[str]) -> None:
    assert read("image", *line, interspersed=False).words == ["image", *line]
