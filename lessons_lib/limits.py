"""What the kernel keeps a container to, and what it has used: read from the control group's files.

    show.limits(container)      the files in which its limits stand, and what stands in them
    show.cpu(container)         its use of the processor over a few seconds, drawn as it comes

man 7 cgroups
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import BERRY, FAINT, LEAF, RULE, Shown, code, listing
from runtime.engine.container import Container
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_mounts import version_of
from runtime.linux.cgroup_settings import Setting, settings_v1, settings_v2
from runtime.linux.cgroup_usage import read_usage

SAMPLE_S = 0.2
WIDE, HIGH, MARGIN = 620, 170, 44
MOST = 1.0
"""The top of the drawing: one whole processor."""


def limits(container: Container) -> Shown:
    """A row for each limit: the kernel's file, and what stands in it now."""
    head = [say(f"limits.{name}") for name in ("controller", "file", "value")]
    rows = [[setting.controller, setting.file, value] for setting, value in _in_force(container)]
    if not rows:
        return Shown(say("limits.none", name=container.name))
    return listing(head, rows, [[code(cell) for cell in row] for row in rows])


def _in_force(container: Container) -> Iterator[tuple[Setting, str]]:
    """The settings that the engine derives from config.json, each with what its file says now."""
    resources, group = container.spec.resources, Cgroup(container.id)
    for version, settings in ((1, settings_v1(resources)), (2, settings_v2(resources))):
        for setting in settings:
            directory = group.directory(setting.controller)
            if version_of(setting.controller) != version or directory is None:
                continue
            file = directory / setting.file
            if file.exists():
                yield setting, file.read_text().strip()


def cpu(container: Container, seconds: float = 2.0) -> Shown:
    """Parts of a processor that the container uses from now on, every fifth of a second."""
    group, quota = Cgroup(container.id), _quota(container)
    shares = list(_shares(group, seconds))
    words = say("limits.cpu-words", shares=" ".join(f"{share:.2f}" for share in shares))
    return Shown(words, picture=_picture(shares, quota, words))


def _shares(group: Cgroup, seconds: float) -> Iterator[float]:
    before, then = read_usage(group).cpu.total_ns, time.perf_counter()
    for _ in range(round(seconds / SAMPLE_S)):
        time.sleep(SAMPLE_S)
        used, now = read_usage(group).cpu.total_ns, time.perf_counter()
        yield (used - before) / (now - then) / 1e9
        before, then = used, now


def _quota(container: Container) -> float:
    """The processors that it may use; 0 for no limit."""
    limit = container.spec.resources.get("cpu", {})
    return float(limit.get("quota", 0)) / float(limit.get("period", 100_000))


def _picture(shares: list[float], quota: float, words: str) -> str:
    drawing = Drawing(WIDE, HIGH)
    floor, step = HIGH - MARGIN / 2, (WIDE - 2 * MARGIN) / len(shares)
    room = floor - MARGIN / 2
    for number, share in enumerate(shares):
        high = min(share, MOST) / MOST * room
        x = MARGIN + number * step
        drawing.box(x + 2, floor - high, step - 4, high, fill=LEAF, edge=LEAF)
    drawing.line(MARGIN, floor, WIDE - MARGIN, floor, colour=RULE)
    drawing.text(MARGIN - 8, MARGIN / 2 + 4, "1.0", size=11, colour=FAINT, anchor="end")
    drawing.text(MARGIN - 8, floor + 4, "0", size=11, colour=FAINT, anchor="end")
    if quota:
        y = floor - min(quota, MOST) / MOST * room
        drawing.line(MARGIN, y, WIDE - MARGIN, y, colour=BERRY, dashed=True)
        drawing.text(WIDE - MARGIN + 6, y + 4, f"{quota:g}", size=11, colour=BERRY)
    return drawing.svg(say("limits.cpu-title"), words)
