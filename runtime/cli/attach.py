"""Standing in for a container: its output comes out here, signals that come here go to it.

Its exit code becomes ours. `attach`, `exec`, and what `run` and `start` do in the foreground.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine
from runtime.cli.container_flags import (
    ENVIRONMENT,
    ENVIRONMENT_FILE,
    INTERACTIVE,
    TERMINAL,
    USER,
    WORKDIR,
)
from runtime.cli.files import read_variables
from runtime.cli.flags import SWITCH, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.cli.streams import Feeder, converse
from runtime.cli.terminal import handling, refuse_other_input, window
from runtime.container.messages import STREAMS
from runtime.engine.keys import parse_keys
from runtime.errors import OnggiError

if TYPE_CHECKING:
    from runtime.api.client.streams import Attachment as RemoteAttachment
    from runtime.cli.connection import AnyContainer
    from runtime.engine.attachment import Attachment

    AnyAttachment = Attachment | RemoteAttachment

DETACH_KEYS = Flag("detach-keys", "", WORD, "Override the key sequence for detaching a container")
SIG_PROXY = Flag("sig-proxy", "", SWITCH, "Proxy received signals to the process", True)

FORWARDED = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
    *(signal.SIGUSR1, signal.SIGUSR2),
)
ENOUGH = 3
"""After so many SIGINT or SIGTERM docker believes that it is meant itself."""


def in_foreground(
    container: AnyContainer,
    *,
    streams: tuple[str, ...] = ("stdin", *STREAMS),
    detach_keys: str = "",
    sig_proxy: bool = True,
) -> int:
    """Start it, and be attached to `streams` of it; its exit code, or 0 if we have left.

    When nobody reads our output any more (`onggi run … | head -1`) the container is killed, as
    the program would be without us. Docker leaves it running.
    """
    keys = parse_keys(detach_keys)
    stdin = "stdin" in streams and container.opens_stdin
    if stdin and container.has_terminal:
        refuse_other_input()
    with signals_for(container, sig_proxy):
        attachment = container.start_attached(stdin=stdin, window=window())
        if not set(streams) & set(STREAMS):
            return only_feed(container, attachment)
        try:
            if not attend(container, attachment, streams, keys):
                return 0
        except BrokenPipeError:
            with contextlib.suppress(OnggiError):
                container.kill("SIGKILL")
            raise
        return int(attachment.exit.code)


def only_feed(container: AnyContainer, attachment: AnyAttachment) -> int:
    """`-a stdin`: give it what we have, and let it go on without us."""
    console.say(container.id)
    if attachment.stdin is not None:
        Feeder(attachment, None).feed()
    attachment.leave()
    return 0


def attend(
    container: AnyContainer, attachment: AnyAttachment, streams: tuple[str, ...], keys: bytes
) -> bool:
    """Until it ends; False if we have left it."""
    pieces = (
        (entry.stream, entry.data) for entry in attachment.output() if entry.stream in streams
    )
    return converse(attachment, pieces, tty=container.has_terminal, detach_keys=keys)


@command(
    "[OPTIONS] CONTAINER",
    DETACH_KEYS,
    Flag("no-stdin", "", SWITCH, "Do not attach STDIN"),
    SIG_PROXY,
    least=1,
    most=1,
)
def attach(given: Given) -> int:
    """To a container that runs. What it wrote before is in its logs."""
    keys = parse_keys(given.detach_keys or "")
    container = open_engine().containers.get(given.words[0])
    stdin = not given.no_stdin and container.opens_stdin
    if stdin and container.has_terminal:
        refuse_other_input()
    with signals_for(container, given.sig_proxy):
        attachment = container.attached(stdin=stdin)
        ask_to_draw_again(attachment)
        if not attend(container, attachment, STREAMS, keys):
            return left()
        return int(attachment.exit.code)


def ask_to_draw_again(attachment: AnyAttachment) -> None:
    """A program draws its screen, a shell its prompt, when the window changes."""
    size = window()
    if size is not None:
        attachment.resize(size.height + 1, size.width)


def left() -> int:
    """What docker says, and ends with, after the keys to leave."""
    console.warn(translate("left by the detach keys; it runs on"))
    return 1


def signals_for(
    container: AnyContainer, wanted: bool = True
) -> contextlib.AbstractContextManager[None]:
    """Inside the block signals to us go to the container; the third Ctrl-C ends us alone.

    With a terminal they do not: there Ctrl-C is a key.
    """
    if not wanted or container.has_terminal:
        return contextlib.nullcontext()
    return handling(FORWARDED, forwarder(container))


def forwarder(container: AnyContainer) -> Callable[[int, FrameType | None], None]:
    """A signal handler that passes signals on to the container's first process."""
    urgent = 0

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal urgent
        urgent += number in (signal.SIGINT, signal.SIGTERM)
        if urgent >= ENOUGH:
            console.warn(translate("interrupted three times: leaving the container to itself"))
            os._exit(1)
        # It may not run yet, or not any more.
        with contextlib.suppress(OnggiError):
            container.kill(number)

    return forward


@command(
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    Flag("detach", "d", SWITCH, "Run the command in the background"),
    DETACH_KEYS,
    ENVIRONMENT,
    ENVIRONMENT_FILE,
    INTERACTIVE,
    Flag("privileged", "", SWITCH, "Give extended privileges to the command"),
    TERMINAL,
    USER,
    WORKDIR,
    least=2,
    interspersed=False,
)
def execute(given: Given) -> int:
    """One more program in a container that runs; the exit code is the program's."""
    name, *arguments = given.words
    container = open_engine().containers.get(name)
    keys = parse_keys(given.detach_keys or "")
    stdin = given.interactive and not given.detach
    if stdin and given.tty:
        refuse_other_input()
    execution = container.execution(
        tuple(arguments),
        tuple(read_variables(given.env_file, given.env)),
        workdir=given.workdir,
        user=given.user or "",
        tty=given.tty,
        privileged=given.privileged,
        stdin=stdin,
        wanted=() if given.detach else STREAMS,
        window=None if given.detach else window(),
    )
    if given.detach:
        execution.close()
        return 0
    if not converse(execution, execution.output(), tty=given.tty, detach_keys=keys):
        return left()
    return execution.wait()
