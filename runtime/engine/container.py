"""One container, with the methods of Docker's Python SDK (`docker.models.containers`).

Everything here acts through `Lifecycle` and reads the container's row and bundle.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import signal as signals
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from runtime.container import executions, isolation, launch, limits, names, update
from runtime.container.bundle import DEFAULT_TERM, Bundle, Request
from runtime.container.lifecycle import Condition, Lifecycle
from runtime.container.log import NAME as LOG
from runtime.container.log import Entry, newest, timestamp
from runtime.container.log_options import NONE
from runtime.container.messages import STREAMS, Exit
from runtime.container.notice import Notice
from runtime.container.points import Point, points_of
from runtime.container.records import UNKNOWN_EXIT
from runtime.container.state import BUSY, LIVE, Status
from runtime.container.worlds import HOST_NETWORK
from runtime.database import Database, Row
from runtime.engine import processes
from runtime.engine.arguments import (
    Command,
    Environment,
    as_arguments,
    as_environment,
    signal_number,
)
from runtime.engine.attachment import Attachment, as_socket
from runtime.engine.execution import Execution
from runtime.engine.image import Image
from runtime.engine.images import Images
from runtime.engine.inspect import inspect_container
from runtime.engine.moments import Moment, as_nanoseconds
from runtime.engine.options import read_changes, refuse_conflicts
from runtime.engine.stats import INTERVAL_S, Sampler, Stats
from runtime.errors import Conflict, InvalidInput, NotFound
from runtime.linux import capabilities, process
from runtime.linux.cgroup import Cgroup
from runtime.oci.digest import Digest
from runtime.oci.image import RunConfig
from runtime.oci.spec import Spec

if TYPE_CHECKING:
    import socket

DEFAULT_STOP_S = 10.0


class ExecResult(NamedTuple):
    """What `exec_run` returns: the exit code, and what was written."""

    exit_code: int | None
    output: Any


SUCCESSION_S = 5.0
"""So long a conversation waits for the successor of a monitor that was killed."""


class Container:
    """One container. `status`, `attrs` and the like are as of the last `reload`."""

    def __init__(self, lifecycle: Lifecycle, images: Images, row: Row) -> None:
        self._lifecycle = lifecycle
        self.images = images
        self._row = row

    @property
    def id(self) -> str:
        """64 hex digits."""
        return str(self._row["id"])

    @property
    def short_id(self) -> str:
        """The first twelve of them: also its host name, unless it was given another."""
        return self.id[:12]

    @property
    def name(self) -> str:
        """The name it was given, or a made-up one."""
        return str(self._row["name"])

    @property
    def status(self) -> str:
        """created, running, paused, restarting, exited, removing or dead."""
        return str(self._row["status"])

    @property
    def image(self) -> Image:
        """The image it was made from, also if its name means another one by now."""
        return Image(self.images.shelf, Digest(self._row["manifest"]))

    @property
    def row(self) -> Row:
        """Its row in the database, as of the last `reload`."""
        return self._row

    @property
    def spec(self) -> Spec:
        """The runtime-spec's description of it: what `onggi spec` prints."""
        return self.bundle.spec()

    @property
    def request(self) -> Request:
        """What was asked for when it was created."""
        return Request.from_json(self._row["request"])

    @property
    def run_config(self) -> RunConfig:
        """What it runs, as an image says it: its image's config and what `create` was told."""
        image, request = self.image.config.config, self.request
        return replace(
            image,
            user=request.user or image.user,
            env=_merged(image.env, request.environment),
            entrypoint=image.entrypoint if request.entrypoint is None else request.entrypoint,
            cmd=image.cmd
            if request.command is None and request.entrypoint is None
            else request.command,
            volumes=tuple(dict.fromkeys((*image.volumes, *request.volumes))),
            working_dir=request.working_dir or image.working_dir,
            stop_signal=request.stop_signal or image.stop_signal,
            healthcheck=request.health or image.healthcheck,
            labels=self.labels,
        )

    @property
    def points(self) -> list[Point]:
        """Its volumes, binds and tmpfs mounts, by their place in it."""
        return points_of(self._lifecycle.records.database, self.id)

    @property
    def labels(self) -> dict[str, str]:
        """The image's labels and its own."""
        return {**self.image.labels, **self.request.labels}

    @property
    def pid(self) -> int:
        """Its PID 1 as the host numbers it; 0 if it does not run."""
        return int(self._row["pid"])

    @property
    def ports(self) -> dict[str, Any]:
        """The ports that lead to it from the host, as docker's SDK has them: {"80/tcp":
        [{"HostIp": "0.0.0.0", "HostPort": "4000"}]}; None for one that is only exposed.
        """
        if self.status not in LIVE:
            return {}
        from runtime.network import publishing
        from runtime.network.ports import show_ports

        return show_ports(self.exposed_ports, publishing.read(self.database, self.id))

    @property
    def exposed_ports(self) -> list[str]:
        """The ports at which it is said to listen, by its image and by what was asked for."""
        from runtime.network.ports import exposed

        request = self.request
        asked = {"ports": request.ports, "exposed_ports": request.exposed_ports}
        return exposed(self.run_config.exposed_ports, asked)

    @property
    def database(self) -> Database:
        """Where its row is."""
        return self._lifecycle.records.database

    @property
    def network_endpoints(self) -> dict[str, dict[str, Any]]:
        """The networks that it is in, by name, with docker's keys; addresses while it runs."""
        from runtime.engine.endpoints import endpoints_of  # addresses take a while to import

        return endpoints_of(self)

    @property
    def health(self) -> str:
        """starting, healthy or unhealthy; "unknown" without a health check, as docker's SDK."""
        return str(self.attrs["State"].get("Health", {}).get("Status", "unknown"))

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs, or when nobody saw it end."""
        code: int | None = self._row["exit_code"]
        return code

    @property
    def bundle(self) -> Bundle:
        """What it is started from."""
        return self._lifecycle.records.bundle(self.id)

    @property
    def bundle_path(self) -> Path:
        """Its directory on the host: config.json, log."""
        return self.bundle.directory

    @property
    def upper_path(self) -> Path:
        """The directory with what it changed: its writable layer."""
        upper = self._lifecycle.records.snapshots.overlay(self.id).upper
        assert upper is not None
        return upper

    @property
    def root_path(self) -> Path:
        """Its whole file system, as the kernel shows it to root on the host while it runs.

        Raises Conflict when it does not run: then there is no such mount anywhere.
        """
        if not self.pid:
            raise Conflict("container {name} is not running", name=self.name)
        return Path(f"/proc/{self.pid}/root")

    def reload(self) -> None:
        """Look again. Raises NotFound when it has been removed."""
        self._row = self._lifecycle.records.row(self.id)

    def _look_again(self) -> None:
        with contextlib.suppress(NotFound):  # it was not to stay after its end
            self.reload()

    def start(self) -> None:
        """Start it; returns when its program runs. Raises InvalidTransition, CommandNotStarted."""
        self._lifecycle.start(self.id).close()
        self._look_again()

    def start_attached(
        self, *, stdin: bool = False, window: tuple[int, int] | None = None
    ) -> Attachment:
        """Start it and listen from its first byte on; with `stdin`, also write.

        `window` is the (height, width) that its terminal begins with.
        """
        reader = self.bundle.read_log()
        reader.skip_to_end()
        try:
            session = self._lifecycle.start(self.id, window, attached=True)
        except BaseException:
            reader.close()
            raise
        return Attachment(self, session, reader, stdin=stdin)

    def attached(self, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Listen to it, from now on or with `logs` from its beginning; with `stdin`, also write.

        Raises Conflict when it does not run, or is paused.
        """
        self.require_running()
        reader = self.bundle.read_log()
        if not logs:
            reader.skip_to_end()
        session = launch.follow(self.bundle_path)
        if session is None:
            reader.close()
            raise Conflict(
                "container {name} is not running",
                hint="start it first: onggi start {name}",
                name=self.name,
            )
        return Attachment(self, session, reader, stdin=stdin)

    def attach(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: bool = False,
        logs: bool = False,
        demux: bool = False,
    ) -> Any:
        """What it writes until it ends: all of it, or with `stream` an iterator. With `demux` each
        piece is a pair (stdout, stderr).
        """
        attachment = self.attached(logs=logs)
        return _collected(
            ((entry.stream, entry.data) for entry in attachment.output()),
            _chosen(stdout, stderr),
            stream=stream,
            demux=demux,
        )

    def attach_socket(self, params: Mapping[str, Any] | None = None) -> socket.socket:
        """A connection to it: `params` are docker's stdin, stdout, stderr, stream, logs.

        Without a terminal what it writes comes in docker's frames. See `attachment.frame`.
        """
        wanted = {"stdout": True, "stderr": True, **(params or {})}
        chosen = _chosen(bool(wanted["stdout"]), bool(wanted["stderr"]))
        attachment = self.attached(
            stdin=bool(wanted.get("stdin")), logs=bool(wanted.get("logs", False))
        )
        pieces = (
            (entry.stream, entry.data) for entry in attachment.output() if entry.stream in chosen
        )
        return as_socket(
            pieces, attachment.stdin, framed=not self.has_terminal, leave=attachment.leave
        )

    def resize(self, height: int, width: int) -> None:
        """Tell its terminal how large the window is. Raises Conflict when it does not run."""
        attachment = self.attached()
        attachment.resize(height, width)
        attachment.leave()
        for _ in attachment.output():
            pass

    @property
    def has_terminal(self) -> bool:
        """Whether its program has a pseudo-terminal."""
        return self.request.tty

    def stop(self, timeout: float | None = None, signal: str | int | None = None) -> None:
        """Send its stop signal (or `signal`), and SIGKILL if it has not ended after `timeout`
        seconds; with a negative number, never. Without one: what `create` was told, or 10.
        """
        self._lifecycle.stop(self.id, *self._farewell(timeout, signal))
        self._look_again()

    def _farewell(
        self, timeout: float | None, signal: str | int | None
    ) -> tuple[int, float | None]:
        """The signal that asks it to end, and how long it then has: None is for ever."""
        number = signal_number(signal or self.stop_signal or "SIGTERM")
        if timeout is None:
            timeout = self.request.stop_timeout_s
        grace_s = DEFAULT_STOP_S if timeout is None else timeout
        return number, None if grace_s < 0 else grace_s

    @property
    def stop_signal(self) -> str:
        """The signal that its user or its image chose to end it; "" if neither did."""
        return self.request.stop_signal or self.image.config.config.stop_signal

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal to its PID 1. Raises Conflict when it does not run."""
        number = signal_number(signal)
        own = signal_number(self.stop_signal) if self.stop_signal else None
        self._lifecycle.kill(self.id, number, own)
        if number == signals.SIGKILL:
            with contextlib.suppress(NotFound):  # it was not to stay after its end
                self._lifecycle.wait(self.id)
            self._look_again()

    def restart(self, timeout: float | None = None, signal: str | int | None = None) -> None:
        """Stop it, if it runs, and start it; `timeout` and `signal` as for `stop`."""
        self._lifecycle.restart(self.id, *self._farewell(timeout, signal))
        self._look_again()

    def pause(self) -> None:
        """Hold all its processes still. Raises InvalidTransition when it does not run."""
        self._lifecycle.pause(self.id)
        self.reload()

    def unpause(self) -> None:
        """Let them go on. Raises InvalidTransition when it is not paused."""
        self._lifecycle.unpause(self.id)
        self.reload()

    def rename(self, name: str) -> None:
        """Give it another name. Raises Conflict when that is taken, InvalidInput."""
        if name.removeprefix("/") == self.name:
            raise Conflict("the container has this name already: {name}", name=self.name)
        self._lifecycle.rename(self.id, names.checked(name.removeprefix("/")))
        self.reload()

    def wait(
        self, timeout: float | None = None, condition: Condition = "not-running"
    ) -> dict[str, Any]:
        """Wait until it does not run: {"StatusCode": exit code}; or until its "next-exit", or
        until it has been "removed". Raises TimeoutError.
        """
        ended = self._lifecycle.wait(self.id, timeout, condition)
        if ended is None:
            raise TimeoutError(f"container {self.name} still runs after {timeout} seconds")
        self._look_again()
        return {"StatusCode": ended.code}

    def follow(self) -> launch.Session | None:
        """A conversation with its monitor, one that was killed being replaced; None if it does not
        run any more.
        """
        deadline = time.monotonic() + SUCCESSION_S
        with contextlib.suppress(NotFound):
            self.reload()
            while self.status in BUSY:
                session = launch.follow(self.bundle_path)
                if session is not None or time.monotonic() > deadline:
                    return session
                # Of a process that is killed the sockets go first: it still counts as alive.
                monitor = self.row["monitor_pid"], self.row["monitor_start"]
                if not process.ends(*monitor, timeout_s=deadline - time.monotonic()):
                    time.sleep(0.005)  # it had ended already, and nobody has taken over yet
                self.reload()
        return None

    def how_it_ended(self) -> Exit:
        """Its last exit; 255 if nobody saw it."""
        return self._lifecycle.wait(self.id) or Exit(UNKNOWN_EXIT, False)

    def remove(self, force: bool = False, v: bool = False, link: bool = False) -> None:
        """Delete it with everything it wrote; with `force`, kill it first. Its volumes stay; with
        `v`, those whose names were made up go, if no other container has them.
        """
        if link:
            raise InvalidInput("not supported yet: {flag}", flag="link")
        self._lifecycle.remove(self.id, force=force, volumes=v)

    def diff(self) -> list[dict[str, Any]]:
        """What it added, changed and deleted, compared with its image, with docker's keys:
        Path, and Kind (0 changed, 1 added, 2 deleted).
        """
        from runtime.build.difference import differences

        overlay = self._lifecycle.records.snapshots.overlay(self.id)
        return [{"Path": str(each.path), "Kind": int(each.kind)} for each in differences(overlay)]

    def commit(
        self,
        repository: str | None = None,
        tag: str | None = None,
        message: str = "",
        author: str = "",
        pause: bool = True,
        changes: str | Iterable[str] = (),
        conf: Mapping[str, Any] | None = None,
    ) -> Image:
        """A new image: its image, and what it changed as one more layer.

        While it is read no process of it runs, except with `pause=False`. `conf` is docker's
        ContainerConfig: what the image's configuration has instead of, or besides, this
        container's; `changes` are Dockerfile instructions such as `CMD ["/app"]`. Raises
        DockerfileError, InvalidReference, InvalidSpec, Conflict when a file changes while it is
        read.
        """
        name = f"{repository}:{tag}" if repository and tag else repository
        lines = changes if isinstance(changes, str) else "\n".join(changes)
        self.reload()
        running = pause and self.status == Status.RUNNING
        with self._paused() if running else contextlib.nullcontext():
            image = self.images.commit(self, name, message, author, lines, conf or {})
        self._lifecycle.records.note(self.id, "commit", comment=message, imageID=image.id)
        return image

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        """A file or directory of it as a tar in pieces, and what it is: name, size, mode (as Go
        counts it), mtime, linkTarget. Whether it runs does not matter; a stopped one waits with
        a start until all pieces are taken. Raises NotFound, Conflict.
        """
        from runtime.engine import files

        archive = files.get_archive(self._lifecycle.records, self.id, path)
        self._lifecycle.records.note(self.id, "archive-path")
        return archive

    def stat_path(self, path: str) -> dict[str, Any]:
        """What `get_archive` says of the path, without its content. Raises NotFound, Conflict."""
        from runtime.engine import files

        return files.describe(self._lifecycle.records, self.id, path)

    def put_archive(
        self,
        path: str,
        data: bytes | BinaryIO | Iterable[bytes],
        *,
        owner: tuple[int, int] | None = None,
        keeps_kinds: bool = False,
    ) -> bool:
        """Unpack a tar, compressed or not, in the directory `path` of it.

        With an `owner` (uid, gid) all of it belongs to it; with `keeps_kinds` no file replaces a
        directory, and no directory a file. Raises NotFound, Conflict (no directory, read-only),
        InvalidInput (no tar), UnsafePath.
        """
        from runtime.engine import archives, files

        records = self._lifecycle.records
        with archives.opened(data) as stream:
            files.put_archive(records, self.id, path, stream, owner=owner, keeps_kinds=keeps_kinds)
        records.note(self.id, "extract-to-dir")
        return True

    def export(self, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        """Its file system as a tar in pieces, without what is mounted in it."""
        from runtime.engine import files

        del chunk_size  # pieces come as they are read: never more than 1 MiB
        self._lifecycle.records.note(self.id, "export")
        return files.export(self._lifecycle.records, self.id)

    @contextlib.contextmanager
    def _paused(self) -> Iterator[None]:
        """As docker does it: whoever looks meanwhile sees a paused container."""
        self._lifecycle.pause(self.id)
        try:
            yield
        finally:
            with contextlib.suppress(Conflict, NotFound):  # it was killed, or let go on
                self._lifecycle.unpause(self.id)

    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: bool = False,
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        follow: bool = False,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> Any:
        """What it wrote: bytes, or with `stream` (or `follow`) an iterator over pieces.

        `since` and `until` are points in time (see `moments`). Raises InvalidInput for one that
        is none, and when its log driver keeps nothing.
        """
        pieces = (
            (entry.stamp if timestamps else b"") + entry.data
            for entry in self.log_entries(tail=tail, follow=follow, since=since, until=until)
            if (stdout and entry.stream == "stdout") or (stderr and entry.stream == "stderr")
        )
        return pieces if stream or follow else b"".join(pieces)

    def log_entries(
        self,
        *,
        tail: int | Literal["all"] = "all",
        follow: bool = False,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> Iterator[Entry]:
        """The same with stream and time; with `follow`, until it has ended."""
        if self.request.log_driver == NONE:
            raise InvalidInput(
                "the log driver of container {name} keeps nothing to read",
                hint="create it with another --log-driver than none",
                name=self.name,
            )
        now_ns = time.time_ns()
        first = timestamp(as_nanoseconds(since, now_ns)) if since is not None else ""
        last = timestamp(as_nanoseconds(until, now_ns)) if until is not None else "~"
        entries = itertools.takewhile(lambda entry: entry.time <= last, self._entries(tail, follow))
        return (entry for entry in entries if entry.time >= first)

    def _entries(self, tail: int | Literal["all"], follow: bool) -> Iterator[Entry]:
        session = launch.follow(self.bundle_path) if follow else None
        with self.bundle.read_log() as reader:
            if tail != "all":
                reader.skip_to_tail(tail)
            yield from reader.new()
            while session is not None:
                with contextlib.closing(session):
                    for _ in session.news():
                        yield from reader.new()
                # Without a last word it was killed: whoever took over has the rest of the log.
                session = self.follow() if session.exit is None else None

    def log_pieces(
        self,
        *,
        stdout: bool = True,
        stderr: bool = True,
        follow: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        until: Moment | None = None,
        timestamps: bool = False,
        details: bool = False,
    ) -> Iterator[tuple[str, bytes]]:
        """The same as (stream, bytes), with what is to stand before each line: its time, and
        `log_details`.
        """
        marks = _as_prefix(self.log_details) if details else b""
        chosen = _chosen(stdout, stderr)
        for entry in self.log_entries(tail=tail, follow=follow, since=since, until=until):
            if entry.stream in chosen:
                before = entry.stamp if timestamps else b""
                before += marks if entry.starts_line else b""
                yield entry.stream, before + entry.data

    @property
    def log_details(self) -> dict[str, str]:
        """What --log-opt labels=… and env=… add to each line of its log on demand."""
        options, request = self.request.log_options, self.request
        variables = dict(entry.partition("=")[::2] for entry in request.environment)
        chosen = ((options.get("labels", ""), self.labels), (options.get("env", ""), variables))
        return {
            name: values[name]
            for names, values in chosen
            for name in names.split(",")
            if name in values
        }

    @property
    def log_path(self) -> str:
        """The file of its log that is written to now."""
        return str(newest(self.bundle_path / LOG))

    def exec_run(
        self,
        cmd: Command,
        stdout: bool = True,
        stderr: bool = True,
        stdin: bool = False,
        tty: bool = False,
        privileged: bool = False,
        user: str = "",
        detach: bool = False,
        stream: bool = False,
        socket: bool = False,
        environment: Environment = None,
        workdir: str | None = None,
        demux: bool = False,
    ) -> ExecResult:
        """Run one more command in it and wait: its exit code and what it wrote.

        With `detach` it is left to itself; with `stream` the output is an iterator, with
        `socket` a connection. With `demux` stdout and stderr come apart, as a pair.

        Raises Conflict when the container does not run, CommandNotStarted (126, 127).
        """
        wanted = () if detach else _chosen(stdout, stderr)
        execution = self.execution(
            as_arguments(cmd),
            as_environment(environment),
            workdir=workdir,
            user=user,
            tty=tty,
            privileged=privileged,
            stdin=stdin and not detach,
            wanted=wanted,
        )
        if detach:
            execution.close()
            return ExecResult(None, b"")
        pieces = execution.output()
        if socket:
            connection = as_socket(pieces, execution.stdin, framed=not tty, leave=execution.close)
            return ExecResult(None, connection)
        output = _collected(pieces, STREAMS, stream=stream, demux=demux)
        return ExecResult(None if stream else execution.wait(), output)

    def execution(
        self,
        arguments: tuple[str, ...],
        environment: tuple[str, ...] = (),
        *,
        workdir: str | None = None,
        user: str = "",
        tty: bool = False,
        privileged: bool = False,
        stdin: bool = False,
        wanted: tuple[str, ...] = STREAMS,
        window: tuple[int, int] | None = None,
        exec_id: str = "",
    ) -> Execution:
        """Begin an exec; without an id it has not been prepared before (see `Execs`).

        Raises Conflict when the container does not run, CommandNotStarted.
        """
        self.require_running()
        if not exec_id:
            exec_id = secrets.token_hex(32)
            self.note_exec("exec_create", exec_id, arguments)
        main = self.spec.process
        terminal = ("TERM=" + DEFAULT_TERM,) if tty else ()
        program = replace(
            main,
            args=arguments,
            env=_merged(terminal, (*main.env, *environment)),
            cwd=workdir or main.cwd,
            user=user or main.user,
            terminal=tty,
            console_size=window,
            capabilities=capabilities.NAMES if privileged else main.capabilities,
        )
        request = launch.ExecRequest(
            self._lifecycle.root,
            self.id,
            self._row["pid"],
            self._row["pid_start"],
            exec_id,
            program,
        )
        self.note_exec("exec_start", exec_id, arguments)  # its end is told by who sees it: launcher
        return Execution(request, stdin=stdin, wanted=wanted)

    def note(self, action: str, **facts: str) -> None:
        """Write into the journal that this has happened to it."""
        self._lifecycle.records.note(self.id, action, **facts)

    def note_exec(self, action: str, exec_id: str, arguments: tuple[str, ...]) -> None:
        """What was done about a command, as docker words it."""
        self.note(f"{action}: {' '.join(arguments)}", execID=exec_id)

    def require_running(self) -> None:
        """Look again. Raises Conflict when no program can be started in it now."""
        self.reload()
        if self.status == Status.PAUSED:
            raise Conflict(
                "container {name} is paused",
                hint="let it go on first: onggi unpause {name}",
                name=self.name,
            )
        if self.status != Status.RUNNING:
            raise Conflict(
                "container {name} is not running",
                hint="start it first: onggi start {name}",
                name=self.name,
            )

    @property
    def exec_ids(self) -> list[str]:
        """The commands of `exec` that run in it now."""
        return executions.running(self.bundle_path)

    def exec_inspect(self, exec_id: str) -> dict[str, Any]:
        """One of them, or one that has ended some minutes ago, as docker's API shows it.

        Raises NotFound.
        """
        note = executions.read(self.bundle_path, exec_id) if exec_id.isalnum() else None
        if note is None:
            raise NotFound("no such exec: {name}", name=exec_id)
        process = note["process"]
        return {
            "ID": exec_id,
            "ContainerID": self.id,
            "Running": note["running"],
            "ExitCode": note["exit_code"],
            "Pid": note["pid"] if note["running"] else 0,
            "ProcessConfig": {
                "tty": process["terminal"],
                "entrypoint": process["args"][0],
                "arguments": process["args"][1:],
                "user": process["user"]["username"],
            },
        }

    def top(self, ps_args: str | None = None) -> dict[str, list[Any]]:
        """Its processes as the host sees them: Titles and Processes, as docker's; with
        `ps_args`, the columns that the host's `ps` is asked for.

        Raises Conflict when it does not run, InvalidInput, HostLacks.
        """
        self.reload()
        if not self.pid:
            raise Conflict("container {name} is not running", name=self.name)
        found = processes.top(Cgroup(self.id).processes(), ps_args)
        self._lifecycle.records.note(self.id, "top")
        return found

    def stats(self, decode: bool | None = None, stream: bool = True, one_shot: bool = False) -> Any:
        """What it uses, in docker's JSON. With `stream` a sample a second until it is removed, as
        bytes or with `decode` as dictionaries; else one dictionary, after a second in which its
        use of the CPU is seen, or with `one_shot` at once.
        """
        samples = self._samples()
        if stream:
            return samples if decode else (json.dumps(each).encode() + b"\n" for each in samples)
        first = next(samples)
        return first if one_shot or not self.pid else next(samples, first)

    def _samples(self) -> Iterator[Stats]:
        sampler = Sampler()
        with contextlib.suppress(NotFound):
            while True:
                self.reload()
                yield sampler.sample(self)
                time.sleep(INTERVAL_S)

    def update(self, **options: Any) -> dict[str, Any]:
        """Change its limits, also while it runs: the keywords of `create` that are named in
        `options.CHANGEABLE`. Docker's answer: Warnings.

        Raises InvalidInput, Conflict, HostLacks, and KernelError when the kernel refuses; then
        nothing has changed.
        """
        fields = read_changes(options)

        def change(request: Request) -> Request:
            changed = update.changed(request, fields)
            refuse_conflicts(changed)
            return changed

        update.update(self._lifecycle.records.database, self.bundle, change)
        self.reload()
        return {"Warnings": list(map(str, limits.notices(self.request))) or None}

    @property
    def limit_notices(self) -> list[Notice]:
        """What of its limits this host keeps otherwise than one might think."""
        return [*limits.notices(self.request)]

    @property
    def notices(self) -> list[Notice]:
        """What of its request this host keeps otherwise than one might think."""
        request = self.request
        return [*isolation.notices(request), *limits.notices(request), *self._obstacles()]

    def _obstacles(self) -> Iterator[Notice]:
        """Why its published ports are not reached as usual."""
        request = self.request
        if not request.ports and not request.publish_all_ports:
            return
        if request.network == HOST_NETWORK:
            yield Notice(
                "-p is discarded with --network host: all ports of the container are the host's"
            )
            return
        from runtime.network import obstacles
        from runtime.network.records import NetworkRecords

        records = NetworkRecords(self.database)
        networks = [records.network(each) for each in request.networks]
        with contextlib.suppress(OSError):
            for each in obstacles.find(networks):
                yield Notice(each.template, **each.facts)
                yield Notice(each.hint, **each.facts)

    @property
    def opens_stdin(self) -> bool:
        """Whether its standard input is open (`-i`)."""
        return self.request.stdin_open

    def inspect(self, *, size: bool = False) -> dict[str, Any]:
        """What `docker inspect` shows; with `size`, how much of the disk it takes, too."""
        return inspect_container(self, size=size)

    @property
    def attrs(self) -> dict[str, Any]:
        """The same, without the sizes."""
        return self.inspect()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Container) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Container: {self.short_id}>"


def _as_prefix(details: Mapping[str, str]) -> bytes:
    """Docker's: name=value pairs in the order of their names, then a space."""
    from urllib.parse import quote

    pairs = sorted(details.items())
    return ",".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode() + b" "


def _chosen(stdout: bool, stderr: bool) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(STREAMS, (stdout, stderr), strict=True) if wanted)


def _collected(
    pieces: Iterator[tuple[str, bytes]], chosen: tuple[str, ...], *, stream: bool, demux: bool
) -> Any:
    """What the SDK returns of (stream, bytes): an iterator, or all of it; pairs if wanted."""
    mine = ((name, data) for name, data in pieces if name in chosen)
    if stream and not demux:
        return (data for _, data in mine)
    pairs = ((data, None) if name == "stdout" else (None, data) for name, data in mine)
    if stream:
        return pairs
    if not demux:
        return b"".join(data for _, data in mine)
    halves: tuple[list[bytes], list[bytes]] = ([], [])
    for pair in pairs:
        for half, data in zip(halves, pair, strict=True):
            half.extend(() if data is None else (data,))
    return tuple(b"".join(half) or None for half in halves)


def _merged(main: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    variables = dict(entry.partition("=")[::2] for entry in (*main, *more))
    return tuple(f"{name}={value}" for name, value in variables.items())
