"""Packets: how processes of ours talk to each other. JSON, one packet a message.

The sockets are SOCK_SEQPACKET, which keeps the borders of messages, so there is nothing to
frame or to parse by halves. File descriptors travel beside a message (SCM_RIGHTS). An error
travels as its template and facts and is raised again on the other side as what it was.

Which messages there are is said where they are sent: `runtime/container/messages.py` between
callers, launcher and monitors, `runtime/network/requests.py` with the networks' keeper.

man 7 unix
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

from runtime import errors
from runtime.errors import CommandNotStarted, InvalidInput, OnggiError

LARGEST = 1 << 18
"""Bytes of a packet: more than the kernel sends at once (net.core.wmem_default)."""

LONGEST_FACT = 1000
"""Characters of an error's fact: a command that is too long must not make its refusal so."""

MOST_DESCRIPTORS = 8

Message = dict[str, Any]


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, whose directory alone says who may connect."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _with_short_name(path, listener.bind)
    listener.listen(256)
    return listener


def connect(path: Path) -> socket.socket:
    """Raises ConnectionRefusedError when nobody listens (any more), FileNotFoundError when
    nobody ever did.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        _with_short_name(path, connection.connect)
    except OSError:
        connection.close()
        raise
    return connection


def _with_short_name(path: Path, action: Any) -> None:
    """A socket's name has 108 bytes, a state directory's may have more: go by its descriptor."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        action(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def send(
    connection: socket.socket,
    message: Message,
    descriptors: tuple[int, ...] = (),
    *,
    wait: bool = True,
) -> None:
    """Not to `wait` raises BlockingIOError when the other side has too much to read already.

    Raises OSError (EPIPE) when the other side has gone, InvalidInput for a message that is too
    long: an exec's command and variables travel in one.
    """
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    try:
        flags = 0 if wait else socket.MSG_DONTWAIT
        connection.sendmsg([json.dumps(message).encode()], rights if descriptors else [], flags)
    except OSError as error:
        if error.errno != errno.EMSGSIZE:
            raise
        raise InvalidInput(
            "the command and its variables are too long",
            hint="put the text into a file of the container, or through standard input",
        ) from error


def receive(connection: socket.socket) -> tuple[Message | None, tuple[int, ...]]:
    """The next message and the descriptors that came with it; None at the end.

    The descriptors are closed on exec and are the caller's to close.
    """
    room = socket.CMSG_LEN(MOST_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _, _ = connection.recvmsg(LARGEST, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            usable = len(content) - len(content) % descriptors.itemsize
            descriptors.frombytes(content[:usable])
    return (json.loads(data) if data else None), tuple(descriptors)


def receive_all_the_same(connection: socket.socket) -> tuple[Message | None, tuple[int, ...]]:
    """The same of a peer that may have ended without reading all that it was sent: the kernel tells
    of that first, and once (ECONNRESET); what it had said before comes after that.
    """
    with contextlib.suppress(ConnectionResetError):
        return receive(connection)
    return receive(connection)


def described(error: BaseException) -> Message:
    """An error, for a process that did not see it happen."""
    known = isinstance(error, OnggiError) and not isinstance(error, OSError)
    template = error.template if known else "the container could not be set up: {reason}"  # type: ignore[attr-defined]
    facts = error.facts if known else {"reason": str(error) or repr(error)}  # type: ignore[attr-defined]
    return {
        "kind": type(error).__name__ if known else "OnggiError",
        "template": template,
        "hint": error.hint_template if known else "",  # type: ignore[attr-defined]
        "facts": {name: str(fact)[:LONGEST_FACT] for name, fact in facts.items()},
        "exit_code": error.exit_code if isinstance(error, CommandNotStarted) else None,
    }


def as_error(description: Message) -> OnggiError:
    """The error that `described` described."""
    kind: type[OnggiError] = getattr(errors, description["kind"])
    facts = dict(description["facts"])
    if description["exit_code"] is not None:
        facts["exit_code"] = description["exit_code"]
    return kind(description["template"], hint=description["hint"], **facts)
