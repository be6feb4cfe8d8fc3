"""One container of an engine that is elsewhere: the words of `engine.container`, each one request
or a few.

A container is known by the name that was written; the engine is asked for what it is only when
somebody wants to know, so that `stop web` is one request, as docker's own client has it.

Docker Engine API 1.47, Container and Exec
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.api.client.http import Reply, Transport, as_moment, pieces_in, quoted
from runtime.api.client.streams import Attachment, pieces_of
from runtime.container.notice import Notice
from runtime.errors import Conflict, OnggiError

if TYPE_CHECKING:
    from typing import BinaryIO, Literal

    from runtime.api.client.images import RemoteImage

Changes = list[dict[str, Any]]


class RemoteContainer:
    """One container, by the name that was written or its id."""

    def __init__(
        self, transport: Transport, name: str, summary: Mapping[str, Any] | None = None
    ) -> None:
        self._transport = transport
        self._name = name
        self._attrs: dict[str, Any] | None = None
        self._summary = summary
        self.notices: list[Notice] = []
        """What the engine warned of when it was created."""
        self.limit_notices: list[Notice] = []
        """What it warned of when its limits were changed."""

    @property
    def attrs(self) -> dict[str, Any]:
        """What `docker inspect` shows, as of the last `reload`. Raises NotFound."""
        if self._attrs is None:
            self.reload()
        assert self._attrs is not None
        return self._attrs

    def reload(self) -> None:
        """Look again. Raises NotFound."""
        self._attrs = self._ask("GET", "/json")

    def inspect(self, *, size: bool = False) -> dict[str, Any]:
        """Its attributes; with `size`, how much of the disk it takes, too."""
        if not size:
            return self.attrs
        found: dict[str, Any] = self._ask("GET", "/json", {"size": True})
        return found

    @property
    def id(self) -> str:
        """64 hex digits."""
        is_whole = len(self._name) == 64 and set(self._name) <= set("0123456789abcdef")
        return self._name if is_whole else str(self.attrs["Id"])

    @property
    def name(self) -> str:
        """Its name."""
        if self._summary is not None and self._summary.get("Names"):
            return str(self._summary["Names"][0]).removeprefix("/")
        return str(self.attrs["Name"]).removeprefix("/")

    @property
    def has_terminal(self) -> bool:
        """Whether its program has a pseudo-terminal."""
        return bool(self.attrs["Config"]["Tty"])

    @property
    def opens_stdin(self) -> bool:
        """Whether its standard input is open (`-i`)."""
        return bool(self.attrs["Config"]["OpenStdin"])

    @property
    def ports(self) -> dict[str, Any]:
        """The ports that lead to it: {"80/tcp": [{"HostIp": …, "HostPort": …}]}."""
        return dict(self.attrs["NetworkSettings"].get("Ports") or {})

    def start(self) -> None:
        """Start it. Raises CommandNotStarted."""
        try:
            self._ask("POST", "/start")
        except OnggiError as error:
            raise _not_started(error) from error

    def stop(self, timeout: float | None = None, signal: str | int | None = None) -> None:
        """Ask it to end, and kill it when it has not after `timeout` seconds."""
        self._ask("POST", "/stop", {"t": _whole(timeout), "signal": signal or None})

    def restart(self, timeout: float | None = None, signal: str | int | None = None) -> None:
        """Stop it, if it runs, and start it."""
        self._ask("POST", "/restart", {"t": _whole(timeout), "signal": signal or None})

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal to its first process."""
        self._ask("POST", "/kill", {"signal": signal})

    def pause(self) -> None:
        """Hold it still."""
        self._ask("POST", "/pause")

    def unpause(self) -> None:
        """Let it go on."""
        self._ask("POST", "/unpause")

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._ask("POST", "/rename", {"name": name})

    def remove(self, force: bool = False, v: bool = False, link: bool = False) -> None:
        """Delete it; `link`: only that name of another one."""
        query = {"force": force or None, "v": v or None, "link": link or None}
        self._ask("DELETE", "", query)

    def wait(self, condition: str | None = None) -> dict[str, Any]:
        """Wait until it does not run: {"StatusCode": exit code}."""
        found: dict[str, Any] = self._ask("POST", "/wait", {"condition": condition})
        return found

    def diff(self) -> Changes:
        """What it changed: Path and Kind."""
        return self._ask("GET", "/changes") or []

    def top(self, ps_args: str | None = None) -> dict[str, list[Any]]:
        """Its processes: Titles, Processes."""
        found: dict[str, list[Any]] = self._ask("GET", "/top", {"ps_args": ps_args})
        return found

    def stats(self, decode: bool = True, stream: bool = True, one_shot: bool = False) -> Any:
        """What it uses: a sample a second, or one."""
        del decode  # somebody who wants bytes asks for the stream itself
        query = {"stream": stream, "one-shot": (one_shot and not stream) or None}
        reply = self._transport.request("GET", self._path("/stats"), query)
        return reply.documents() if stream else reply.document()

    def update(self, **options: Any) -> dict[str, Any]:
        """Change its limits. What the engine warns of is in `limit_notices` then."""
        from runtime.api.client.creation import changes_of

        answer = self._ask("POST", "/update", document=changes_of(options)) or {}
        self.limit_notices = notices_in(answer)
        return dict(answer)

    def commit(
        self,
        repository: str | None = None,
        tag: str | None = None,
        message: str = "",
        author: str = "",
        pause: bool = True,
        changes: str | Iterable[str] = (),
    ) -> RemoteImage:
        """A new image: its image, and what it changed."""
        from runtime.api.client.images import RemoteImage, name_and_tag

        repo, mark = name_and_tag(repository, tag)
        query = {
            "container": self._name,
            "repo": repo,
            "tag": mark,
            "comment": message or None,
            "author": author or None,
            "pause": None if pause else False,
            "changes": [changes] if isinstance(changes, str) else [*changes],
        }
        answer = self._transport.tell("POST", "/commit", query, document={})
        return RemoteImage(self._transport, answer["Id"])

    def log_pieces(
        self,
        *,
        stdout: bool = True,
        stderr: bool = True,
        follow: bool = False,
        tail: int | Literal["all"] = "all",
        since: Any = None,
        until: Any = None,
        timestamps: bool = False,
        details: bool = False,
    ) -> Iterator[tuple[str, bytes]]:
        """What it wrote, as (stream, bytes)."""
        query = {
            "stdout": stdout or None,
            "stderr": stderr or None,
            "follow": follow or None,
            "tail": tail,
            "since": as_moment(since),
            "until": as_moment(until),
            "timestamps": timestamps or None,
            "details": details or None,
        }
        framed = not self.has_terminal
        reply = self._transport.request("GET", self._path("/logs"), query)
        yield from pieces_of(reply, framed=framed)

    def start_attached(
        self, *, stdin: bool = False, window: tuple[int, int] | None = None
    ) -> Attachment:
        """Start it and listen from its first byte on; with `stdin`, also write."""
        attachment = self._attach(stdin=stdin, condition=self._end())
        try:
            self.start()
        except BaseException:
            attachment.leave()
            raise
        if window is not None and self.has_terminal:
            attachment.resize(*window)
        return attachment

    def attached(self, *, stdin: bool = False) -> Attachment:
        """Listen to it from now on; with `stdin`, also write. Raises Conflict when it does not
        run, or is paused.
        """
        self.reload()
        state = self.attrs["State"]
        if state["Paused"]:
            raise Conflict(
                "container {name} is paused",
                hint="let it go on first: onggi unpause {name}",
                name=self.name,
            )
        if not state["Running"]:
            raise Conflict(
                "container {name} is not running",
                hint="start it first: onggi start {name}",
                name=self.name,
            )
        return self._attach(stdin=stdin, condition="not-running")

    def _end(self) -> str:
        """What a start's end is told by: one that is not kept has ended when it has gone."""
        return "removed" if self.attrs["HostConfig"]["AutoRemove"] else "next-exit"

    def _attach(self, *, stdin: bool, condition: str) -> Attachment:
        is_open = stdin and self.opens_stdin
        query = {"stream": True, "stdin": is_open or None, "stdout": True, "stderr": True}
        reply, connection = self._transport.hijack(self._path("/attach"), query)
        try:
            # Asked before it is started, or a short program's end would be missed.
            ending = self._transport.request("POST", self._path("/wait"), {"condition": condition})
        except BaseException:
            reply.hang_up()
            raise
        return Attachment(
            *(reply, connection),
            stdin=is_open,
            framed=not self.has_terminal,
            resize=self._resize,
            ended=lambda: exit_code_of(ending),
        )

    def _resize(self, height: int, width: int) -> None:
        self._ask("POST", "/resize", {"h": height, "w": width})

    def execution(
        self,
        arguments: Sequence[str],
        environment: Sequence[str] = (),
        *,
        workdir: str | None = None,
        user: str = "",
        tty: bool = False,
        privileged: bool = False,
        stdin: bool = False,
        wanted: Sequence[str] = ("stdout", "stderr"),
        window: tuple[int, int] | None = None,
        detach_keys: str = "",
    ) -> Attachment:
        """Begin one more command in it; with nothing `wanted`, it is left to itself."""
        detached = not wanted
        body = {
            "AttachStdin": stdin,
            "AttachStdout": "stdout" in wanted,
            "AttachStderr": "stderr" in wanted,
            "Cmd": list(arguments),
            "Env": list(environment),
            "WorkingDir": workdir or "",
            "User": user,
            "Tty": tty,
            "Privileged": privileged,
            "Detach": detached,
            "DetachKeys": detach_keys,
        }
        name = str(self._ask("POST", "/exec", document=body)["Id"])
        begin: dict[str, Any] = {"Detach": detached, "Tty": tty}
        if window is not None and tty and self._transport.version >= (1, 42):
            begin["ConsoleSize"] = list(window)
        path = f"/exec/{quoted(name)}"

        def resize(height: int, width: int) -> None:
            self._transport.tell("POST", f"{path}/resize", {"h": height, "w": width})

        def exit_code() -> int:
            return _exit_of_exec(self._transport, path)

        try:
            if detached:
                reply = self._transport.request("POST", f"{path}/start", document=begin)
                connection = reply.take_over()
            else:
                reply, connection = self._transport.hijack(f"{path}/start", document=begin)
        except OnggiError as error:
            raise _not_started(error) from error
        return Attachment(
            *(reply, connection), stdin=stdin, framed=not tty, resize=resize, ended=exit_code
        )

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        """A file or directory of it as a tar in pieces, and what it is."""
        reply = self._transport.request("GET", self._path("/archive"), {"path": path})
        return reply.pieces(), _stat_of(reply)

    def stat_path(self, path: str) -> dict[str, Any]:
        """What it is, without its content. Raises NotFound."""
        reply = self._transport.request("HEAD", self._path("/archive"), {"path": path})
        reply.close()
        return _stat_of(reply)

    def put_archive(
        self,
        path: str,
        data: bytes | BinaryIO | Iterable[bytes],
        *,
        owner: tuple[int, int] | None = None,
        keeps_kinds: bool = False,
    ) -> bool:
        """Unpack a tar in the directory `path` of it. Whose its files are then is what the engine
        there makes of the numbers in it: docker keeps them.
        """
        del owner
        query = {"path": path, "noOverwriteDirNonDir": keeps_kinds or None}
        self._transport.tell("PUT", self._path("/archive"), query, pieces_in(data))
        return True

    def export(self) -> Iterator[bytes]:
        """Its file system as a tar in pieces."""
        return self._transport.request("GET", self._path("/export")).pieces()

    def _path(self, rest: str) -> str:
        return f"/containers/{quoted(self._name, path=True)}{rest}"

    def _ask(
        self,
        method: str,
        rest: str,
        query: Mapping[str, Any] | None = None,
        document: Any = None,
    ) -> Any:
        return self._transport.tell(method, self._path(rest), query, document=document)


