"""Arguments: what ARG, `--build-arg` and the platform say before any stage begins.

    ARG TAG=latest                  before the first FROM: FROM lines see it
    FROM --platform=$BUILDPLATFORM onggi/base:$TAG

Docker predefines the platform's names and those of proxies. A stage sees the former, and what
stands before the first FROM, only if it declares them itself, with `ARG name`.

Rule: pure. Dockerfile reference, "Automatic platform ARGs", "Predefined ARGs".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.dockerfile import instruction as ins
from runtime.dockerfile.expand import expand
from runtime.errors import DockerfileError
from runtime.oci.descriptor import Platform

GO_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "loongarch64": "loong64",
}
"""The kernel's names for machines and Go's, which images use, where the two differ."""

PROXY_ARGUMENTS = frozenset(
    name
    for lower in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (lower, lower.upper())
)
"""Build arguments that need no ARG: RUN sees them, image and cache do not."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values for ARG: `given` on the command line, `global_` from before the first FROM."""

    given: Mapping[str, str] = field(default_factory=dict)
    global_: Mapping[str, str] = field(default_factory=dict)
    epoch: int | None = None


def plan_arguments(
    dockerfile: ins.Dockerfile,
    given: Mapping[str, str],
    platform: Platform,
    epoch: int | None,
    target: str | None = None,
) -> Arguments:
    """The arguments that all FROMs see. Raises DockerfileError.

    Docker predefines the platform's names; a stage sees those and the global ones only if it
    declares them itself, with `ARG name`.
    """
    values = {**_platform_arguments(platform), "TARGETSTAGE": target or "default"}
    for arg in dockerfile.arguments:
        for declared in arg.declarations:
            name = declared.name.text
            if name in given:
                values[name] = given[name]
            elif declared.default is not None:
                values[name] = expand(declared.default, values, dockerfile.directives.escape)
    return Arguments(given, values, epoch)


def plan_base(stage: ins.Stage, arguments: Arguments, escape: str = "\\") -> str:
    """The name after FROM, its variables expanded. Raises DockerfileError if that is empty."""
    name = expand(stage.base.image, arguments.global_, escape)
    if not name:
        raise DockerfileError(
            "{file}:{line}:{column}: {word} is empty here: there is no image to build on",
            hint="declare it before FROM, with a default: ARG name=image",
            word=stage.base.image.text,
            **stage.base.image.place.facts(),
        )
    return name


def check_platform(
    stage: ins.Stage, arguments: Arguments, host: Platform, escape: str = "\\"
) -> None:
    """FROM --platform: only what this host runs. Raises DockerfileError for anything else."""
    word = stage.base.platform
    if word is None:
        return
    wanted = expand(word, arguments.global_, escape)
    if not runs(wanted, host):
        raise DockerfileError(
            "{file}:{line}:{column}: this host runs {host} only, not {wanted}",
            hint="leave --platform out",
            host=host,
            wanted=wanted,
            **word.place.facts(),
        )


def runs(wanted: str, host: Platform) -> bool:
    """Whether a platform as people write it, such as `linux/amd64` or `arm64`, is the host's."""
    system, slash, rest = wanted.lower().partition("/")
    if not slash and system != host.os:  # docker takes `amd64` alone too
        system, rest = host.os, system
    machine, _, variant = (rest or host.architecture).partition("/")
    machine = GO_ARCHITECTURES.get(machine, machine)
    variants = ("", host.variant, "v8" if machine == "arm64" else "")
    return (system, machine) == (host.os, host.architecture) and variant in variants


def unused_arguments(dockerfile: ins.Dockerfile, given: Mapping[str, str]) -> tuple[str, ...]:
    """The given build arguments that no ARG declares, and that mean nothing by themselves."""
    declared = {
        declaration.name.text
        for instruction in dockerfile.instructions
        if isinstance(instruction, ins.Arg)
        for declaration in instruction.declarations
    }
    unused = given.keys() - declared - PROXY_ARGUMENTS - {"SOURCE_DATE_EPOCH"}
    return tuple(sorted(name for name in unused if not name.startswith("BUILDKIT_")))


def _platform_arguments(platform: Platform) -> dict[str, str]:
    facts = {
        "PLATFORM": str(platform),
        "OS": platform.os,
        "ARCH": platform.architecture,
        "VARIANT": platform.variant,
    }
    return {side + name: value for side in ("BUILD", "TARGET") for name, value in facts.items()}
