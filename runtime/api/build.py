"""Builds: docker's classic protocol. A context goes in, a stream of JSON comes out.

    {"stream": "Step 1/2 : FROM onggi/base"}    {"stream": "\\n"}
    {"stream": " ---> Using cache\\n"}           what commands write, as it comes
    {"aux": {"ID": "sha256:…"}}                  the image, for programs
    {"stream": "Successfully built 4a5b…\\n"}    the last word
    {"errorDetail": …, "error": …}               or that

It is all that a client without BuildKit needs. One with BuildKit is told to do without:
DOCKER_BUILDKIT=0. Who goes away, while he sends the context or while it is built, has called it
off: the command under way is killed, finished steps stay in the cache, and nothing else is left.

Docker Engine API 1.47, ImageBuild; moby: builder/dockerfile
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.api.answers import Answer, Document, Lines
from runtime.api.call import Call
from runtime.api.credentials import auth_configs
from runtime.api.routes import route
from runtime.build import events
from runtime.cancellation import Cancellation
from runtime.engine.image import Image
from runtime.engine.images import ADDRESSES, LIMITS
from runtime.engine.telling import told
from runtime.errors import InvalidInput, NotFound, OnggiError
from runtime.oci.reference import Reference

Line = Mapping[str, Any]

OTHERS = ("cgroupparent", "outputs")
"""Parameters that ask for what no build here has."""


@route("POST", "/build", uploads=True)
def build(call: Call) -> Answer:
    """Build an image from the archive in the body, or from an address."""
    lines = _nothing_is_404(_build(call, _options(call)))
    return Lines(_quietly(lines) if call.flag("q") else lines)


@route("POST", "/build/prune", long=True)
def prune(call: Call) -> Answer:
    """Forget what builds have left behind for the next ones."""
    filters = call.filters()
    if filters.keys() & {"label", "label!"}:  # `system prune --filter`: what builds leave has none
        return Document({"CachesDeleted": [], "SpaceReclaimed": 0})
    return Document(call.engine.images.prune_builds(all=call.flag("all"), filters=filters))


def _build(call: Call, wanted: Mapping[str, Any]) -> Iterator[Line]:
    """All that a build says, from the first step to the image."""

    def act(tell: Callable[[Line], None], cancellation: Cancellation) -> None:
        said = Said(tell)
        image, _ = call.engine.images.build(
            **wanted, progress=said.event, cancellation=cancellation
        )
        said.built(image, wanted["tag"])

    return told(act, call.gone)


def _nothing_is_404(lines: Iterator[Line]) -> Iterator[Line]:
    """A Dockerfile, a stage or a network that is not there is a bad request, as docker has it."""
    try:
        yield from lines
    except NotFound as cause:
        raise InvalidInput("{reason}", reason=cause.message) from cause


def _quietly(lines: Iterator[Line]) -> Iterator[Line]:
    """Only the image's id; all of it, when it comes to nothing."""
    kept: list[Line] = []
    image = ""
    try:
        for line in lines:
            kept.append(line)
            image = line.get("aux", {}).get("ID", image)
    except OnggiError:
        yield from kept
        raise
    yield {"stream": f"{image}\n"}


class Said:
    """Turns a build's events into docker's lines."""

    def __init__(self, tell: Callable[[Line], None]) -> None:
        self._tell = tell
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {name: decoder("replace") for name in ("stdout", "stderr")}

    def event(self, event: events.Event) -> None:
        """One event, as it happens."""
        match event:
            case events.StepStarted(number, total, text):
                self._say(f"Step {number}/{total} : {text}")
                self._say("\n")
            case events.StepCached(diff_id):
                self._say(" ---> Using cache\n")
                self._say(f" ---> {diff_id.short}\n")
            case events.Output(stream, data):
                if text := self._decoders[stream].decode(data):
                    self._say(text)
            case events.LayerWritten(diff_id):
                self._say(f" ---> {diff_id.short}\n")
            case events.UnusedBuildArguments(names):
                listed = " ".join(names)
                self._say(f"[Warning] One or more build-args [{listed}] were not consumed\n")

    def built(self, image: Image, names: list[str]) -> None:
        """The end of a build that went well."""
        self._tell({"aux": {"ID": image.id}})
        self._say(f"Successfully built {image.id.partition(':')[2][:12]}\n")
        for name in names:
            self._say(f"Successfully tagged {Reference.parse(name).familiar}\n")

    def _say(self, text: str) -> None:
        self._tell({"stream": text})


def _options(call: Call) -> dict[str, Any]:
    """The query as what `Images.build` takes. Raises InvalidInput."""
    _refuse_buildkit(call)
    if call.flag("squash"):
        raise InvalidInput("squash is only supported with experimental mode")
    for name in OTHERS:
        if call.text(name) not in ("", "[]", "null"):
            raise InvalidInput("not supported yet: {flag}", flag=name)
    remote = call.text("remote")
    if remote and not remote.startswith(ADDRESSES):  # a directory of this host is not theirs
        raise InvalidInput("not an address to build from: {text!r}", text=remote[:200])
    source = {"path": remote} if remote else {"fileobj": call.stream()}
    limits = {name: call.text(name) for name in LIMITS if call.text(name) not in ("", "0")}
    return {
        **source,
        "dockerfile": call.text("dockerfile") or (None if remote else "Dockerfile"),
        "tag": [name for name in call.texts("t") if name],
        "buildargs": _texts(call, "buildargs"),
        "labels": _texts(call, "labels"),
        "nocache": call.flag("nocache"),
        "pull": call.flag("pull"),
        "target": call.text("target") or None,
        "platform": call.text("platform") or None,
        "network_mode": call.text("networkmode") or None,
        "container_limits": limits,
        "shmsize": call.whole("shmsize"),
        "ulimits": _json(call, "ulimits", list),
        "extra_hosts": [text for text in call.texts("extrahosts") if text],
        "auth_configs": auth_configs(call),
    }


def _refuse_buildkit(call: Call) -> None:
    """Raises InvalidInput, with what to do."""
    wants = call.text("version", "1") not in ("", "1")
    if wants or call.text("remote") == "client-session":
        raise InvalidInput(
            "BuildKit is not part of this engine: build with the variable DOCKER_BUILDKIT=0"
        )


def _texts(call: Call, name: str) -> dict[str, str]:
    """A parameter that is an object of texts. A build argument without a value is one that the
    client's environment does not have: it counts as not given. Raises InvalidInput.
    """
    found = _json(call, name, dict)
    for key, text in found.items():
        if text is not None and not isinstance(text, str):
            raise _no_json(name, call.text(name), key)
    return {key: text for key, text in found.items() if text is not None}


def _json(call: Call, name: str, kind: type) -> Any:
    """A parameter that is JSON; empty if it is not there. Raises InvalidInput."""
    text = call.text(name)
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError) as cause:
        raise _no_json(name, text, cause) from cause
    if found is None:
        return kind()
    if not isinstance(found, kind):
        raise _no_json(name, text, type(found).__name__)
    return found


def _no_json(name: str, text: str, reason: object) -> InvalidInput:
    return InvalidInput(
        "error reading {name}: not what is expected: {text} ({reason})",
        name=name,
        text=text[:100],
        reason=reason,
    )
