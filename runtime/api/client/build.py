"""A build by an engine that is elsewhere: the context goes there as a tar, what happens comes back.

The protocol is that of docker's classic builder. What it says is text: "Step 1/3 : FROM …", and
between such lines whatever the commands write. It is told as the events that our own builds have,
so that both are drawn alike. What the builder says at its end the caller says himself.

Docker Engine API 1.47, ImageBuild; github.com/docker/cli, cli/command/image/build
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runtime.api.client.http import pieces_in
from runtime.api.client.images import beyond_the_api, encoded
from runtime.build.events import Event, Output, StepDone, StepStarted
from runtime.build.given import DOCKERFILE, LARGEST_DOCKERFILE_BYTES, is_tar
from runtime.dockerfile.ignore import Ignore
from runtime.engine import notation
from runtime.errors import NotFound, OnggiError
from runtime.layer.entry import Entry, EntryKind
from runtime.layer.header import BLOCK_BYTES, END_OF_ARCHIVE, encode, padding
from runtime.layer.tar import tar_of_files
from runtime.layer.walk import Found, Tree

if TYPE_CHECKING:
    from runtime.api.client.http import Transport

Tell = Callable[[Event], None]

IGNORE = ".dockerignore"
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
"""How gzip, bzip2, xz and zstd begin."""

REMOTE = ("http://", "https://", "git://", "git@", "github.com/")
"""Contexts that the engine fetches itself."""

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_END = re.compile(r"Successfully (built|tagged) (\S+)")

ELSEWHERE = {
    "nocache": "nocache",
    "pull": "pull",
    "target": "target",
    "platform": "platform",
    "network_mode": "networkmode",
    "squash": "squash",
    "shmsize": "shmsize",
    "cgroup_parent": "cgroupparent",
    "cache_from": "cachefrom",
    "isolation": "isolation",
}
"""Options, and what the API calls them."""


def build(
    transport: Transport, options: Mapping[str, Any], progress: Tell | None
) -> tuple[str, list[Event]]:
    """Build; the image's id, and all that was told. Raises NotFound, InvalidInput, HostLacks for
    what the classic builder has no words for, OnggiError when the build fails.
    """
    for name, flag in (("secrets", "--secret"), ("no_cache_filter", "--no-cache-filter")):
        if options.get(name):
            raise beyond_the_api(flag)
    tag = options.get("tag") or ()
    query: dict[str, Any] = {
        "t": [tag] if isinstance(tag, str) else [*tag],
        "buildargs": dict(options.get("buildargs") or {}) or None,
        "labels": dict(options.get("labels") or {}) or None,
        "extrahosts": list(options.get("extra_hosts") or ()),
        "rm": True,
        "forcerm": True,
        "version": "1",
        **{name: options.get(option) or None for option, name in ELSEWHERE.items()},
        **(options.get("container_limits") or {}),
        "ulimits": notation.show_ulimits(notation.as_ulimits(options.get("ulimits") or ())) or None,
    }
    context, dockerfile = options.get("path"), options.get("dockerfile")
    if context is not None and str(context).startswith(REMOTE):
        body: Iterator[bytes] | None = None
        query |= {"remote": str(context), "dockerfile": dockerfile or None}
    else:
        body, query["dockerfile"] = packed(context, dockerfile, options.get("fileobj"))
    headers = {"Content-Type": "application/x-tar", "X-Registry-Config": encoded(_auths())}
    reply = transport.request("POST", "/build", query, body, headers)
    told = Told(progress)
    for message in reply.documents():
        told.take(message)
    told.finish()
    return told.image_id, told.events


def _auths() -> dict[str, Any]:
    """What docker's config.json knows for registries: base images may come from any of them."""
    from runtime.registry.credentials import CredentialFile, key_of

    known = CredentialFile().known()
    return {
        key_of(host): {
            "username": each.username,
            "password": each.password,
            "identitytoken": each.identity_token,
        }
        for host, each in known.items()
    }


