"""A build while it runs: one place that is redrawn, and a table that stays; or lines."""

from __future__ import annotations

import pytest
from IPython.utils.capture import CapturedIO, RichOutput

from lessons_lib import build_live
from lessons_lib.build_live import Lines, Redrawn, Tail
from lessons_lib.build_progress import steps
from runtime.build import events
from runtime.oci.digest import DiffID

LAYER = DiffID.of(b"layer")

RUN: list[events.Event] = [
    *(events.StepStarted(1, 2, "FROM onggi/base"), events.StepDone(0.1)),
    *(events.StepStarted(2, 2, "RUN make"), events.Output("stdout", b"a\x1b[2Jb\nunfin")),
    *(events.Output("stderr", b"ished\n"), events.LayerWritten(LAYER, 5), events.StepDone(0.2)),
]


def words(output: RichOutput) -> str:
    return str(output.data["text/plain"])


def test_a_place_grows_and_is_empty_in_the_end(captured: CapturedIO) -> None:
    with Redrawn() as progress:
        for event in RUN:
            progress(event)
    first, *during, emptied, last = captured.outputs
    assert words(first) == words(emptied) == ""
    assert "under way" in words(during[2])
    assert any("a·[2Jb" in words(each) for each in during), "what the command wrote is seen"
    assert words(last) == steps(RUN).words, "and gone when its step is done"


def test_an_output_that_comes_fast_is_not_drawn_each_time(
    captured: CapturedIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_live, "REDRAW_S", 3600.0)
    with Redrawn() as progress:
        progress(events.StepStarted(1, 1, "RUN yes"))
        for _ in range(1000):
            progress(events.Output("stdout", b"y\n"))
    assert len(captured.outputs) == len(["begin", "step", "emptied", "table"])
    assert words(captured.outputs[-1]).count("    y") == build_live.SHOWN_LINES


def test_what_a_failed_command_wrote_stays(captured: CapturedIO) -> None:
    with pytest.raises(RuntimeError), Redrawn() as progress:
        progress(events.StepStarted(1, 1, "RUN make <it>"))
        progress(events.Output("stderr", b"no rule\nto make it"))
        raise RuntimeError
    last = captured.outputs[-1]
    assert words(last).splitlines()[-3:] == [
        "1/1   RUN make <it>  not finished",
        "    no rule",
        "    to make it",
    ]
    assert "no rule\nto make it" in last.data["text/html"]
    assert "RUN make &lt;it&gt;" in last.data["text/html"]


def test_the_tail_keeps_the_last_lines() -> None:
    tail = Tail()
    for number in range(100):
        tail.take(events.Output("stdout", f"line {number}\n".encode()))
    tail.take(events.Output("stdout", b"begun"))
    assert tail.lines == [*(f"line {number}" for number in range(95, 100)), "begun"]
    tail.take(events.StepDone(0.1))
    assert tail.lines == []


def test_without_a_notebook_each_event_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    with build_live.progress() as progress:
        assert isinstance(progress, Lines)
        for event in [*RUN, events.StepStarted(2, 2, "COPY a /"), events.StepCached(LAYER)]:
            progress(event)
    assert capsys.readouterr().out.splitlines() == [
        "[1/2] FROM onggi/base",
        "[2/2] RUN make",
        "    a·[2Jb",
        "    unfinished",
        "    → a new layer",
        "[2/2] COPY a /",
        "    → the layer of last time",
    ]
