"""A monitor's hands, without a container: pipes into the log, callers, an input that ends."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.container import log, messages
from runtime.container.messages import STDIN, STDIN_ANNOTATION, Exit, StdinPolicy
from runtime.container.streams import Streams
from runtime.oci.spec import Process, Spec


class Hands:
    """`Streams` and a selector, turned as a monitor turns them."""

    def __init__(self, directory: Path, policy: StdinPolicy) -> None:
        spec = Spec(Process(("true",)), annotations={STDIN_ANNOTATION: policy})
        self.directory = directory
        self.streams = Streams(directory, spec)
        self.selector = selectors.DefaultSelector()
        self.streams.watch(self.selector)

    def turn(self) -> None:
        while ready := self.selector.select(0):
            for key, _ in ready:
                key.data()

    def caller(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.streams.greet(ours)
        return theirs


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = Hands(tmp_path, StdinPolicy.ONCE)
    yield hands
    hands.selector.close()


def input_has_ended(hands: Hands) -> bool:
    """Whether somebody who reads the input finds its end, as nobody holds it open."""
    reader = os.open(hands.directory / STDIN, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(reader, 1) == b""
    except BlockingIOError:
        return False
    finally:
        os.close(reader)


def test_what_is_written_is_logged_and_told(hands: Hands, tmp_path: Path) -> None:
    caller = hands.caller()
    assert messages.receive(caller)[0] == {"output": True}
    out = os.open(tmp_path / "stdout", os.O_WRONLY)
    os.write(out, b"hello\n")
    hands.turn()
    assert messages.receive(caller)[0] == {"output": True}
    os.write(out, b"last")
    os.close(out)
    hands.streams.close()
    hands.streams.say_goodbye(Exit(3, False))
    heard = [messages.receive(caller)[0] for _ in range(3)]
    assert heard == [{"output": True}, {"exit_code": 3, "oom_killed": False}, None]
    with log.Reader(tmp_path / log.NAME) as reader:
        assert [entry.data for entry in reader.new()] == [b"hello\n", b"last"]
    caller.close()


def test_who_does_not_listen_holds_up_nobody(hands: Hands, tmp_path: Path) -> None:
    deaf, caller = hands.caller(), hands.caller()
    out = os.open(tmp_path / "stdout", os.O_WRONLY)
    for _ in range(5000):
        os.write(out, b"x\n")
        hands.turn()
        caller.setblocking(False)
        messages.receive(caller)
    os.close(out)
    hands.streams.close()
    hands.streams.say_goodbye(Exit(0, False))
    assert messages.receive(deaf)[0] == {"output": True}
    assert messages.receive(deaf)[0] == {"exit_code": 0, "oom_killed": False}
    for each in (deaf, caller):
        each.close()


@pytest.mark.parametrize("how", ["says so", "dies", "dies at once"])
def test_the_first_who_fed_it_ends_an_input_that_is_open_once(hands: Hands, how: str) -> None:
    caller, other = hands.caller(), hands.caller()
    messages.send(caller, {"feeds": True})
    if how != "dies at once":
        hands.turn()
        assert not input_has_ended(hands)
    other.close()
    hands.turn() if how != "dies at once" else None
    if how == "says so":
        messages.send(caller, {"feeds": False})
    else:
        caller.close()
    hands.turn()
    assert input_has_ended(hands)
    hands.streams.close()
    caller.close()


def test_an_input_for_ever_does_not_end(tmp_path: Path) -> None:
    hands = Hands(tmp_path, StdinPolicy.FOR_EVER)
    caller = hands.caller()
    messages.send(caller, {"feeds": True})
    caller.close()
    hands.turn()
    assert not input_has_ended(hands)
    hands.streams.close()
    hands.selector.close()


def test_without_a_terminal_there_is_no_master(hands: Hands) -> None:
    caller = hands.caller()
    messages.receive(caller)
    messages.send(caller, {"terminal": True})
    hands.turn()
    assert messages.receive(caller) == ({"terminal": False}, ())
    hands.streams.close()
    caller.close()


def test_the_master_is_given_to_who_asks(tmp_path: Path) -> None:
    spec = Spec(Process(("true",), terminal=True))
    streams = Streams(tmp_path, spec)
    master, slave = os.openpty()
    os.set_blocking(master, False)
    streams.take_terminal(master)
    ours, caller = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with selectors.DefaultSelector() as selector:
        streams.watch(selector)
        streams.greet(ours)
        messages.receive(caller)
        messages.send(caller, {"terminal": True})
        for key, _ in selector.select(0):
            key.data()
        message, (copy,) = messages.receive(caller)
        assert message == {"terminal": True}
        os.write(slave, b"prompt# ")
        os.close(slave)
        streams.close()
    with log.Reader(tmp_path / log.NAME) as reader:
        assert [entry.data for entry in reader.new()] == [b"prompt# "]
    os.close(copy)
    caller.close()
