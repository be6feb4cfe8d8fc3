"""The door to everything a lesson shows: `from lessons_lib import show`.

    show.source(pivot_root)             the function that has just run, and where it stands
    show.layers(image, container)       towers of layers; shared floors are drawn once
    show.overlay(container, "/jar")     one folder and the directories behind it: copy-up, whiteouts
    show.changes(mina, jun)             what each container changed (docker diff)
    show.upper(mina, jun)               their writable directories as they lie on the disk
    show.mounts(container)              the root mount, as the kernel lists it
    show.points(container)              its volumes, binds and memory, as the kernel lists them
    show.worlds(container)              what host and container share, and what not
    show.inside(container)              its devices, addresses, way out and ports, as it sees them
    show.way(container)                 a packet's way into it: NAT, bridge, veth, with counters
    show.growth(run)                    what a process had for itself after each step
    show.beside(run, container)         a container made by hand beside one of the engine's
    show.steps(log)                     what a build did: new layers, cached ones, settings only
    show.progress()                     the same while it runs: `with show.progress() as progress`
    show.travel()                       the layers of an image while it is pulled or pushed
    show.disk(one, two, ten)            what images say they take, and what they take together
    show.life(sunja, malja)             the states that each has been in, and what led to the next
    show.health(container)              what its last health checks found
    show.limits(container)              its limits, as they stand in the kernel's files
    show.cpu(container)                 its use of the processor, drawn as it comes
    show.wire(shop.recording("push"))   what went between engine and registry, and what for

Pictures are also words: `print(show.layers(image))`.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from lessons_lib.beside import beside
from lessons_lib.build_live import progress
from lessons_lib.build_progress import steps
from lessons_lib.changes import changes
from lessons_lib.disk import disk
from lessons_lib.growth import growth
from lessons_lib.health import health
from lessons_lib.inside import inside
from lessons_lib.language import say
from lessons_lib.life import life
from lessons_lib.limits import cpu, limits
from lessons_lib.points import points
from lessons_lib.shelves import shelves as overlay
from lessons_lib.shown import CLAY, INK, MONO, Shown, card, code, escaped
from lessons_lib.stack import layers
from lessons_lib.travel_live import travel
from lessons_lib.upper import upper
from lessons_lib.way import way
from lessons_lib.wire import wire
from lessons_lib.worlds import inner_pid, mounts, worlds

REPOSITORY = Path(__file__).parent.parent

__all__ = [
    "beside",
    "changes",
    "cpu",
    "disk",
    "growth",
    "health",
    "inner_pid",
    "inside",
    "layers",
    "life",
    "limits",
    "mounts",
    "overlay",
    "points",
    "progress",
    "source",
    "steps",
    "travel",
    "upper",
    "way",
    "wire",
    "worlds",
]


def source(function: Callable[..., Any] | type, *, mark: str = "") -> Shown:
    """The source of a function, method or class, with a link to its place in the repository.

    Lines that contain `mark` stand out. The link works where a notebook lies in notebooks/ko or
    notebooks/en, in JupyterLab as on GitHub.
    """
    lines, first = inspect.getsourcelines(function)
    file = Path(inspect.getsourcefile(function) or "").relative_to(REPOSITORY)
    text = textwrap.dedent("".join(lines))
    where = f"{file}:{first}"
    marked = [number for number, line in enumerate(lines, 1) if mark and mark in line]
    link = f"../../{file}#L{first}-L{first + len(lines) - 1}"
    head = (
        f'<div style="margin-bottom:6px">{escaped(say("show.source"))} '
        f'<a href="{link}">{code(where)}</a></div>'
    )
    return Shown(f"# {where}\n{text}", card(head + _coloured(text, marked), edge=CLAY))


def _coloured(text: str, marked: list[int]) -> str:
    """Python in colours that are part of the page: a stored notebook brings no stylesheet."""
    formatter = HtmlFormatter(
        noclasses=True,
        style="friendly",
        cssclass="onggi-source",
        hl_lines=marked,
        prestyles=f"margin:0;background:none;color:{INK};font-family:{MONO};line-height:1.5",
        cssstyles="background:none;overflow-x:auto",
    )
    return str(highlight(text, PythonLexer(), formatter))
