"""A notebook's cell, without a notebook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[CapturedIO]:
    """What a cell displays; an IPython shell that is gone afterwards."""
    monkeypatch.setenv("ONGGI_LANG", "en")
    InteractiveShell.instance()
    with capture_output() as caught:
        yield caught
    InteractiveShell.clear_instance()
