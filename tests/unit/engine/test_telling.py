"""What long work says, as something to iterate over."""

from __future__ import annotations

import threading

import pytest

from runtime.cancellation import Cancellation
from runtime.engine.telling import told
from runtime.errors import Cancelled, NotFound


def test_messages_come_as_they_happen_and_then_the_result() -> None:
    heard = threading.Event()

    def act(tell, _cancellation):  # type: ignore[no-untyped-def]
        tell("one")
        assert heard.wait(60)
        tell("two")
        return "done"

    messages = told(act)
    assert next(messages) == "one"
    heard.set()
    assert next(messages) == "two"
    with pytest.raises(StopIteration) as end:
        next(messages)
    assert end.value.value == "done"


def test_what_is_raised_is_raised_at_the_end() -> None:
    def act(tell, _cancellation):  # type: ignore[no-untyped-def]
        tell("one")
        raise NotFound("no such image: {name}", name="x")

    messages = told(act)
    assert next(messages) == "one"
    with pytest.raises(NotFound):
        next(messages)


def wait_for_ever(ended: list[str]):  # type: ignore[no-untyped-def]
    def act(tell, cancellation: Cancellation):  # type: ignore[no-untyped-def]
        called_off = threading.Event()
        tell("begun")
        try:
            with cancellation.ends(called_off.set):
                assert called_off.wait(60)
                cancellation.check()
        finally:
            ended.append("cleaned up")

    return act


def test_who_stops_reading_calls_it_off_and_waits_for_the_cleaning() -> None:
    ended: list[str] = []
    messages = told(wait_for_ever(ended))
    assert next(messages) == "begun"
    messages.close()
    assert ended == ["cleaned up"]


def test_who_has_gone_while_nothing_is_said_calls_it_off() -> None:
    ended: list[str] = []
    gone = threading.Event()
    messages = told(wait_for_ever(ended), gone.is_set)
    assert next(messages) == "begun"
    gone.set()
    with pytest.raises(Cancelled):
        next(messages)
    assert ended == ["cleaned up"]
