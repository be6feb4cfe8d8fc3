"""Commands that start programs: run, create, start.

What happens in the foreground stands in attach.py.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime.cli import console
from runtime.cli.attach import DETACH_KEYS, SIG_PROXY, in_foreground
from runtime.cli.command import command
from runtime.cli.connection import address, open_engine
from runtime.cli.container_flags import CONTAINER_FLAGS, INTERACTIVE, options_of
from runtime.cli.files import id_file
from runtime.cli.flags import SWITCH, EndsWithOne, Flag, Given, UsageError
from runtime.cli.messages import translate
from runtime.cli.terminal import refuse_other_input
from runtime.container.messages import STREAMS
from runtime.engine.keys import parse_keys
from runtime.engine.options import read_options
from runtime.errors import InvalidInput

if TYPE_CHECKING:
    from runtime.cli.connection import AnyContainer
    from runtime.registry.progress import Progress, Tell


@command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    Flag("detach", "d", SWITCH, "Run container in background and print container ID"),
    DETACH_KEYS,
    SIG_PROXY,
    *CONTAINER_FLAGS,
    least=1,
    interspersed=False,
    failure=125,
)
def run(given: Given) -> int:
    """Create and start; in the foreground the exit code is the program's."""
    if given.detach:
        refuse_attached(given)
        container = create_as(given, attach=[])
        container.start()
        console.say(container.id)
        return 0
    parse_keys(given.detach_keys or "")
    if given.interactive and given.tty and "stdin" in streams_of(given):
        refuse_other_input()
    streams = streams_of(given)
    container = create_as(given, attach=streams)
    return in_foreground(
        container,
        streams=tuple(streams),
        detach_keys=given.detach_keys or "",
        sig_proxy=given.sig_proxy,
    )


def refuse_attached(given: Given) -> None:
    """Raises EndsWithOne, as docker does."""
    if given.attach:
        raise EndsWithOne("-a and -d contradict each other: in the background nobody is attached")


def streams_of(given: Given) -> list[str]:
    """What `-a` says, else the outputs, and with `-i` the input."""
    chosen = given.attach or ["stdout", "stderr", *(["stdin"] if given.interactive else [])]
    return [name.lower() for name in chosen]


@command("[OPTIONS] IMAGE [COMMAND] [ARG...]", *CONTAINER_FLAGS, least=1, interspersed=False)
def create(given: Given) -> int:
    """A container that waits for `onggi start`."""
    console.say(create_as(given, attach=streams_of(given)).id)
    return 0


def create_as(given: Given, **more: Any) -> AnyContainer:
    """The container that a command line describes. Raises what `Containers.create` raises."""
    from runtime.cli.progress import bootstrap_progress

    options = understood(given, more)
    image, *arguments = given.words
    with id_file(given.cidfile) as write_id, bootstrap_progress() as progress:
        engine = open_engine(None if given.quiet else progress)
        container = engine.containers.create(
            image,
            arguments or None,
            name=given.name,
            platform=given.platform,
            pull=given.pull,
            progress=None if given.quiet else Transfer(),
            **options,
        )
        write_id(container.id)
    for notice in container.notices:
        console.warn(f"WARNING: {notice.told(translate)}")
    return container


class Transfer:
    """Draws how an image comes, on standard error; its drawing is loaded when one comes."""

    _draw: Tell | None = None

    def __call__(self, message: Progress) -> None:
        """One message."""
        if self._draw is None:
            from runtime.cli import transfer

            self._draw = transfer.drawing(sys.stderr)
        self._draw(message)


def understood(given: Given, more: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command line. Raises UsageError for what cannot be understood: docker
    ends with 125 then, before it has asked its engine.
    """
    from runtime.api.client import creation

    try:
        refuse_pull(given.pull)
        options = {**options_of(given), **more}
        if address() is None:
            read_options(options)
        else:  # whose engine may have what ours does not
            creation.body_of(given.words[0], None, options)
    except InvalidInput as error:
        raise UsageError(error.template, hint=error.hint_template, **error.facts) from error
    return options


def refuse_pull(policy: str | None) -> None:
    """Raises InvalidInput for what is no policy."""
    if policy and policy not in ("always", "missing", "never"):
        raise InvalidInput(
            "invalid pull option: {policy!r}",
            hint="write always, missing or never",
            policy=policy,
        )


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("attach", "a", SWITCH, "Attach to its output and forward signals"),
    DETACH_KEYS,
    INTERACTIVE,
    least=1,
)
def start(given: Given) -> int:
    """In the background, or attached to one container as `run` is."""
    engine = open_engine()
    if not given.attach and not given.interactive:
        return console.each(given.words, lambda name: engine.containers.get(name).start())
    if len(given.words) > 1:
        raise InvalidInput(
            "only one container can be attached to at a time", hint="start the others without -a"
        )
    container = engine.containers.get(given.words[0])
    streams = ("stdin", *STREAMS) if given.interactive else STREAMS
    return in_foreground(container, streams=streams, detach_keys=given.detach_keys or "")
