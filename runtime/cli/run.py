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
from typing import TYPE_CHECKING

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.flags import CPUS, LIST, SIZE, SWITCH, WHOLE, WORD, Flag, Given
from runtime.cli.messages import translate
from runtime.cli.streams import pass_on_until, standard_input
from runtime.engine import Engine
from runtime.errors import InvalidInput, OnggiError

if TYPE_CHECKING:
    from runtime.container.log import Entry
    from runtime.engine.container import Container

STREAMS = {"stdout": 1, "stderr": 2}
ENVIRONMENT = Flag("env", "e", LIST, "Set environment variables")
INTERACTIVE = Flag("interactive", "i", SWITCH, "Keep standard input open")
TERMINAL = Flag("tty", "t", SWITCH, "Allocate a pseudo-TTY (not possible yet)")
USER = Flag("user", "u", WORD, "User name or UID (format: <name|uid>[:<group|gid>])")
WORKDIR = Flag("workdir", "w", WORD, "Working directory inside the container")

CONTAINER_FLAGS = (
    Flag("cpus", "", CPUS, "Number of CPUs"),
    Flag("entrypoint", "", WORD, "Overwrite the default ENTRYPOINT of the image"),
    ENVIRONMENT,
    Flag("hostname", "h", WORD, "Container host name"),
    INTERACTIVE,
    Flag("label", "l", LIST, "Set meta data on a container"),
    Flag("memory", "m", SIZE, "Memory limit"),
    Flag("name", "", WORD, "Assign a name to the container"),
    Flag("network", "", WORD, "Connect a container to a network ('none': only itself)", "none"),
    Flag("pids-limit", "", WHOLE, "Tune container pids limit (set -1 for unlimited)"),
    Flag("rm", "", SWITCH, "Automatically remove the container when it exits"),
    TERMINAL,
    USER,
    WORKDIR,
)


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

    refuse_terminal(given)
    image, *arguments = given.words
    with bootstrap_progress() as progress:
        return Engine(progress=progress).containers.create(
            image,
            arguments or None,
            name=given.name,
            environment=environment(given.env),
            entrypoint=entrypoint(given.entrypoint),
            working_dir=given.workdir,
            user=given.user,
            hostname=given.hostname,
            labels=given.label,
            mem_limit=given.memory,
            nano_cpus=None if given.cpus is None else round(given.cpus * 10**9),
            pids_limit=given.pids_limit,
            auto_remove=given.rm,
            stdin_open=given.interactive,
            network=given.network,
        )


def refuse_terminal(given: Given) -> None:
    """Raises InvalidInput for `-t`: there are no pseudo-terminals yet."""
    if given.tty:
        raise InvalidInput(
            "a terminal for the container (-t) is not supported yet",
            hint="leave out -t; with -i alone the container reads what you type",
        )


def environment(entries: list[str]) -> list[str]:
    """`-e NAME=value` as it is; `-e NAME` with our own value, or not at all if we have none."""
    return [
        entry if "=" in entry else f"{entry}={os.environ[entry]}"
        for entry in entries
        if "=" in entry or entry in os.environ
    ]


def entrypoint(text: str | None) -> list[str] | None:
    """`--entrypoint sh` is one word, however it looks; "" clears the image's."""
    if text is None:
        return None
    return [text] if text else []


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
    INTERACTIVE,
    TERMINAL,
    USER,
    WORKDIR,
    least=2,
    interspersed=False,
)
def execute(given: Given) -> int:
    """One more program in a container that runs; the exit code is the program's."""
    refuse_terminal(given)
    name, *arguments = given.words
    container = Engine().containers.get(name)
    variables = environment(given.env)
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
