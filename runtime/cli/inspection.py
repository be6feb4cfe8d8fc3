"""Commands that print documents: inspect, spec.

`inspect` prints docker's JSON for containers, images and volumes; `spec` prints what the kernel's
side of the engine reads, the OCI's config.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.connection import open_engine, own_engine
from runtime.cli.flags import SWITCH, WORD, Flag, Given
from runtime.errors import InvalidInput, NotFound, OnggiError

if TYPE_CHECKING:
    from runtime.cli.connection import AnyEngine


class UnreadableFormat(InvalidInput):
    """A format of `inspect` that is no template: docker ends with 64 then, EX_USAGE."""

    exit_code = 64


FORMAT = Flag("format", "f", WORD, "Format output: 'json' or a Go template")

SIZE = Flag("size", "s", SWITCH, "Display total file sizes")

Look = Callable[["AnyEngine", str, bool], dict[str, Any]]


def look_at_container(engine: AnyEngine, name: str, size: bool) -> dict[str, Any]:
    """The attributes of a container. Raises NotFound."""
    return engine.containers.get(name).inspect(size=size)


def look_at_image(engine: AnyEngine, name: str, size: bool) -> dict[str, Any]:
    """The attributes of an image, whose size is always there. Raises NotFound."""
    return dict(engine.images.get(name).attrs)


def look_at_network(engine: AnyEngine, name: str, size: bool) -> dict[str, Any]:
    """The attributes of a network. Raises NotFound."""
    return engine.networks.get(name).attrs


def look_at_volume(engine: AnyEngine, name: str, size: bool) -> dict[str, Any]:
    """The attributes of a volume. Raises NotFound."""
    return engine.volumes.get(name).attrs


def look_at_any(engine: AnyEngine, name: str, size: bool) -> dict[str, Any]:
    """Of the container of that name, else of the image, the network, the volume. Raises
    NotFound.
    """
    for look in (look_at_container, look_at_image, look_at_network, look_at_volume):
        try:
            return look(engine, name, size)
        except (NotFound, InvalidInput):
            continue
    raise NotFound("no such object: {name}", name=name)


@command(
    "[OPTIONS] NAME|ID [NAME|ID...]",
    FORMAT,
    SIZE,
    Flag("type", "", WORD, "Only inspect objects of the given type: container, image, …"),
    least=1,
)
def inspect(given: Given) -> int:
    """Containers, images and volumes alike."""
    looks: dict[str | None, Look] = {
        None: look_at_any,
        "": look_at_any,
        "container": look_at_container,
        "image": look_at_image,
        "network": look_at_network,
        "volume": look_at_volume,
    }
    if given.type not in looks:
        raise InvalidInput(
            "no such type: {type}",
            hint="write container, image, network or volume",
            type=given.type,
        )
    return show_documents(given.words, looks[given.type], given.format, size=given.size)


@command("[OPTIONS] CONTAINER [CONTAINER...]", FORMAT, SIZE, least=1)
def container(given: Given) -> int:
    """Containers only."""
    return show_documents(given.words, look_at_container, given.format, size=given.size)


@command("[OPTIONS] IMAGE [IMAGE...]", FORMAT, least=1)
def image(given: Given) -> int:
    """Images only."""
    return show_documents(given.words, look_at_image, given.format)


@command(
    "[OPTIONS] NETWORK [NETWORK...]",
    FORMAT,
    Flag("verbose", "v", SWITCH, "Verbose output for diagnostics"),
    least=1,
)
def network(given: Given) -> int:
    """Networks only."""
    return show_documents(given.words, look_at_network, given.format)


def show_documents(
    names: Sequence[str], look: Look, form: str | None, *, size: bool = False
) -> int:
    """Print what was found, even if not all of it was: one JSON array, or a text for each."""
    write = _writer(form) if form else None  # before anything is looked at: it may be wrong
    engine, found, missing = open_engine(), [], []
    for name in names:
        try:
            found.append(look(engine, name, size))
        except OnggiError as error:
            missing.append(error)
    if write is None:
        console.say(json.dumps(found, indent=4, ensure_ascii=False))
    else:
        for attrs in found:
            console.say(write(attrs))
    for refusal in missing:
        console.report(refusal)
    return 1 if missing else 0


OMITTED = {
    "State": ("Health",),
    "Config": (
        *("ExposedPorts", "Healthcheck", "NetworkDisabled", "MacAddress", "ArgsEscaped"),
        *("StopSignal", "StopTimeout", "Shell"),
    ),
    "HostConfig": ("Annotations", "Init", "Mounts", "StorageOpt", "Sysctls", "Tmpfs"),
}
"""What docker's JSON leaves out where it says nothing."""


def _writer(form: str) -> Callable[[Any], str]:
    from runtime.cli.template import Template
    from runtime.cli.template_actions import Members
    from runtime.cli.template_functions import as_json

    if form == "json":
        return as_json
    try:
        template = Template(form)
    except InvalidInput as error:
        raise UnreadableFormat(error.template, hint=error.hint_template, **error.facts) from error

    def write(attrs: dict[str, Any]) -> str:
        parts: dict[str, Any] = {}
        parts |= {name: Members(attrs[name], OMITTED[name]) for name in OMITTED if name in attrs}
        if "Mounts" in attrs:
            parts["Mounts"] = [Members(each, ("Name", "Driver"), "") for each in attrs["Mounts"]]
        return template.render(Members({**attrs, **parts}, ("SizeRw", "SizeRootFs", "Variant")))

    return write


@command("CONTAINER", least=1, most=1)
def spec(given: Given) -> int:
    """The container's config.json, as it was written for the one who starts it."""
    container = own_engine("spec").containers.get(given.words[0])
    document = json.loads((container.bundle_path / "config.json").read_bytes())
    console.say(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
