"""The graders of lesson 02: they look at the process that a learner has made, and at /proc.

Each reads like the list of what must be true, in the order in which a learner would look at it;
the first untrue thing is the mistake. What it says: texts/<language>/02-a-container-by-hand.toml.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

from lessons_lib.checks import Marks, Mistake
from lessons_lib.refusals import Refused, in_words
from lessons_lib.workbench import Run, Step, Workbench
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.linux import namespaces

LESSON = "02-a-container-by-hand"

CHEST = "lesson02/chest"
SEALS = {"east": "clay", "south": "gold", "west": "silver"}
"""The containers of exercise 3, and what each has sealed."""

TRY_TO_LEAVE = Step(
    "grader_walks_out",
    """\
def grader_walks_out():
    try:
        outside = os.open("/", os.O_RDONLY)
        os.makedirs("/grader-trap", exist_ok=True)
        os.chroot("/grader-trap")
        os.fchdir(outside)
        for _ in range(64):
            os.chdir("..")
        os.chroot(".")
    except OSError:
        pass
    try:
        return note.read_text()
    except OSError:
        return ""
""",
)
"""The walk out of a chroot, as the lesson does it; "" where the note cannot be reached."""


def soy_jar(marks: Marks, bench: Workbench) -> None:
    """soy_jar has a host name and a network of its own, and nothing else."""
    run = _run(bench, "soy_jar")
    assert run.after
    name = run.after["hostname"]
    if "uts" not in run.own and name == "soy":
        raise Mistake("renamed-host")
    if "uts" not in run.own:
        raise Mistake("no-world")
    if name != "soy":
        raise Mistake("other-name", found=name)
    marks.earn(0.4)
    if "network" not in run.own:
        raise Mistake("no-network")
    if not run.after["calls_itself"]:
        raise Mistake("lo-down")
    marks.earn(0.4)
    if extra := sorted(run.own - {"uts", "network"}):
        raise Mistake("too-much", extra=", ".join(extra))
    marks.earn(0.2)


def mended(marks: Marks, bench: Workbench, steps: object) -> None:
    """The steps make a process that sees itself only, on the image's files, with no way out."""
    if not isinstance(steps, list | tuple) or not all(isinstance(s, str | Step) for s in steps):
        raise Mistake("no-steps", given=str(steps)[:80])
    run = _run(bench, *steps)
    if "pid" not in run.own:
        raise Mistake("shared-numbers")
    if "mount" not in run.own:
        raise Mistake("shared-mounts")
    if "root" not in run.own:
        raise Mistake("hosts-root")
    if _run(bench, *steps, TRY_TO_LEAVE).value:
        raise Mistake("walks-out")
    marks.earn(0.5)
    assert run.after
    if not run.after["processes"]:
        raise Mistake("no-proc")
    if run.after["processes"] != 1:
        raise Mistake("others-listed", count=run.after["processes"])
    marks.earn(0.5)


def gold_pid(marks: Marks, engine: Engine, answer: object) -> None:
    """The answer is the host's number of a process in the container that has the gold."""
    if answer is None or answer is Ellipsis or answer == "":
        raise Mistake("no-answer")
    pid = _number(answer)
    chests = {name: engine.containers.get(name) for name in SEALS}
    if pid == 1:
        raise Mistake("inner-number")
    worlds = {_world(chest.pid): name for name, chest in chests.items()}
    try:
        name = worlds.get(_world(pid))
    except OSError:
        raise Mistake("nobody", pid=pid) from None
    if name is None:
        raise Mistake("of-the-host", comm=_comm(pid))
    if SEALS[name] != "gold":
        raise Mistake("other-metal", found=SEALS[name])
    marks.earn(1.0)


def hide_the_gold(bench: Workbench) -> str:
    """Start the three containers, from an image of this lesson, and hide a seal in each; its path.

    The path is this engine's own: the host may show the containers of other engines, too.
    """
    seal = f"/seal-{hashlib.sha256(str(bench.engine.root).encode()).hexdigest()[:6]}.txt"
    bench.write("chest/Dockerfile", 'FROM onggi/base\nCMD ["sleep", "1d"]\n')
    bench.engine.images.build(path=bench.path("chest"), tag=CHEST)
    bench.remove(*SEALS)
    for name, metal in SEALS.items():
        chest: Container = bench.engine.containers.run(CHEST, name=name, detach=True)
        chest.exec_run(["sh", "-c", f"echo {metal} > {seal}"])
    return seal


def _run(bench: Workbench, *steps: str | Step) -> Run:
    """Raises the mistake of steps that do not come to their end."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # a verdict, and nothing beside it
            run = bench.run(*steps)
    except Refused as refusal:
        if refusal is bench.missing:
            raise
        raise Mistake("stopped", refusal=in_words(refusal)) from None
    if run.after is None:
        raise Mistake("left")
    return run


def _number(answer: object) -> int:
    """A PID, also as text. Raises the mistake of what is none."""
    if not isinstance(answer, bool):
        with contextlib.suppress(ValueError):
            return int(str(answer).strip())
    raise Mistake("no-number", given=str(answer)[:40])


def _world(pid: int) -> str:
    return namespaces.identity(pid, "pid")


def _comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
