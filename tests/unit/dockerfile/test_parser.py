"""What the golden files do not say: what holds for every text. See tests/golden."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.dockerfile.instruction import Copy, ExecForm, Run, ShellForm
from runtime.dockerfile.parser import PARSERS, parse
from runtime.errors import DockerfileError

WORDS = st.sampled_from(
    [
        "a",
        "b=c",
        "'q",
        '"q q"',
        "--flag=x",
        "--",
        "\\",
        "\\\n",
        "\n",
        "[",
        '["x"]',
        "=",
        "<<E",
        "E\n",
        "--from=0",
        "--link",
        "CMD",
        "NONE",
        "#",
        "$x",
    ]
)
LINES = st.tuples(st.sampled_from([*PARSERS, "from", "NOPE"]), st.lists(WORDS, max_size=5))


@given(st.lists(LINES, max_size=4))
@example([("FROM", ["scratch"]), ("RUN", ['["\\ud800"]'])])
def test_every_text_is_understood_or_refused_with_its_place(
    lines: list[tuple[str, list[str]]],
) -> None:
    text = "\n".join(" ".join((keyword, *words)) for keyword, words in lines)
    try:
        dockerfile = parse(text)
    except DockerfileError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert error.message.startswith(f"Dockerfile:{error.line}:")
        assert error.columns is not None
        assert 1 <= error.columns[0] <= len(error.source_line) + 1
        assert "{" not in error.hint
    else:
        assert dockerfile.stages


@given(st.text(max_size=80))
def test_random_text_never_breaks_the_parser(text: str) -> None:
    try:
        parse(text)
    except DockerfileError as error:
        assert str(error)


@pytest.mark.parametrize("keyword", PARSERS)
def test_one_missing_letter_is_recognised(keyword: str) -> None:
    mistyped = keyword[:1] + keyword[2:]
    with pytest.raises(DockerfileError) as caught:
        parse(f"FROM scratch\n{mistyped} x")
    assert caught.value.hint == f"did you mean {keyword}?"


@pytest.mark.parametrize("command", ["cat <<<hello", "echo $((1<<n))", "echo 'a <<EOF'", "a <<"])
def test_only_here_documents_count_as_such(command: str) -> None:
    run = parse(f"FROM scratch\nRUN {command}").stages[0].instructions[0]
    assert isinstance(run, Run) and isinstance(run.command, ShellForm)
    assert run.command.line.text == command


def test_half_characters_of_json_become_text() -> None:
    run = parse('FROM scratch\nRUN ["\\ud800", "\\ud55c"]').stages[0].instructions[0]
    assert isinstance(run, Run)
    assert run.command == ExecForm(("\ufffd", "한"))


def test_flags_end_at_two_dashes() -> None:
    copy = parse("FROM scratch\nCOPY --chown=1 -- --odd /x").stages[0].instructions[0]
    assert isinstance(copy, Copy)
    assert [str(word) for word in (*copy.sources, copy.destination)] == ["--odd", "/x"]
    assert str(copy.chown) == "1"
