"""A build's log as a table: what is new, known, or only a setting."""

from __future__ import annotations

import pytest

from lessons_lib.build_progress import steps
from runtime.build import events
from runtime.oci.digest import DiffID

LAYER = DiffID.of(b"layer")


def test_every_step_says_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    log: list[events.Event] = [
        *(events.StepStarted(1, 4, "FROM onggi/base"), events.StepDone(0.1)),
        *(events.StepStarted(2, 4, "RUN <x>"), events.Output("stdout", b"hello")),
        *(events.LayerWritten(LAYER, 5), events.StepDone(0.2)),
        *(events.StepStarted(3, 4, "COPY a /"), events.StepCached(LAYER), events.StepDone(0.3)),
        events.StepStarted(4, 4, "RUN exit 1"),
    ]
    shown = steps(log)
    assert shown.words.splitlines() == [
        "Step  Instruction      What became of it",
        "1/4   FROM onggi/base  layers and settings inherited",
        "2/4   RUN <x>          a new layer",
        "3/4   COPY a /         the layer of last time",
        "4/4   RUN exit 1       not finished",
    ]
    assert "RUN &lt;x&gt;" in shown.page
