"""An image while it travels: one place that is redrawn, and a table that stays; or lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from IPython.utils.capture import CapturedIO, RichOutput
from peers import Offer, running_peer

from lessons_lib import travel_live
from runtime.content.store import ContentStore
from runtime.oci.descriptor import Platform
from runtime.registry.client import Registry, Repository
from runtime.registry.progress import Progress, Tell
from runtime.registry.pull import pull
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust


def words(output: RichOutput) -> str:
    return str(output.data["text/plain"])


def pulled(tmp_path: Path, offer: Offer, tell: Tell) -> None:
    with running_peer() as peer:
        offer.serve(peer)
        transport = Transport(Trust(folders=()))
        repository = Repository(Registry(peer.host, transport), "app", "pull")
        pull(repository, "latest", ContentStore(tmp_path), Platform("amd64", "linux"), tell)
        transport.close()


def test_a_pull_in_a_notebook(captured: CapturedIO, tmp_path: Path) -> None:
    offer = Offer()
    layer = offer.descriptor("", offer.layer).digest.short
    with travel_live.redrawn() as progress:
        pulled(tmp_path, offer, progress)
    first, *during, emptied, last = captured.outputs
    assert words(first) == words(emptied) == ""
    assert any("Downloading" in words(each) and "█" in words(each) for each in during)
    assert words(last).splitlines()[-1].split() == [layer, "Pull", "complete"]
    assert layer in str(last.data["text/html"])


def test_who_fails_is_seen_and_a_layer_is_not_drawn_for_each_piece(
    captured: CapturedIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(travel_live, "REDRAW_S", 3600.0)
    monkeypatch.setenv("ONGGI_LANG", "ko")
    with pytest.raises(KeyboardInterrupt), travel_live.redrawn() as progress:
        progress(Progress("Status: of the whole"))
        for done in range(1000):
            progress(Progress("Downloading", "3f2a", done, 1000))
        raise KeyboardInterrupt
    assert len(captured.outputs) == len(["begin", "its first piece", "emptied", "table"])
    row = words(captured.outputs[-1]).splitlines()[1].split()
    assert row == ["3f2a", "내려받는", "중", "█" * 23 + "░"]


def test_outside_of_a_notebook_each_thing_is_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with travel_live.travel() as progress:
        pulled(tmp_path, Offer(), progress)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in lines if "Pull" in line][-1:] == ["Pull complete"]
    assert "█" not in json.dumps(lines)
