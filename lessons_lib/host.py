"""What is real on this machine, and how we know: the table at the start of the course.

The engine's probe tries everything out; this file asks it and words the answers. Nothing is
simulated: where something is missing, the table says so and what to do, and a cell that needs it
says so again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from lessons_lib.language import say
from lessons_lib.shown import BERRY, LEAF, Shown, code, escaped, listing, strong
from runtime.linux.probe import Capability

NEEDED_FOR_CONTAINERS = (
    "Linux",
    "root",
    "mount namespace",
    "pid namespace",
    "uts namespace",
    "ipc namespace",
    "network namespace",
    "cgroup namespace",
    "overlay file system",
)


def capabilities_table(found: Sequence[Capability] | None = None) -> Shown:
    """Every capability with yes or no, its evidence, and advice where it is missing."""
    found = probed() if found is None else found
    head = [say(f"host.{name}") for name in ("what", "here", "evidence", "advice")]
    plain = [[_name(c), _answer(c), c.evidence, _advice(c)] for c in found]
    page = [[escaped(_name(c)), _coloured(c), code(c.evidence), escaped(_advice(c))] for c in found]
    return listing(head, plain, page)


def verdict(found: Sequence[Capability] | None = None) -> Shown:
    """One sentence: whether containers run for real here, and if not, what is missing."""
    found = probed() if found is None else found
    missing = [_name(c) for c in found if c.name in NEEDED_FOR_CONTAINERS and not c.available]
    if missing:
        return Shown(say("host.missing", missing=", ".join(missing)))
    return Shown(say("host.real"))


def probed() -> tuple[Capability, ...]:
    """The probe's answers. It runs in a process of its own: it forks, and a notebook's kernel,
    which has threads, must not.
    """
    program = [sys.executable, "-c", _ASK]
    asked = subprocess.run(program, stdout=subprocess.PIPE, check=True)
    return tuple(Capability(**answer) for answer in json.loads(asked.stdout))


_ASK = """
import dataclasses, json
from runtime.linux.probe import capabilities
print(json.dumps([dataclasses.asdict(each) for each in capabilities()]))
"""


def _name(capability: Capability) -> str:
    return say(f"host.names.{capability.name}")


def _answer(capability: Capability) -> str:
    return say("host.yes" if capability.available else "host.no")


def _advice(capability: Capability) -> str:
    return "" if capability.available else say(f"host.advices.{capability.name}")


def _coloured(capability: Capability) -> str:
    return strong(_answer(capability), LEAF if capability.available else BERRY)
