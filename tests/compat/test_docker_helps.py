"""Every command and flag that docker's client lists in its help, `onggi` has, too.

Read from the help texts of the clients that are here: Debian's, and the newer one where it is on
the PATH. What is not there has its reason in tests/docker_flags.py, a line each; one for what is
there is a mistake.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess

import needs
import pytest
from docker_flags import COMMANDS, EVERYWHERE, FLAGS

from runtime.cli.commands import NOUNS, TOP, Noun, Verb
from runtime.cli.first_flags import ALL as FIRST_FLAGS
from runtime.cli.flags import Flag

if reason := needs.why_missing("docker"):  # no mark: these tests touch no kernel
    assert not needs.ci(), reason
    pytest.skip(reason, allow_module_level=True)

DEBIANS = "/usr/bin/docker"
CLIENTS = sorted({DEBIANS, shutil.which("docker") or DEBIANS})

OTHER_LETTERS = {"time": "the newer clients' --timeout has its letter"}

_FLAG = re.compile(r"^\s+(?:-(\w), |    )?\s*--([\w-]+)(?: \S+)?(?:   |$)", re.MULTILINE)
_COMMANDS = re.compile(r"^(?:[\w ]*Commands):\n((?:  .*\n?)+)", re.MULTILINE)


@functools.cache
def help_of(client: str, path: str) -> str:
    """What the client says for `PATH --help`."""
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith("DOCKER_")
    }
    line = [client, *path.split(), "--help"]
    done = subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout


def commands_in(text: str) -> list[str]:
    """The commands that a help text lists; plugins have a star."""
    lines = [line for block in _COMMANDS.findall(text) for line in block.splitlines()]
    return [line.split()[0].rstrip("*") for line in lines if line.strip()]


def flags_in(text: str) -> dict[str, str]:
    """The flags that it lists, each with its letter or ""."""
    found = {name: letter for letter, name in _FLAG.findall(text.partition("Options:")[2])}
    found.pop("help", None)
    return found


def nouns(client: str) -> dict[str, Noun]:
    """Words that only group commands, as far as the client has them."""
    return {name: NOUNS[name] for name in commands_in(help_of(client, "")) if name in NOUNS}


def paths(client: str) -> dict[str, Verb]:
    """The commands of a client that we have, too, by docker's name: each once."""
    found: dict[str, Verb] = {}
    for name, known in TOP.items():
        if isinstance(known, Verb) and name in commands_in(help_of(client, "")):
            found[name] = known
    for noun, group in nouns(client).items():
        for name in commands_in(help_of(client, noun)):
            verb = group.verbs.get(name)
            if verb is not None and verb not in found.values():
                found[f"{noun} {name}"] = verb
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_every_command_is_there_or_has_a_reason_not_to_be(client: str) -> None:
    missing = [name for name in commands_in(help_of(client, "")) if name not in TOP]
    for noun, group in nouns(client).items():
        found = commands_in(help_of(client, noun))
        missing += [f"{noun} {name}" for name in found if name not in group.verbs]
    assert [name for name in missing if name not in COMMANDS] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_every_flag_is_there_or_has_a_reason_not_to_be(client: str) -> None:
    missing: list[str] = []
    for path, verb in paths(client).items():
        theirs = flags_in(help_of(client, path))
        ours = {flag.long: flag for flag in verb.load().flags if not flag.kind.later}
        excused = {**EVERYWHERE, **FLAGS.get({"create": "run"}.get(path, path), {})}
        missing += [f"{path} --{name}" for name in theirs if name not in {**ours, **excused}]
    assert missing == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_flag_has_the_same_letter(client: str) -> None:
    others: list[tuple[str, str, str]] = []
    for path, verb in paths(client).items():
        ours = {flag.long: flag.short for flag in verb.load().flags if not flag.kind.later}
        others += [
            (path, name, letter)
            for name, letter in flags_in(help_of(client, path)).items()
            if name in ours and ours[name] != letter and name not in OTHER_LETTERS
        ]
    assert others == []


@pytest.mark.parametrize("client", CLIENTS)
def test_the_flags_before_the_command_are_the_same(client: str) -> None:
    theirs = flags_in(help_of(client, ""))
    ours: dict[str, Flag] = {flag.long: flag for flag in FIRST_FLAGS}
    assert [name for name in theirs if name not in {**ours, **EVERYWHERE}] == []
    assert [
        name for name, letter in theirs.items() if name in ours and ours[name].short != letter
    ] == []


def test_no_reason_is_given_for_what_is_there() -> None:
    nouns = {f"{noun} {name}" for noun, group in NOUNS.items() for name in group.verbs}
    assert set(COMMANDS) & (set(TOP) | nouns) == set()
    for path, excused in FLAGS.items():
        found = TOP.get(path)
        noun, _, name = path.partition(" ")
        group = TOP.get(noun)
        verb = found if isinstance(found, Verb) else None
        if verb is None and isinstance(group, Noun):
            verb = group.verbs[name]
        assert verb is not None, path
        works = {flag.long for flag in verb.load().flags if not flag.kind.later}
        assert set(excused) & works == set(), path
