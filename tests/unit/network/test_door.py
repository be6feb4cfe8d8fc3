"""A door without a descriptor left: nobody is lost, and no processor turns for nothing."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import socket
import time
from collections.abc import Iterator

from runtime.network import door
from runtime.network.door import Door


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """The next free one is the first that is too many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_who_cannot_be_let_in_waits() -> None:
    welcomed: list[socket.socket] = []
    with selectors.DefaultSelector() as selector, socket.create_server(("127.0.0.1", 0)) as inn:
        watched = Door(selector, inn, welcomed.append)

        def turn(patience_s: float) -> int:
            ready = selector.select(patience_s)
            for key, _ in ready:
                key.data()
            watched.look()
            return len(ready)

        with socket.create_connection(inn.getsockname()) as caller:
            with no_descriptor_left():
                assert turn(20) == 1
                assert watched.due_s() is not None
                assert selector.select(0) == [], "it is not watched, although somebody waits"
                time.sleep(door.REST_S)
                watched.look()
                assert turn(20) == 1, "it has been opened again, in vain"
            assert not welcomed
            time.sleep(door.REST_S)
            watched.look()
            assert watched.due_s() is None
            assert turn(20) == 1
            with welcomed.pop() as let_in:
                let_in.sendall(b"welcome")
                assert caller.recv(100) == b"welcome"
        watched.close()
        assert not selector.get_map()


def test_a_door_can_be_closed_for_good_while_it_rests() -> None:
    with selectors.DefaultSelector() as selector, socket.create_server(("127.0.0.1", 0)) as inn:
        watched = Door(selector, inn, lambda caller: None)
        with socket.create_connection(inn.getsockname()):
            with no_descriptor_left():
                ((key, _),) = selector.select(20)
                key.data()
            assert watched.due_s() is not None
            watched.close()
            watched.look()
        assert not selector.get_map()
