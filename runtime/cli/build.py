"""Commands that make images: build, image bootstrap."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from runtime.cli import console
from runtime.cli.command import command
from runtime.cli.flags import LIST, SWITCH, WORD, Flag, Given
from runtime.cli.images import short
from runtime.cli.progress import BuildLog, bootstrap_progress
from runtime.engine import Engine
from runtime.errors import InvalidInput


@command(
    "[OPTIONS] PATH",
    Flag("build-arg", "", LIST, "Set build-time variables"),
    Flag("file", "f", WORD, "Name of the Dockerfile (default: PATH/Dockerfile)"),
    Flag("label", "", LIST, "Set metadata for an image"),
    Flag("no-cache", "", SWITCH, "Do not use cache when building the image"),
    Flag("secret", "", LIST, "Secret to expose to the build (id=mysecret,src=/local/secret)"),
    Flag("quiet", "q", SWITCH, "Suppress the build output and print image ID on success"),
    Flag("target", "", WORD, "Set the target build stage to build"),
    Flag("tag", "t", LIST, "Name and optionally a tag in the 'name:tag' format"),
    least=1,
    most=1,
)
def build(given: Given) -> int:
    """Steps and their output as they happen, then the image's id and its names."""
    with bootstrap_progress() as progress:
        image, _ = Engine(progress=progress).images.build(
            path=given.words[0],
            tag=given.tag,
            dockerfile=given.file,
            buildargs=build_arguments(given.build_arg),
            labels=dict(label.partition("=")[::2] for label in given.label),
            nocache=given.no_cache,
            target=given.target,
            secrets=dict(map(read_secret, given.secret)),
            progress=None if given.quiet else BuildLog(),
        )
    if given.quiet:
        console.say(image.id)
        return 0
    console.say(f"Successfully built {short(image.id)}")
    for name in given.tag:
        console.say(f"Successfully tagged {name}")
    return 0


def build_arguments(entries: list[str]) -> dict[str, str]:
    """`--build-arg NAME=value`; a bare NAME takes our own variable's value, if it has one."""
    arguments = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if equals:
            arguments[name] = value
        elif name in os.environ:
            arguments[name] = os.environ[name]
    return arguments


def read_secret(text: str) -> tuple[str, bytes]:
    """`id=NAME,src=FILE` or `id=NAME,env=VARIABLE`; without either, the variable or file NAME.

    Raises InvalidInput, OSError.
    """
    options = dict(field.partition("=")[::2] for field in next(csv.reader([text]), []))
    kind = options.pop("type", "")
    name = options.pop("id", "")
    variable = options.pop("env", "")
    file = options.pop("src", "") or options.pop("source", "")
    if options or not name or kind not in ("", "file", "env") or (variable and file):
        raise InvalidInput(
            "--secret is not understood: {text}",
            hint="--secret id=NAME,src=FILE  or  --secret id=NAME,env=VARIABLE",
            text=text,
        )
    if not variable and not file and (kind == "env" or name in os.environ):
        variable = name
    if not variable:
        return name, Path(file or name).read_bytes()
    if variable not in os.environ:
        raise InvalidInput(
            "--secret {id}: there is no environment variable {variable}",
            id=name,
            variable=variable,
        )
    return name, os.environb[os.fsencode(variable)]


@command("[OPTIONS]", Flag("quiet", "q", SWITCH, "Only show image IDs"), most=0)
def bootstrap(given: Given) -> int:
    """Make the base images, or make them again: nothing is downloaded."""
    with bootstrap_progress() as progress:
        images = Engine().images.bootstrap(progress=progress)
    for image in images:
        console.say(image.id if given.quiet else f"{', '.join(image.tags)}: {short(image.id)}")
    return 0