def notices_in(answer: Mapping[str, Any]) -> list[Notice]:
    """What the engine warns of."""
    return [Notice("{text}", text=warning) for warning in answer.get("Warnings") or ()]


def exit_code_of(ending: Reply) -> int:
    """How the container ended whose `wait` this answers. Raises OnggiError."""
    answer = ending.document() or {}
    if message := (answer.get("Error") or {}).get("Message"):
        raise OnggiError("Error response from daemon: {message}", message=message)
    return int(answer.get("StatusCode", 125))


def _exit_of_exec(transport: Transport, path: str) -> int:
    """Its exit code. The end of its output may come a moment before the engine knows of it."""
    for _ in range(100):
        found = transport.tell("GET", f"{path}/json")
        if not found["Running"] and found["ExitCode"] is not None:
            break
        time.sleep(0.02)
    return int(found["ExitCode"] or 0)


def _not_started(error: OnggiError) -> OnggiError:
    """A refusal that means that the program cannot be executed has the shell's exit code, which
    docker's client, too, finds in the words of it.
    """
    from runtime.errors import CommandNotStarted

    text = str(error).lower()
    for code, words in NOT_STARTED.items():
        if any(each in text for each in words):
            return CommandNotStarted(
                "Error response from daemon: {message}",
                exit_code=code,
                message=error.facts.get("message", str(error)),
            )
    return error


NOT_STARTED = {
    127: ("executable file not found", "no such file or directory", "command not found"),
    126: ("permission denied", "is a directory", "cannot be executed"),
}
"""docker/cli, cli/command/container/run.go, toStatusError"""


def _stat_of(reply: Reply) -> dict[str, Any]:
    """The header in which the engine says what a path is."""
    try:
        found = json.loads(base64.b64decode(reply.headers["x-docker-container-path-stat"]))
        return {
            "name": str(found["name"]),
            "size": int(found["size"]),
            "mode": int(found["mode"]),
            "mtime": str(found["mtime"]),
            "linkTarget": str(found["linkTarget"]),
        }
    except (KeyError, ValueError, TypeError) as error:
        raise OnggiError(
            "the engine's answer is not what docker's API says: {text}",
            text=reply.headers.get("x-docker-container-path-stat", "")[:200],
        ) from error


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
