"""Predictions: stored before the answer, compared honestly, never lost by a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons_lib import folder
from lessons_lib.language import say
from lessons_lib.predict import observed, predict
from lessons_lib.refusals import Refused


@pytest.fixture(autouse=True)
def a_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ONGGI_LESSONS", str(tmp_path))
    yield folder.enter("03-test")  # made by the first prediction
    folder.leave()


def test_what_was_guessed_stands_beside_what_was_seen() -> None:
    predict("layers", 4)
    words = observed("layers", 2).words
    assert "4" in words
    assert "2" in words
    assert say("predict.wrong") in words


@pytest.mark.parametrize("answer", [3, True, False, "same", 0.5])
def test_a_right_guess_is_told_so(answer: bool | float | str) -> None:
    predict("q", answer)
    assert say("predict.right") in observed("q", answer).words


def test_true_is_not_the_number_one() -> None:
    predict("q", True)
    assert say("predict.wrong") in observed("q", 1).words


def test_the_answer_waits_for_a_prediction() -> None:
    with pytest.raises(Refused, match="unasked"):
        observed("unasked", 1)


def test_a_later_guess_replaces_the_earlier_one() -> None:
    predict("q", 1)
    predict("q", 2)
    assert say("predict.right") in observed("q", 2).words


def test_one_question_does_not_disturb_another() -> None:
    predict("one", 1)
    predict("two", 2)
    assert say("predict.right") in observed("one", 1).words


def test_a_restarted_kernel_still_knows_the_guess(a_lesson: Path) -> None:
    predict("q", "same")
    folder.leave()
    folder.enter(a_lesson.name)
    assert say("predict.right") in observed("q", "same").words


@pytest.mark.parametrize("guess", [None, ..., [1]])
def test_what_is_no_answer_is_refused(guess: object) -> None:
    with pytest.raises(Refused, match="q"):
        predict("q", guess)  # type: ignore[arg-type]


def test_a_damaged_file_counts_as_no_prediction(a_lesson: Path) -> None:
    predict("q", 1)
    (a_lesson / "predictions.json").write_text("{half")
    with pytest.raises(Refused):
        observed("q", 1)


def test_without_a_lesson_the_refusal_says_what_to_run() -> None:
    folder.leave()
    with pytest.raises(Refused) as refusal:
        predict("q", 1)
    assert refusal.value.hint
