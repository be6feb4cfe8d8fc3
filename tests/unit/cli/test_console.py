"""What reaches the terminal: made harmless if it is ours, untouched if it is a container's."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli import console
from runtime.errors import DockerfileError, NotFound


@given(st.text())
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    shown = console.harmless(text, keep="")
    assert not any(unicodedata.category(character) == "Cc" for character in shown)


@given(st.text(st.characters(exclude_categories=("Cc", "Cf"))))
def test_everything_else_stays(text: str) -> None:
    assert console.harmless(text) == text


def test_escapes_and_turned_text_are_shown() -> None:
    assert console.harmless("\x1b[31mred\x9b") == "\\u001b[31mred\\u009b"
    assert console.harmless("rm \u202egnp.exe") == "rm \\u202egnp.exe"
    assert console.harmless("a\tb\n") == "a\tb\n"


@given(st.text())
def test_a_json_document_means_the_same_afterwards(text: str) -> None:
    document = json.dumps([text], ensure_ascii=False)
    assert json.loads(console.harmless(document)) == [text]


def test_a_container_s_output_is_not_touched(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    console.pass_on(b"\x1b[31m\xff\x00\n")
    console.pass_on(b"\x9b", 2)
    assert capfdbinary.readouterr() == (b"\x1b[31m\xff\x00\n", b"\x9b")


def test_a_failure_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    def act(name: str) -> str | None:
        if name == "b":
            raise NotFound("no such container: {name}", hint="look again", name=name)
        return "0" if name == "c" else None

    assert console.each(["a", "b", "c"], act) == 1
    captured = capsys.readouterr()
    assert captured.out == "a\n0\n"
    assert captured.err == "onggi: no such container: b\nlook again\n"


def test_a_mistake_in_a_dockerfile_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    console.report(
        DockerfileError(
            "{file}:{line}: unknown instruction: {name}",
            file="Dockerfile",
            line=3,
            source_line="옹기 \tCPOY . /",
            columns=(5, 9),
            name="CPOY",
            hint="did you mean COPY?",
        )
    )
    assert capsys.readouterr().err == (
        "onggi: Dockerfile:3: unknown instruction: CPOY\n"
        "    3 | 옹기  CPOY . /\n"
        "      |       ^^^^\n"
        "did you mean COPY?\n"
    )


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert console.agrees("Continue?") is agreed
