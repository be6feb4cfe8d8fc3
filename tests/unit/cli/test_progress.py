"""What is drawn while one waits: lines for a pipe, one rewritten line for a terminal."""

from __future__ import annotations

import pytest

from runtime.build import events
from runtime.cli.build_progress import BuildLog
from runtime.cli.progress import Bar, bootstrap_progress
from runtime.oci.digest import DiffID

LAYER = DiffID.of(b"layer")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


def test_a_pipe_gets_a_line_for_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    with bootstrap_progress() as tell:
        for what, done in (("shell", 0), ("shell", 5), ("pip", 1)):
            tell(what, done, 10)
    assert capsys.readouterr() == ("", "shell\npip\n")


def test_a_terminal_gets_one_line_that_is_rewritten(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    for what, done in (("shell", 0), ("shell", 5), ("\x1b[2Jpip", 10)):
        bar.show(what, done, 10)
    bar.close()
    lines = capsys.readouterr().err.split("\n")
    assert lines[0].count("\r") == 2
    assert "5/10 shell" in lines[0]
    assert "█" * 24 + " 10/10 \\u001b[2Jpip" in lines[1]
    assert lines[2:] == [""]


def test_nothing_done_is_nothing_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with bootstrap_progress():
        pass
    Bar().close()
    assert capsys.readouterr() == ("", "")


def test_a_build_as_docker_tells_it(capfd: pytest.CaptureFixture[str]) -> None:
    tell = BuildLog()
    for event in (
        events.UnusedBuildArguments(("A", "B")),
        events.StepStarted(1, 3, "FROM scratch"),
        events.StepDone(0.1),
        events.StepStarted(2, 3, "COPY \x1b . /"),
        events.StepCached(LAYER),
        events.StepDone(0.1),
        events.StepStarted(3, 3, "RUN make"),
        events.Output("stdout", b"\x1b[1mone\n"),
        events.Output("stderr", b"two"),
        events.LayerWritten(LAYER, 2048),
        events.StepDone(0.1),
    ):
        tell(event)
    short = LAYER.short
    written = capfd.readouterr()
    assert written.err == ""
    assert written.out == (
        "[Warning] build arguments without an ARG: A, B\n"
        "Step 1/3 : FROM scratch\n"
        "Step 2/3 : COPY \\u001b . /\n"
        f" ---> Using cache {short}\n"
        "Step 3/3 : RUN make\n"
        f"\x1b[1mone\ntwo\n ---> {short} (2.048kB)\n"
    )
