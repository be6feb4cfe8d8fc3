"""Commands that start programs: run, create, start, exec.

In the foreground the command line stands in for the program: what it writes comes out here,
signals that come here go to it, and its exit code becomes ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.container_flags import (
    CONTAINER_FLAGS,
    ENVIRONMENT,
    ENVIRONMENT_FILE,
    EXEC_TERMINAL,
    INTERACTIVE,
    USER,
    WORKDIR,
    options_of,
)
from runtime.cli.files import id_file, read_variables
from runtime.cli.flags import SWITCH, Flag, Given, UsageError
from runtime.cli.messages import translate
from runtime.cli.streams import pass_on_until, standard_input
from runtime.engine import Engine
from runtime.engine.options import read_options
from runtime.errors import InvalidInput, OnggiError

if TYPE_CHECKING:
    from runtime.container.log import Entry
    from runtime.engine.container import Container

STREAMS = {"stdout": 1, "stderr": 2}


@command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    Flag("detach", "d", SWITCH, "Run container in background and print container ID"),
    *CONTAINER_FLAGS,
    least=1,
    interspersed=False,
    failure=125,
)
def run(given: Given) -> int:
    """Create and start; in the foreground the exit code is the program's."""
    container = create_as(given)
    if not given.detach:
        return in_foreground(container, given.interactive)
    container.start()
    console.say(container.id)
    return 0


@command("[OPTIONS] IMAGE [COMMAND] [ARG...]", *CONTAINER_FLAGS, least=1, interspersed=False)
def create(given: Given) -> int:
    """A container that waits for `onggi start`."""
    console.say(create_as(given).id)
    return 0


def create_as(given: Given) -> Container:
    """The container that a command line describes. Raises what `Containers.create` raises."""
    from runtime.cli.progress import bootstrap_progress

    options = understood(given)
    image, *arguments = given.words
    with id_file(given.cidfile) as write_id, bootstrap_progress() as progress:
        engine = Engine(progress=None if given.quiet else progress)
        if given.pull == "never":
            engine.images.get(image)  # without this a base image would be made now
        container = engine.containers.create(
            image, arguments or None, name=given.name, platform=given.platform, **options
        )
        write_id(container.id)
    return container


def understood(given: Given) -> dict[str, Any]:
    """The options of a command line. Raises UsageError for what cannot be understood: docker
    ends with 125 then, before it has asked its engine.
    """
    try:
        refuse_pull(given.pull)
        options = options_of(given)
        read_options(options)
    except InvalidInput as error:
        raise UsageError(error.template, hint=error.hint_template, **error.facts) from error
    return options


def refuse_pull(policy: str) -> None:
    """Raises InvalidInput for another policy than missing and never."""
    if policy == "always":
        raise InvalidInput("not supported yet: {flag}", flag="--pull always")
    if policy not in ("missing", "never"):
        raise InvalidInput(
            "invalid pull option: {policy!r}",
            hint="write always, missing or never",
            policy=policy,
        )


@command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    Flag("attach", "a", SWITCH, "Attach to its output and forward signals"),
    INTERACTIVE,
    least=1,
)
def start(given: Given) -> int:
    """In the background, or attached to one container as `run` is."""
    engine = Engine()
    if not given.attach and not given.interactive:
        return console.each(given.words, lambda name: engine.containers.get(name).start())
    if len(given.words) > 1:
        raise InvalidInput(
            "only one container can be attached to at a time", hint="start the others without -a"
        )
    container = engine.containers.get(given.words[0])
    return in_foreground(container, given.interactive and container.request.stdin_open)


def in_foreground(container: Container, interactive: bool) -> int:
    """Start it, pass on what it writes and what we receive; its exit code.

    When nobody reads our output any more (`onggi run … | head -1`) the container is killed, as
    the program would be without us. Docker leaves it running.
    """
    with signals_for(container):
        with standard_input(interactive) as stdin:
            attachment = container.start_attached(stdin)
        try:
            for entry in attachment.output():
                pass_on_entry(entry)
        except BrokenPipeError:
            with contextlib.suppress(OnggiError):
                container.kill("SIGKILL")
            raise
        return int(attachment.exit.code)


def pass_on_entry(entry: Entry, *, timestamps: bool = False) -> None:
    """One piece of a container's log, to the stream that it was written to."""
    stamp = entry.stamp if timestamps else b""
    console.pass_on(stamp + entry.data, STREAMS[entry.stream])


FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
ENOUGH = 3
"""After so many SIGINT or SIGTERM docker believes that it is meant itself."""


@contextlib.contextmanager
def signals_for(container: Container) -> Iterator[None]:
    """Inside the block signals to us go to the container; the third Ctrl-C ends us alone."""
    before = {name: signal.getsignal(getattr(signal, name)) for name in FORWARDED}
    forward = forwarder(container)
    for name in FORWARDED:
        signal.signal(getattr(signal, name), forward)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def forwarder(container: Container) -> Callable[[int, FrameType | None], None]:
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
    ENVIRONMENT,
    ENVIRONMENT_FILE,
    INTERACTIVE,
    EXEC_TERMINAL,
    USER,
    WORKDIR,
    least=2,
    interspersed=False,
)
def execute(given: Given) -> int:
    """One more program in a container that runs; the exit code is the program's."""
    name, *arguments = given.words
    container = Engine().containers.get(name)
    variables = read_variables(given.env_file, given.env)
    if given.detach:
        container.exec_run(
            arguments,
            environment=variables,
            workdir=given.workdir,
            user=given.user or "",
            detach=True,
        )
        return 0
    return execute_here(container, tuple(arguments), tuple(variables), given)


def execute_here(
    container: Container, arguments: tuple[str, ...], variables: tuple[str, ...], given: Given
) -> int:
    """With our standard input, if it is wanted, and our outputs. Raises CommandNotStarted."""
    from runtime.container.launch import exec_result

    pipes = [os.pipe() for _ in STREAMS]
    (out, out_end), (err, err_end) = pipes
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with standard_input(given.interactive) as stdin:
            connection = container.begin_exec(
                arguments,
                (nothing if stdin is None else stdin, out_end, err_end),
                variables,
                given.workdir,
                given.user or "",
            )
    finally:
        for descriptor in (nothing, out_end, err_end):
            os.close(descriptor)
    pass_on_until(connection, {out: 1, err: 2})
    return exec_result(connection)
