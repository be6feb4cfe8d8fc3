"""What docker's client of version 28 has and `onggi` has not, each with its reason.

The tables are held against the clients' own help texts (compat/test_docker_helps.py), and against
the page for users (tidy/test_cli_page.py), of which `python tests/docker_flags.py` prints the part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

BEGIN = "## What docker has and Onggi has not"

COMMANDS = {
    "buildx": "is a plugin, a program of its own",
    "checkpoint": "is an experiment of docker's with CRIU",
    "completion": "is the shells' business; ours has none yet",
    "compose": "is a plugin, a program of its own",
    "config": "belongs to a swarm",
    "context": "--host and DOCKER_HOST say which engine is meant",
    "node": "belongs to a swarm",
    "plugin": "is about programs that dockerd loads",
    "search": "asks Docker Hub, in words that no other registry has",
    "secret": "belongs to a swarm",
    "service": "belongs to a swarm",
    "stack": "belongs to a swarm",
    "swarm": "an engine that is in no swarm has nothing to say there",
    "trust": "signs images by Notary, which Docker Hub has given up",
    "manifest annotate": "edits indexes of several platforms: not there yet",
    "manifest create": "edits indexes of several platforms: not there yet",
    "manifest push": "edits indexes of several platforms: not there yet",
    "manifest rm": "edits indexes of several platforms: not there yet",
    "volume update": "belongs to a swarm",
}

WINDOWS = "is for containers of Windows"
SWARM = "is for a swarm's volumes"
ONE_PLATFORM = "an image here is for one platform"
CRIU = "is an experiment of docker's with CRIU"

EVERYWHERE = {
    "context": "--host and DOCKER_HOST say which engine is meant",
    "isolation": WINDOWS,
    "kubeconfig": "spoke to Kubernetes, which docker has given up",
}
FLAGS: Mapping[str, Mapping[str, str]] = {
    "build": {
        "cgroup-parent": "a build's groups are the engine's own",
        "compress": "the context does not travel here, and is small enough elsewhere",
        "disable-content-trust": "digests are always verified",
        "security-opt": WINDOWS,
        "squash": "is an experiment of docker's classic builder",
    },
    "history": {"platform": ONE_PLATFORM},
    "images": {"tree": "is an experiment of docker's"},
    "import": {"platform": ONE_PLATFORM},
    "load": {"platform": ONE_PLATFORM},
    "manifest inspect": {
        "insecure": "ONGGI_INSECURE_REGISTRIES says which registries may be spoken to by HTTP",
        "verbose": "shows what docker keeps beside a manifest",
    },
    "network connect": {"gw-priority": "the first network by name leads out"},
    "network create": {"ipv4": "every network has IPv4 addresses"},
    "push": {"platform": ONE_PLATFORM},
    "rmi": {"platform": ONE_PLATFORM},
    "run": {
        "cpu-count": WINDOWS,
        "cpu-percent": WINDOWS,
        "io-maxbandwidth": WINDOWS,
        "io-maxiops": WINDOWS,
        "use-api-socket": "is an experiment: the engine's socket in a container is root in there",
    },
    "save": {"platform": ONE_PLATFORM},
    "image inspect": {"platform": ONE_PLATFORM},
    "start": {"checkpoint": CRIU, "checkpoint-dir": CRIU},
    "volume create": dict.fromkeys(
        (
            *("availability", "group", "limit-bytes", "required-bytes", "scope", "secret"),
            *("sharing", "topology-preferred", "topology-required", "type"),
        ),
        SWARM,
    ),
    "volume ls": {"cluster": SWARM},
}
"""Flags that are missing, by the command's shortest name; those of `run` are `create`'s, too."""


def page() -> str:
    """The part of docs/CLI.md, from its heading to the next one."""
    lines = [
        BEGIN,
        "",
        "Commands and flags that `docker --help` of version 28 lists. The tests read its texts:",
        "what is missing and is not listed here is a mistake.",
        "",
        "| Missing | Why |",
        "|---|---|",
        *(f"| {', '.join(names)} | {reason} |" for reason, names in _by_reason(_missing())),
        "",
        "Some flags are known, and refused by their names, or work by `--host` where the engine",
        "has them:",
        "",
        "| Command | Refused here | Only by `--host` |",
        "|---|---|---|",
        *(
            f"| `{path}` | {_codes(no)} | {_codes(elsewhere)} |"
            for path, no, elsewhere in _refused()
        ),
        "",
    ]
    return "\n".join(lines)


def _missing() -> Iterator[tuple[str, str]]:
    """What is missing, and why."""
    for name, reason in COMMANDS.items():
        yield f"`{name}`", reason
    for name, reason in EVERYWHERE.items():
        yield f"`--{name}`", reason
    for path, flags in FLAGS.items():
        for name, reason in flags.items():
            yield f"`{path} --{name}`", reason


def _by_reason(missing: Iterator[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name, reason in missing:
        found.setdefault(reason, []).append(name)
    return list(found.items())


def _refused() -> Iterator[tuple[str, list[str], list[str]]]:
    """Commands with flags that they know and do not have, here or at all."""
    from runtime.cli.commands import TOP, Noun

    seen = set()
    for name, known in TOP.items():
        verbs = known.verbs if isinstance(known, Noun) else {"": known}
        for word, verb in verbs.items():
            flags = verb.load().flags
            later = [flag.long for flag in flags if flag.kind.later]
            elsewhere = [flag.long for flag in flags if flag.kind.elsewhere]
            if (later or elsewhere) and verb not in seen:
                seen.add(verb)
                yield f"{name} {word}".strip(), later, elsewhere


def _codes(names: list[str]) -> str:
    return ", ".join(f"`--{name}`" for name in names)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print(page())
