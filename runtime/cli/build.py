"""Commands that make images: build, image bootstrap."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from runtime.cli import console
from runtime.cli.build_progress import build_progress
from runtime.cli.command import command
from runtime.cli.connection import open_engine, own_engine
from runtime.cli.container_flags import SWAP, ULIMIT
from runtime.cli.flags import LIST, SIZE, SWITCH, WHOLE, WORD, Flag, Given
from runtime.cli.images import short
from runtime.cli.progress import bootstrap_progress
from runtime.errors import InvalidInput

LATER = WORD._replace(later=True)

NOT_YET = (
    *("cache-to", "output", "push", "ssh"),
    *("cgroup-parent", "squash"),
)
"""Docker's flags of `build` that a later version will have."""


@command(
    "[OPTIONS] PATH | URL | -",
    Flag("add-host", "", LIST, "Add a custom host-to-IP mapping (host:ip)"),
    Flag("build-arg", "", LIST, "Set build-time variables"),
    Flag("cache-from", "", LIST, "Accepted: a step is known whichever image it was built for"),
    Flag("cpu-period", "", WHOLE, "Limit the CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", "", WHOLE, "Limit the CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-shares", "c", WHOLE, "CPU shares (relative weight)"),
    Flag("cpuset-cpus", "", WORD, "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", "", WORD, "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("file", "f", WORD, "Name of the Dockerfile (default: PATH/Dockerfile)"),
    Flag("iidfile", "", WORD, "Write the image ID to a file"),
    Flag("label", "", LIST, "Set metadata for an image"),
    Flag("memory", "m", SIZE, "Memory limit"),
    Flag("memory-swap", "", SWAP, "Swap limit equal to memory plus swap: -1 to enable all of it"),
    Flag("network", "", WORD, "Set the networking mode for the RUN instructions during build"),
    Flag("no-cache", "", SWITCH, "Do not use cache when building the image"),
    Flag("no-cache-filter", "", LIST, "Do not cache specified stages"),
    Flag("platform", "", WORD, "Set the target platform: this host's, if any"),
    Flag("progress", "", WORD, "Set type of progress output (auto, plain, tty, quiet, rawjson)"),
    Flag("pull", "", SWITCH, "Always attempt to pull all referenced images"),
    Flag("quiet", "q", SWITCH, "Suppress the build output and print image ID on success"),
    Flag("secret", "", LIST, "Secret to expose to the build (id=mysecret,src=/local/secret)"),
    Flag("shm-size", "", SIZE, "Size of /dev/shm"),
    Flag("tag", "t", LIST, "Name and optionally a tag in the 'name:tag' format"),
    Flag("target", "", WORD, "Set the target build stage to build"),
    Flag("ulimit", "", ULIMIT, "Ulimit options"),
    Flag("rm", "", SWITCH, "Remove what a build leaves: always done"),
    Flag("force-rm", "", SWITCH, "The same when it fails: always done"),
    *(Flag(name, "", LATER, "Not supported yet") for name in NOT_YET),
    least=1,
    most=1,
)
def build(given: Given) -> int:
    """Steps and their output as they happen, then the image's id and its names."""
    kind = "quiet" if given.quiet else given.progress or "auto"
    with bootstrap_progress() as progress, build_progress(kind) as tell:
        image, _ = open_engine(progress).images.build(
            **read_context(given.words[0], given.file),
            tag=given.tag,
            buildargs=build_arguments(given.build_arg),
            labels=dict(label.partition("=")[::2] for label in given.label),
            nocache=given.no_cache,
            no_cache_filter=[name for text in given.no_cache_filter for name in text.split(",")],
            target=given.target,
            secrets=dict(map(read_secret, given.secret)),
            platform=given.platform,
            network_mode=given.network,
            pull=given.pull,
            container_limits=limits_of(given),
            shmsize=given.shm_size,
            ulimits=given.ulimit,
            extra_hosts=given.add_host,
            progress=tell,
        )
    if given.iidfile:
        Path(given.iidfile).write_text(image.id)
    if kind in ("quiet", "rawjson"):
        console.say(image.id)
        return 0
    console.say(f"Successfully built {short(image.id)}")
    for name in given.tag:
        console.say(f"Successfully tagged {name}")
    return 0


def limits_of(given: Given) -> dict[str, Any]:
    """What the commands of the build may take of the host, as `build` calls it."""
    limits = {
        "memory": given.memory,
        "memswap": given.memory_swap,
        "cpushares": given.cpu_shares,
        "cpuperiod": given.cpu_period,
        "cpuquota": given.cpu_quota,
        "cpusetcpus": given.cpuset_cpus,
        "cpusetmems": given.cpuset_mems,
    }
    return {name: value for name, value in limits.items() if value}


def read_context(path: str, file: str | None) -> dict[str, Any]:
    """`PATH` and `-f`, either of which may be `-`, standard input, as arguments of `build`.

    `-f` is a path of the caller's, as docker has it; of a context that comes in, one within.
    Raises InvalidInput when both are standard input.
    """
    if path == "-" and file == "-":
        raise InvalidInput("standard input cannot be both the build context and the Dockerfile")
    if path == "-":
        return {"fileobj": sys.stdin.buffer, "dockerfile": file}
    if file == "-":
        return {"path": path, "dockerfile": sys.stdin.buffer}
    if file and Path(path).is_dir():
        return {"path": path, "dockerfile": within(Path(path), Path(file))}
    return {"path": path, "dockerfile": file}


def within(directory: Path, file: Path) -> str:
    """A file as `build` calls it: relative to the directory if it is in there."""
    absolute = Path(os.path.normpath(Path.cwd() / file))
    root = Path(os.path.normpath(Path.cwd() / directory))
    return str(absolute.relative_to(root) if absolute.is_relative_to(root) else absolute)


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
    import csv  # few builds have secrets

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
        images = own_engine("image bootstrap").images.bootstrap(progress=progress)
    for image in images:
        console.say(image.id if given.quiet else f"{', '.join(image.tags)}: {short(image.id)}")
    return 0
