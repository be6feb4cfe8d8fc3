"""Calling off."""

from __future__ import annotations

import pytest

from runtime.cancellation import Cancellation
from runtime.errors import Cancelled


def test_called_off_once_and_for_good() -> None:
    cancellation, ended = Cancellation(), []
    cancellation.check()
    with cancellation.ends(lambda: ended.append("over")):
        pass
    with pytest.raises(Cancelled), cancellation.ends(lambda: ended.append("now")):
        cancellation.call_off()
        cancellation.call_off()
        cancellation.check()
    assert ended == ["now"]
    with pytest.raises(Cancelled), cancellation.ends(lambda: ended.append("late")):
        raise AssertionError
    assert ended == ["now"]
