"""Telling: what long work says while it goes on, as something to iterate over.

    for message in told(lambda tell, cancellation: images.build(…, progress=tell, …)): …

The work runs in a thread of its own. Whoever stops reading, or is found to have gone, calls it off,
and waits until it has cleaned up behind itself: nothing goes on for nobody.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator
from typing import Any

from runtime.cancellation import Cancellation

LOOK_S = 0.5
"""So often it is asked whether the reader of a silent work is still there."""


def told(
    act: Callable[[Callable[[Any], None], Cancellation], object],
    is_gone: Callable[[], bool] = lambda: False,
) -> Generator[Any, None, Any]:
    """What `act(tell, cancellation)` tells, as it happens; what it returns, returned. What it
    raises is raised at the end.
    """
    messages: queue.SimpleQueue[tuple[Any] | None] = queue.SimpleQueue()
    cancellation = Cancellation()
    found: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            found.append(act(lambda message: messages.put((message,)), cancellation))
        except BaseException as error:  # noqa: BLE001 (raised again by who reads)
            failure.append(error)
        messages.put(None)

    thread = threading.Thread(target=run, daemon=True, name="told")
    thread.start()
    try:
        while (message := _next(messages, cancellation, is_gone)) is not None:
            yield message[0]
    finally:
        cancellation.call_off()  # which changes nothing for what has ended
        thread.join()
    if failure:
        raise failure[0]
    return found[0]


def _next(
    messages: queue.SimpleQueue[tuple[Any] | None],
    cancellation: Cancellation,
    is_gone: Callable[[], bool],
) -> tuple[Any] | None:
    """The next message; None at the end."""
    while True:
        with contextlib.suppress(queue.Empty):
            return messages.get(timeout=LOOK_S)
        if is_gone():
            cancellation.call_off()
