"""Images: list, inspect, history, tag, remove, prune, commit, and how they come and go: pull, push,
import, save, load. Docker Engine API 1.47, "Image"; a build is another file's business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from runtime.api.answers import Answer, Archive, Document, Empty, Lines
from runtime.api.call import Call
from runtime.api.credentials import auth_config
from runtime.api.errors import Refused
from runtime.api.routes import route
from runtime.cancellation import Cancellation
from runtime.engine.image import Image
from runtime.engine.inspect import image_config
from runtime.engine.telling import told
from runtime.errors import InvalidInput, RegistryError
from runtime.oci.image import RunConfig
from runtime.oci.reference import Reference
from runtime.registry.progress import Tell


def _named(call: Call) -> Image:
    """The image of the path. Raises NotFound, Conflict."""
    return call.engine.images.get(call["name"])


@route("GET", "/images/json")
def list_(call: Call) -> Answer:
    """Images at a glance, the newest first."""
    wanted = call.filters()
    if call.text("filter"):  # before 1.41
        wanted["reference"] = [call.text("filter")]
    named = call.engine.images.named(all=call.flag("all"), filters=wanted)
    shares = _shares([image for image, _ in named]) if call.flag("shared-size") else {}
    return Document(
        [_summary(call, image.summary(names, shares.get(image.id, -1))) for image, names in named]
    )


def _shares(images: list[Image]) -> dict[str, int]:
    """How many bytes of each image are in layers that others have, too."""
    holders: dict[str, set[str]] = {}
    for image in images:
        for layer in image.layers:
            holders.setdefault(layer.digest, set()).add(image.id)
    return {
        image.id: sum(layer.size for layer in image.layers if len(holders[layer.digest]) > 1)
        for image in images
    }


def _summary(call: Call, summary: dict[str, Any]) -> dict[str, Any]:
    """As the client's version has it: once nameless images had a name, and sizes were twofold."""
    if call.version < (1, 43) and not summary["RepoTags"] and not summary["RepoDigests"]:
        summary |= {"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
    if call.version < (1, 44):
        summary["VirtualSize"] = summary["Size"]
    return summary


@route("GET", "/images/{name}/json")
def inspect(call: Call) -> Answer:
    """Everything about one."""
    found = dict(_named(call).attrs)
    del found["Descriptor"]  # 1.48 has it
    if call.version < (1, 44):
        found["VirtualSize"] = found["Size"]
    # gone in 1.45, but docker-compose 1.29 speaks the newest version and cannot do without
    found |= {"Container": "", "ContainerConfig": image_config(RunConfig())}
    return Document(found)


@route("GET", "/images/{name}/history")
def history(call: Call) -> Answer:
    """How it came to be, the last instruction first."""
    return Document(_named(call).history())


@route("POST", "/images/{name}/tag")
def tag(call: Call) -> Answer:
    """One more name for it."""
    image, name = _named(call), call.text("repo")
    if Reference.parse(name).digest:
        raise InvalidInput("refusing to create a tag with a digest reference")
    image.tag(name, call.text("tag") or None)
    return Empty(201)


@route("GET", "/images/{name}/get", long=True)
def save_one(call: Call) -> Answer:
    """It as an archive."""
    return Archive(call.engine.images.save(call["name"]))


@route("GET", "/images/get", long=True)
def save(call: Call) -> Answer:
    """Several as one archive."""
    return Archive(call.engine.images.save(call.texts("names")))


@route("POST", "/images/load", uploads=True)
def load(call: Call) -> Answer:
    """All images of an archive. Who goes away while he sends it has loaded nothing."""

    lines: list[str] = []

    def tell(image: Image, names: list[str]) -> None:
        lines.extend(f"Loaded image: {name}\n" for name in names)
        if not names:
            lines.append(f"Loaded image ID: {image.id}\n")

    def loaded() -> Iterator[dict[str, str]]:
        call.engine.images.load(call.stream(), tell)
        yield from ({"stream": line} for line in lines)

    return Lines(loaded())


@route("POST", "/images/create", uploads=True)
def create(call: Call) -> Answer:
    """Pull (`fromImage`), or import what the body or an address has (`fromSrc`)."""
    return _import(call) if call.text("fromSrc") else _pull(call)


def _pull(call: Call) -> Answer:
    """An image, or without a tag all of its repository."""
    name, mark = call.text("fromImage"), call.text("tag")
    if not name:
        raise InvalidInput("{name} is missing", name="fromImage")
    is_bare = ":" not in name.rpartition("/")[2] and "@" not in name
    return Lines(
        _travelling(
            call,
            lambda tell, cancellation: call.engine.images.pull(
                name,
                mark or None,
                is_bare and not mark,
                platform=call.text("platform") or None,
                auth_config=auth_config(call),
                progress=tell,
                cancellation=cancellation,
            ),
        )
    )


def _travelling(call: Call, act: Callable[[Tell, Cancellation], Any]) -> Iterator[dict[str, Any]]:
    """What `act` tells, in docker's words. Called off when the client goes away."""
    with contextlib.closing(told(act, call.gone)) as said:
        try:
            for message in said:
                yield message.to_docker()
        except RegistryError as error:
            if error.status != 401:
                raise
            # To a 401 of ours clients answer with a question for a password; docker has none here.
            raise Refused.instead(error, 500) from error


def _import(call: Call) -> Answer:
    """A root file system as an image. Who goes away while he sends it has imported nothing."""
    source, repository = call.text("fromSrc"), call.text("repo")
    data = call.stream() if source == "-" else source

    def imported() -> Iterator[dict[str, str]]:
        if source != "-":
            yield {"status": f"Downloading from {source}"}
        image = call.engine.images.import_image(
            data,
            repository or None,
            call.text("tag") or None,
            call.texts("changes"),
            call.text("message") or f"Imported from {source}",
            platform=call.text("platform") or None,
        )
        yield {"status": image.id}

    return Lines(imported())


@route("POST", "/images/{name}/push", long=True)
def push(call: Call) -> Answer:
    """Send it, or without a tag all of its repository, to the registry of its name."""
    repository = Reference.parse(call["name"]).name
    mark = call.text("tag")

    def sent() -> Iterator[dict[str, Any]]:
        yield {"status": f"The push refers to repository [{repository}]"}
        yield from _travelling(
            call,
            lambda tell, cancellation: call.engine.images.push(
                repository,
                mark or None,
                all_tags=not mark,
                auth_config=auth_config(call),
                progress=tell,
                cancellation=cancellation,
            ),
        )

    return Lines(sent())


@route("DELETE", "/images/{name}", long=True)
def remove(call: Call) -> Answer:
    """The name; with the last one the image."""
    return Document(call.engine.images.remove(call["name"], force=call.flag("force")))


@route("POST", "/images/prune", long=True)
def prune(call: Call) -> Answer:
    """All that nobody needs."""
    return Document(call.engine.images.prune(filters=call.filters()))


@route("POST", "/commit", long=True)
def commit(call: Call) -> Answer:
    """A container's changes as an image; the body says what its configuration has instead of, or
    besides, the container's.
    """
    container = call.engine.containers.get(call.text("container"))
    image = container.commit(
        call.text("repo") or None,
        call.text("tag") or None,
        call.text("comment"),
        call.text("author"),
        pause=call.flag("pause", True),
        changes=call.texts("changes"),
        conf=call.json(),
    )
    return Document({"Id": image.id}, 201)