class Told:
    """What a builder says, on its way to being events."""

    def __init__(self, progress: Tell | None) -> None:
        self._progress = progress
        self._rest = ""
        self._began: float | None = None
        self.events: list[Event] = []
        self.image_id = ""

    def take(self, message: Any) -> None:
        """One of docker's messages. Raises OnggiError for one that tells that it has failed."""
        if not isinstance(message, dict):
            return
        if "error" in message or "errorDetail" in message:
            self._say_rest()
            detail = message.get("errorDetail") or {}
            error = OnggiError(
                "Error response from daemon: {message}",
                message=detail.get("message") or message.get("error"),
            )
            error.exit_code = int(detail.get("code") or 1)
            raise error
        if isinstance(message.get("aux"), dict):
            self.image_id = str(message["aux"].get("ID", self.image_id))
        text = message.get("stream") or message.get("status") or ""
        if "status" in message:  # a base image that is being pulled: its layers have lines
            text = "" if message.get("progressDetail") else f"{text}\n"
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        if step := _STEP.fullmatch(line):
            self._step_done()
            self._began = time.monotonic()
            self._tell(StepStarted(int(step[1]), int(step[2]), step[3]))
        elif end := _END.fullmatch(line):
            if end[1] == "built" and not self.image_id:
                self.image_id = end[2]
        elif line:
            self._tell(Output("stdout", f"{line}\n".encode()))

    def _step_done(self) -> None:
        if self._began is not None:
            self._tell(StepDone(time.monotonic() - self._began))
        self._began = None

    def _say_rest(self) -> None:
        if self._rest:
            self._line(self._rest)
            self._rest = ""

    def finish(self) -> None:
        """There is no more. Raises OnggiError if it ended without an image."""
        self._say_rest()
        self._step_done()
        if not self.image_id:
            raise OnggiError("the engine's answer was cut off")

    def _tell(self, event: Event) -> None:
        self.events.append(event)
        if self._progress:
            self._progress(event)


def packed(
    context: Path | str | None, dockerfile: str | BinaryIO | None, stream: BinaryIO | None
) -> tuple[Iterator[bytes], str]:
    """The context as a tar in pieces, and what its Dockerfile is called in there. Raises NotFound,
    InvalidInput.
    """
    if stream is not None or context is None:
        assert stream is not None
        return _incoming(stream, dockerfile if isinstance(dockerfile, str) else None)
    place = Path(context)
    if place.is_file():
        return pieces_in(place.open("rb")), str(dockerfile or DOCKERFILE)
    if not place.is_dir():
        raise NotFound("no such directory: {path}", path=place)
    more: dict[str, bytes] = {}
    name = dockerfile if isinstance(dockerfile, str) else ""
    if dockerfile is not None and not isinstance(dockerfile, str):
        more[_random_name()] = dockerfile.read(LARGEST_DOCKERFILE_BYTES)
    elif name.startswith(("/", "..")):
        more[_random_name()] = (place / name).read_bytes()
    elif not (place / (name or DOCKERFILE)).is_file():
        raise NotFound(
            "there is no file {name} in the build context: {path}",
            hint="write one there, or name another one with -f",
            name=name or DOCKERFILE,
            path=place,
        )
    inside = next(iter(more), name or DOCKERFILE)
    text = _ignore_text(place, name)
    if more:
        more[IGNORE] = f"{text}\n{inside}\n{IGNORE}\n".encode()
    return _directory(place, Ignore.parse(text), {inside, IGNORE}, more), inside


def _random_name() -> str:
    """For a Dockerfile that is not of the context: no file in there has this name."""
    return f".dockerfile.{secrets.token_hex(10)}"


def _ignore_text(place: Path, name: str) -> str:
    """A Dockerfile's own .dockerignore, else the context's."""
    for file in (f"{name or DOCKERFILE}{IGNORE}", IGNORE):
        if (place / file).is_file():
            return (place / file).read_text(errors="replace")
    return ""


def _incoming(stream: BinaryIO, name: str | None) -> tuple[Iterator[bytes], str]:
    """Standard input: an archive as it is, or a Dockerfile without a context."""
    beginning = stream.read(BLOCK_BYTES)
    if beginning.startswith(PACKED) or is_tar(beginning):
        return _after(beginning, stream), name or DOCKERFILE
    text = beginning + stream.read(LARGEST_DOCKERFILE_BYTES)
    return _files({DOCKERFILE: text}), DOCKERFILE


def _after(beginning: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield beginning
    yield from pieces_in(stream)


def _directory(
    place: Path, ignore: Ignore, always: set[str], more: Mapping[str, bytes]
) -> Iterator[bytes]:
    """Its files but for those that are ignored, and `more`. What the builder itself needs is always
    there.
    """

    def wanted(found: Found) -> bool:
        path = found.name.decode(errors="replace")
        if path in more:
            return False
        below = found.is_directory and any(each.startswith(path + "/") for each in always)
        return path in always or below or not ignore.ignores(path)

    with Tree(place) as tree:
        files = ((found.name, found) for found in tree.walk() if wanted(found))
        yield from _without_end(tar_of_files(files))
    yield from _files(more)


def _without_end(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """An archive to which something is added: all pieces but the last, which is its end."""
    held = next(pieces)
    for piece in pieces:
        yield held
        held = piece


def _files(contents: Mapping[str, bytes]) -> Iterator[bytes]:
    """Files made of nothing but their contents, and the archive's end."""
    now_ns = time.time_ns()
    for name, data in contents.items():
        entry = Entry(name.encode(), EntryKind.FILE, mode=0o600, mtime_ns=now_ns, size=len(data))
        yield encode(entry) + data + padding(len(data))
    yield END_OF_ARCHIVE
