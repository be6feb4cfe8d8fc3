"""Packets between processes: whole messages, descriptors, and errors that stay what they are."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import errors
from runtime.errors import (
    CommandNotStarted,
    Conflict,
    HostLacks,
    InvalidInput,
    InvalidTransition,
    KernelError,
    NotFound,
    OnggiError,
)
from runtime.linux import packets
from runtime.linux.packets import Message, as_error, described


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


def test_messages_keep_their_borders(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    for number in range(3):
        packets.send(one, {"n": number, "text": "안녕"})
    one.close()
    assert [packets.receive(other)[0] for _ in range(4)] == [
        *({"n": number, "text": "안녕"} for number in range(3)),
        None,
    ]


def test_a_large_message_arrives_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    """An exec's command line travels in one; the longest argument has 128 KiB. man 2 execve"""
    one, other = pair
    message = {"text": "x" * (128 << 10)}
    packets.send(one, message)
    assert packets.receive(other)[0] == message
    with pytest.raises(InvalidInput, match="too long"):
        packets.send(one, {"text": "x" * (1 << 20)})


def test_descriptors_travel_and_are_not_inherited(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    one, other = pair
    (tmp_path / "file").write_text("hello")
    files = [os.open(tmp_path / "file", os.O_RDONLY) for _ in range(packets.MOST_DESCRIPTORS)]
    packets.send(one, {}, tuple(files))
    message, received = packets.receive(other)
    assert message == {}
    assert len(received) == len(files)
    assert not any(map(os.get_inheritable, received))
    assert os.read(received[-1], 9) == b"hello"
    for descriptor in (*files, *received):
        os.close(descriptor)


def test_a_socket_may_have_a_long_name(tmp_path: Path) -> None:
    """sun_path has 108 bytes; a state directory's name may have more. man 7 unix"""
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    with packets.listen(deep / "sock") as listener, packets.connect(deep / "sock") as caller:
        accepted, _ = listener.accept()
        with accepted:
            packets.send(caller, {"a": 1})
            assert packets.receive(accepted)[0] == {"a": 1}


def test_nobody_listens(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        packets.connect(tmp_path / "sock")
    packets.listen(tmp_path / "sock").close()
    with pytest.raises(ConnectionRefusedError):
        packets.connect(tmp_path / "sock")
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "error",
    [
        OnggiError("plain"),
        NotFound("no such {what}", hint="look for {what}", what="{thing}"),
        Conflict("taken: {name}", name="web"),
        InvalidInput("largest {n}", n=7),
        InvalidTransition("{name} is {state}: not {verb}", state="running", verb="start", name="w"),
        HostLacks("no {feature}", feature="pids", evidence="mounts", hint="see {evidence}"),
        CommandNotStarted("not found: {command}", exit_code=127, command="nosuch"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_raised_again_as_what_it_was(error: OnggiError) -> None:
    again = as_error(travelled(described(error)))
    assert type(again) is type(error)
    assert (again.message, again.hint) == (error.message, error.hint)
    assert (again.template, again.hint_template) == (error.template, error.hint_template)
    for name in ("state", "verb", "feature", "evidence", "exit_code"):
        assert getattr(again, name, None) == getattr(error, name, None)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KernelError("mount", "'/'", 1), "mount('/') failed: Operation not permitted"),
        (FileNotFoundError(2, "No such file", "/x"), "[Errno 2] No such file: '/x'"),
        (ValueError(), "ValueError()"),
    ],
)
def test_what_nobody_foresaw_is_one_sentence(error: BaseException, text: str) -> None:
    again = as_error(travelled(described(error)))
    assert str(again) == f"the container could not be set up: {text}"


def travelled(description: Message) -> Message:
    """As it comes out at the other end of a socket."""
    again: Message = json.loads(json.dumps(description))
    return again


def test_no_kind_of_error_is_forgotten() -> None:
    """Whatever a monitor may raise can be described: none needs more than its facts."""
    for kind in (errors.NotFound, errors.UnsafePath, errors.InvalidSpec, errors.InvalidReference):
        assert type(as_error(travelled(described(kind("text"))))) is kind
